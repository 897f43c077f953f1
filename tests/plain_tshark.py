"""What plain tshark says of a whole capture, read without any code of the product: the yardstick for the fast way."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests import frames

WITHOUT_REASSEMBLY = ("-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE")
FIELDS = ("frame.number", "frame.protocols", "ip.src", "ip.dst", "ip.id", "ip.flags.mf", "ip.frag_offset", "ip.len",
          "ip.hdr_len", "ipv6.src", "ipv6.dst", "ipv6.fraghdr.ident", "ipv6.fraghdr.offset", "ipv6.fraghdr.more",
          "udp.srcport", "udp.dstport", "udp.payload", "icmp.type", "icmpv6.type")  # fmt: skip
EAD_HEADS = ("000ad877", "000ad878", "000ad879")
PLAIN_BODY = b"<data>".hex()


@dataclass(frozen=True, order=True)
class Seen:
    """The innermost packet of a frame, up to the first fragment on the way in."""

    frame: int
    version: int
    source: str
    destination: str
    ident: int | None
    offset: int
    more: bool
    ports: tuple[int, int] | None


def rows(path: Path, *options: str, fields: tuple[str, ...] = FIELDS) -> list[dict[str, list[str]]]:
    argv = ["tshark", "-n", "-r", str(path), *options, "-T", "fields", "-E", "occurrence=a"]
    for name in fields:
        argv += ["-e", name]
    output = subprocess.run(argv, capture_output=True, check=False, text=True).stdout
    table = []
    for line in output.splitlines():
        columns = line.split("\t")
        table.append({name: columns[at].split(",") if columns[at] else [] for at, name in enumerate(fields)})
    return table


@functools.cache
def offset_unit(field: str = "ip.frag_offset") -> int:
    """How many bytes one printed offset is: versions of tshark differ."""
    whole = frames.udp(bytes(2000))
    pieces = frames.fragments_v6(whole, 800) if field.startswith("ipv6") else frames.fragments_v4(whole, 800)
    with tempfile.TemporaryDirectory() as folder:
        path = frames.write(Path(folder) / "unit.pcap", frames.pcap(map(frames.ethernet, pieces)))
        printed = rows(path, *WITHOUT_REASSEMBLY, fields=(field,))[1][field][0]
    return 800 // int(printed)


def wanted_packets(path: Path, ports: frozenset[int]) -> set[Seen]:
    """EAD by port or content, fragments, ICMP errors."""
    found = set()
    for row in rows(path, *WITHOUT_REASSEMBLY):
        seen = _innermost(row)
        if seen is None:
            continue
        is_piece = seen.more or seen.offset > 0
        has_header = seen.version == 6 and seen.ident is not None
        if is_piece or has_header or _is_error(row) or (seen.ports and _is_ead(row, seen.ports, ports)):
            found.add(seen)
    return found


def _innermost(row: dict[str, list[str]]) -> Seen | None:
    fours = sixes = headers = udps = 0
    seen = None
    for name in row["frame.protocols"][0].split(":"):
        if name == "ip":
            offset = int(row["ip.frag_offset"][fours]) * offset_unit()
            more = row["ip.flags.mf"][fours] in ("1", "True")
            ident = int(row["ip.id"][fours], 16)
            seen = Seen(_number(row), 4, row["ip.src"][fours], row["ip.dst"][fours], ident, offset, more, None)
            fours += 1
        elif name == "ipv6":
            seen = Seen(_number(row), 6, row["ipv6.src"][sixes], row["ipv6.dst"][sixes], None, 0, False, None)
            sixes += 1
        elif name == "ipv6.fraghdr" and seen is not None:
            offset = int(row["ipv6.fraghdr.offset"][headers]) * offset_unit("ipv6.fraghdr.offset")
            more = row["ipv6.fraghdr.more"][headers] in ("1", "True")
            ident = int(row["ipv6.fraghdr.ident"][headers], 16)
            seen = Seen(seen.frame, 6, seen.source, seen.destination, ident, offset, more, None)
            headers += 1
        elif name == "udp" and seen is not None:
            ports = int(row["udp.srcport"][udps]), int(row["udp.dstport"][udps])
            seen = Seen(
                seen.frame, seen.version, seen.source, seen.destination, seen.ident, seen.offset, seen.more, ports
            )
            udps += 1
        elif name in ("icmp", "icmpv6", "tcp"):
            break
        if seen is not None and (seen.offset or (seen.more and name == "udp")):
            break
    return seen


def _number(row: dict[str, list[str]]) -> int:
    return int(row["frame.number"][0])


def _is_error(row: dict[str, list[str]]) -> bool:
    return bool({"3", "4", "11", "12"} & set(row["icmp.type"]) or {"1", "2", "3", "4"} & set(row["icmpv6.type"]))


def _is_ead(row: dict[str, list[str]], seen: tuple[int, int], ports: frozenset[int]) -> bool:
    payload = row["udp.payload"][-1] if row["udp.payload"] else ""
    return bool(ports & set(seen)) or payload.startswith(EAD_HEADS) or 0 <= payload.find(PLAIN_BODY) <= 2 * 64


def reassembled(path: Path) -> dict[int, tuple[int, ...]]:
    """Frame that completes a datagram → the frames that tshark's default reassembly used."""
    # Pieces that overlap others stand in the "error" fields.
    fields = ("frame.number", "ip.fragment", "ip.fragment.error", "ipv6.fragment", "ipv6.fragment.error")
    found = {}
    for row in rows(path, "-2", fields=fields):
        pieces = [int(frame) for name in fields[1:] for frame in row[name]]
        if pieces:
            found[_number(row)] = tuple(sorted(pieces))
    return found
