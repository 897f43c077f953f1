"""Which walker reads a capture file: bytes in, block by block, frames out.

Pure. A record that straddles two blocks is carried over, so that memory does not depend on the size of the file. The
walkers read the structure of records only; what the frames hold is decided in `sieve`.
"""

from __future__ import annotations

from app.core.parsers.capture_formats import sniff_capture
from app.core.parsers.pcap_walker import PcapWalker
from app.core.parsers.pcapng_walker import PcapngWalker


def walker_for(head: bytes) -> PcapWalker | PcapngWalker | None:
    kind = sniff_capture(head)
    if kind == "pcapng":
        return PcapngWalker()
    return PcapWalker() if kind == "pcap" else None
