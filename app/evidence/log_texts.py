"""The text of a log for those who look for names in it: in pieces, and what it shows as hexadecimal digits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address

from app.core.anonymise.addresses import AddressMap
from app.core.anonymise.bodies import BodyMap
from app.core.anonymise.dumps import readable
from app.core.anonymise.hexes import find_dumps, has_row
from app.core.anonymise.names import NameMap
from app.core.anonymise.octets import OctetMap
from app.core.anonymise.text import TextMap
from app.core.parsers.log_text import decode, wide_codec

CHUNK_BYTES, LONGEST_CHUNK_BYTES = 256 << 10, 4 << 20
SHORTEST_SHOWN = 8  # bytes, in which something may be called a name
RECORD_START = re.compile(rb"\n(?=[\[%])")
V4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)")


def chunks(content: bytes) -> Iterator[bytes]:
    """Pieces that end where a record begins, so that no name is cut; nor a dump, unless it is of several megabytes."""
    at = 0
    while at < len(content):
        end = next(
            (
                found.end()
                for found in RECORD_START.finditer(content, at + CHUNK_BYTES)
                if found.end() - at > LONGEST_CHUNK_BYTES or not _is_in_dump(content, found.end())
            ),
            len(content),
        )
        yield content[at:end]
        at = end


def _is_in_dump(content: bytes, at: int) -> bool:
    """Whether the lines before and after a line's beginning both show bytes."""
    before = content[content.rfind(b"\n", 0, at - 1) + 1 : at - 1]
    after = content[at : content.find(b"\n", at) + 1 or len(content)]
    return all(has_row(line.decode("latin-1").rstrip("\r\n")) for line in (before, after))


def texts_of(content: bytes) -> Iterator[str]:
    wide = wide_codec(content[:4096])
    if wide is not None:
        yield content.decode(wide, "replace")
        return
    for chunk in chunks(content):
        try:
            yield chunk.decode()
        except UnicodeDecodeError:
            yield chunk.decode("gb18030", "replace")


def shown_in(text: str) -> Iterator[str]:
    """What stands in a text's dumps."""
    bodies = body_reader()
    for dump in find_dumps(text):
        for reading in dump.readings():
            octets = reading.octets(text)
            if len(octets) >= SHORTEST_SHOWN:
                yield from map(decode, readable(octets, bodies))


def octets_in(content: bytes) -> Iterator[bytes]:
    """The same of a file, as bytes."""
    bodies = body_reader()
    text = content.decode(wide_codec(content[:4096]) or "latin-1", "replace")
    for dump in find_dumps(text):
        for reading in dump.readings():
            yield from readable(reading.octets(text), bodies)


def body_reader() -> BodyMap:
    return BodyMap(OctetMap(TextMap(NameMap(), AddressMap(b""))), b"")


def v4_in(text: str) -> Iterator[str]:
    for found in V4.finditer(text):
        with suppress(ValueError):
            yield str(ip_address(found[0]))
