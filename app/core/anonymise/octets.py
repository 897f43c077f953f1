"""Identifiers in bytes of which nobody knows what they are: a text in some encoding, with anything before and after it.

Every replacement is as long as what it replaces. Where an address as text has a longer one, its place is filled with
zeros, where a shorter one, with blanks after it (as in the body of a captured message, so that both say the same).
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from app.core.anonymise.text import TextMap

WIDE_ASCII = re.compile(rb"(?:[\x20-\x7e]\x00){3,}[\x20-\x7e]?")
OTHER_CODECS = ("gb18030", "utf-16-le", "utf-16-be")
WIDTHS = (16, 6, 4)  # IPv6, MAC, IPv4


class OctetMap:
    def __init__(self, texts: TextMap) -> None:
        self._texts = texts
        words = {word: new for word, new in texts.named.items() if not word.isascii()}
        coded = ((word.encode(codec), new.encode(codec)) for word, new in words.items() for codec in OTHER_CODECS)
        self._coded = {old: new for old, new in coded if len(old) == len(new)}
        longest_first = sorted(self._coded, key=lambda old: (-len(old), old))
        self._search = re.compile(b"|".join(map(re.escape, longest_first))) if self._coded else None
        self._packed: dict[bytes, bytes] = {}
        self._packed_of = (-1, -1)

    def text(self, octets: bytes) -> bytes:
        """Names and addresses as text: ASCII in UTF-8, GB18030 and UTF-16, other scripts where the name is known."""
        if self._search is not None:
            octets = self._search.sub(lambda found: self._coded[found[0]], octets)
        octets = WIDE_ASCII.sub(lambda found: self._wide(found[0]), octets)
        text = octets.decode("utf-8", "surrogateescape")
        return self._texts.replace(text, keep_length=True).encode("utf-8", "surrogateescape")

    def _wide(self, octets: bytes) -> bytes:
        new = bytearray(octets)
        new[::2] = self._texts.replace(octets[::2].decode("ascii"), keep_length=True).encode("ascii")
        return bytes(new)

    def raw(self, octets: bytes) -> bytes:
        """Known addresses and MACs as the bytes that they are."""
        packed = self._known()
        new, at = bytearray(octets), 0
        while at < len(octets):
            width = next((width for width in WIDTHS if octets[at : at + width] in packed), 0)
            if width:
                new[at : at + width] = packed[octets[at : at + width]]
            at += width or 1
        return bytes(new)

    def _known(self) -> dict[bytes, bytes]:
        addresses, macs = self._texts.addresses.known, self._texts.names.macs
        if self._packed_of != (len(addresses), len(macs)):
            self._packed_of = len(addresses), len(macs)
            self._packed = {ip_address(old).packed: ip_address(new).packed for old, new in addresses.items()}
            self._packed |= {packed_mac(old): packed_mac(new) for old, new in macs.items()}
        return self._packed


def packed_mac(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))
