"""Bytes written as tools write them, and read again: by the places that the writer noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random


@dataclass(slots=True)
class Shown:
    """`digits`: where the digits of each byte stand; `column`: where its character does."""

    text: str = ""
    digits: list[list[int]] = field(default_factory=list)
    column: list[int] = field(default_factory=list)

    def put(self, text: str) -> None:
        self.text += text

    def byte(self, octet: int, *, upper: bool) -> None:
        self.digits.append([len(self.text), len(self.text) + 1])
        self.put(f"{octet:02X}" if upper else f"{octet:02x}")

    def characters(self, octets: bytes) -> None:
        for octet in octets:
            self.column.append(len(self.text))
            self.put(chr(octet) if 32 <= octet < 127 else ".")

    def octets(self, text: str) -> bytes:
        return bytes(int("".join(text[place] for place in places), 16) for places in self.digits)

    def shown(self, text: str) -> str:
        return "".join(text[place] for place in self.column)


Style = Callable[[bytes, Random], Shown]
HEAD = "[2026-11-23 16:52:28] [Cmn] [1394] "


def run(octets: bytes, random: Random) -> Shown:
    """One line, however long."""
    shown = Shown(random.choice(["", "payload: ", "data=0x", HEAD]))
    for octet in octets:
        shown.byte(octet, upper=False)
    return shown


def wrapped(octets: bytes, random: Random) -> Shown:
    """Broken after any digit, as a terminal or a log breaks long lines."""
    whole, width = run(octets, random), random.randrange(17, 90)
    offset = len(whole.text) - 2 * len(octets)
    shown = Shown(whole.text[:offset])
    places = []
    for digit in whole.text[offset:]:
        if len(shown.text.rpartition("\n")[2]) >= width:
            shown.put("\n")
        places.append(len(shown.text))
        shown.put(digit)
    shown.digits = [places[at : at + 2] for at in range(0, len(places), 2)]
    return shown


def signs(sign: str) -> Style:
    def write(octets: bytes, random: Random) -> Shown:
        shown, width, upper = Shown("bytes:\n"), random.choice([len(octets), 8, 16, 20]), random.random() < 0.5
        for at, octet in enumerate(octets):
            if at:
                shown.put(sign.strip(" ") + "\n" if at % width == 0 else sign)
            shown.byte(octet, upper=upper)
        return shown

    return write


def marked(mark: str) -> Style:
    def write(octets: bytes, random: Random) -> Shown:
        shown = Shown()
        for octet in octets:
            shown.put(mark)
            shown.byte(octet, upper=random.random() < 0.1)
        return shown

    return write


def table(offset: str, group: int, gap: str, edge: str = "", head: str = "", width: int = 16) -> Style:
    """Rows with an offset, groups of bytes, and a column of characters between edges where there is an `edge`."""

    def write(octets: bytes, random: Random) -> Shown:
        shown = Shown(random.choice(["", "out-pkt body:\n"]))
        for at in range(0, len(octets), width):
            row = octets[at : at + width]
            shown.put(head + offset.format(at))
            before = len(shown.text)
            for index, octet in enumerate(row):
                shown.put(" " if index and index % group == 0 else "")
                shown.put(" " if index == width // 2 and gap == "|" else "")
                shown.byte(octet, upper="X" in offset)
            if edge:
                room = width * 2 + width // group + (gap == "|")
                shown.put(" " * (room - (len(shown.text) - before)) + edge)
                shown.characters(row)
                shown.put(edge.strip(" "))
            shown.put("\n")
        return shown

    return write


def words(octets: bytes, random: Random) -> Shown:
    """`hexdump` without options: words of two bytes with the low one first."""
    shown = Shown()
    octets += b"\0" * (len(octets) % 2)
    for at in range(0, len(octets), 16):
        shown.put(f"{at:07x}")
        for pair in range(at, min(at + 16, len(octets)), 2):
            shown.put(" ")
            shown.byte(octets[pair + 1], upper=False)
            shown.byte(octets[pair], upper=False)
            shown.digits[-2:] = shown.digits[:-3:-1]
        shown.put("\n")
    return shown


STYLES: dict[str, Style] = {
    "run": run,
    "wrapped": wrapped,
    "blanks": signs(" "),
    "colons": signs(":"),
    "dashes": signs("-"),
    "commas": signs(", "),
    "0x": marked(" 0x"),
    "escaped": marked("\\x"),
    "xxd": table("{:08x}: ", 2, "", "  "),
    "hexdump -C": table("{:08x}  ", 1, "|", "  |"),
    "wireshark": table("{:04x}   ", 1, "", "   "),
    "tcpdump -X": table("\t0x{:04x}:  ", 2, "", "  "),
    "od": table("{:07o} ", 1, ""),
    "segments": table("0B3D:{:04X}  ", 1, "", "   "),
    "device": table("{:04X}: ", 1, "", "  ", head="  "),
    "log rows": table("{:04x}: ", 1, "", "  ", head=HEAD),
    "log rows without offsets": table("", 1, "", head=HEAD),
    "wide groups": table("{:08x}: ", 16, "", "  "),
    "words": words,
}
