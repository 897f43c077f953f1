"""Which walker reads a capture file: bytes in, block by block, frames out.

Pure. A record that straddles two blocks is carried over, so that memory does not depend on the size of the file. The
walkers read the structure of records only; what the frames hold is decided in `sieve`.
"""

from __future__ import annotations

from struct import unpack_from

from app.core.parsers.pcap_walker import PCAP_MAGICS, PcapWalker
from app.core.parsers.pcapng_walker import PCAPNG_MAGIC, PcapngWalker


def sniff_capture(head: bytes) -> str | None:
    """ "pcap", "pcapng" or None, from the first four bytes of the (uncompressed) file."""
    if len(head) < 4:
        return None
    (magic,) = unpack_from("<I", head)
    if magic == PCAPNG_MAGIC:
        return "pcapng"
    return "pcap" if magic in PCAP_MAGICS else None


def walker_for(head: bytes) -> PcapWalker | PcapngWalker | None:
    kind = sniff_capture(head)
    if kind == "pcapng":
        return PcapngWalker()
    return PcapWalker() if kind == "pcap" else None
