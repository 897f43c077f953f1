"""What capture files begin with, what links their frames come from, and what a frame can be.

Plain numbers, so that they are known before the array library of those who walk and sift is loaded.
"""

from __future__ import annotations

from struct import unpack_from

PCAP_MAGICS = {  # as read little-endian: (byte order, units of the fraction per second, bytes of a record header)
    0xA1B2C3D4: ("<", 10**6, 16),
    0xD4C3B2A1: (">", 10**6, 16),
    0xA1B23C4D: ("<", 10**9, 16),
    0x4D3CB2A1: (">", 10**9, 16),
    0xA1B2CD34: ("<", 10**6, 24),
    0x34CDB2A1: (">", 10**6, 24),
}
PCAPNG_MAGIC = 0x0A0D0D0A

LINK_NULL, LINK_ETHERNET, LINK_PPP, LINK_LOOP, LINK_SLL, LINK_SLL2 = 0, 1, 9, 108, 113, 276
LINK_RAW_IP = 101
LINK_RAW = frozenset({12, 14, LINK_RAW_IP, 228, 229})

NON_IP, TCP, UDP, OTHER, FIRST, LATER = 1, 2, 3, 4, 5, 6  # kinds of frames; 0: not judged by the sieve
MTU_BYTES = 1500


def sniff_capture(head: bytes) -> str | None:
    """ "pcap", "pcapng" or None, from the first four bytes of the (uncompressed) file."""
    if len(head) < 4:
        return None
    (magic,) = unpack_from("<I", head)
    if magic == PCAPNG_MAGIC:
        return "pcapng"
    return "pcap" if magic in PCAP_MAGICS else None
