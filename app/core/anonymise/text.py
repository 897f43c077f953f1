"""Identifiers in a text: found in every writing, also where a log broke them over two lines, and replaced."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from app.core.anonymise.addresses import AddressMap, is_personal_v4
from app.core.anonymise.names import NameMap
from app.core.anonymise.paths import masked_path

SURE_LENGTH, SURE_HAN = 6, 2  # a name this long is replaced inside other words too
BREAK = re.compile(r"[\r\n]+[ \t]*")
VALUE = re.compile(r'<i\s+n="[^"<>]{0,100}"\s*>+[^<]*')

_V4 = r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)"
_V6 = r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\d{0,3}(?:\.\d{1,3}){3})?(?![\w:])"
_MAC = r"(?<![\w])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w])"
_MAC_QUADS = r"(?<![\w])[0-9A-Fa-f]{4}(?:[-.][0-9A-Fa-f]{4}){2}(?![\w])"
_NUMBER = r"(?<!\d)\d{8,10}(?!\d)"
# What belongs to one machine, file or password: a digest, a GUID, a Windows account's number.
_DIGEST = r"(?<![0-9A-Za-z])(?:0x)?[0-9A-Fa-f]{32,128}(?![0-9A-Za-z])"
_GUID = r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
_SID = r"S-1-5-21(?:-\d{1,10}){3,5}"
_TOP = "com|net|org|cn|edu|gov|mil|info|biz|local|lan|corp|intra|internal|home|localdomain|io|de|jp|uk|us|hk|tw|sg|kr"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"(?<![\w.-])(?:[\w.+-]{{1,64}}@)?(?:{_LABEL}\.){{1,8}}(?i:{_TOP})(?![\w-])"
# What somebody keeps: everything below the owner's folder. The owner is a name that was learnt.
_KEPT = (
    r"(?<=\\)(?:Users|Documents and Settings)\\[^\\/:*?\"<>|\r\n]{1,64}(?:\\[^\\/:*?\"<>|\r\n]{1,128})+"
    r"|/home/[^\s\"'<>,;]{2,500}"
)
_ANY = re.compile(
    f"(?P<kept>{_KEPT})|(?P<guid>{_GUID})|(?P<digest>{_DIGEST})|(?P<sid>{_SID})|(?P<domain>{_DOMAIN})"
    f"|(?P<mac>{_MAC}|{_MAC_QUADS})|(?P<v6>{_V6})|(?P<v4>{_V4})|(?P<number>{_NUMBER})"
)
_DAM = re.compile(r'damProxyIp"?\s*(?:>{1,2}|[=:])\s*(\d{7,10})')


class TextMap:
    """Replaces in texts. `numbers` are addresses known so far, as the decimal numbers that message 2 has."""

    def __init__(self, names: NameMap, addresses: AddressMap) -> None:
        self.names, self.addresses = names, addresses
        self.numbers: dict[str, int] = {}
        self.blanked = 0  # identifiers that had to be blanked, since the replacement is longer
        words = {word: new for word, new in (*names.words.items(), *names.users.items()) if word} | names.parts()
        for mac, new in names.macs.items():
            words[mac.replace(":", "")] = new.replace(":", "")
        self.named = words
        self._words = {word.lower(): new for word, new in words.items()}
        self.lower = self._words.keys() | {text.lower() for text in names.ids}
        sure = [word for word in self._words if _is_sure(word)]
        short = [word for word in self._words if not _is_sure(word)]
        pattern = "|".join(part for part in (_trie(sure), rf"(?<!\w)(?:{_trie(short)})(?!\w)" if short else "") if part)
        self._named = re.compile(pattern, re.IGNORECASE) if pattern else None
        self._ids = _ids_pattern(names.ids)

    def learn_numbers(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            if ":" not in address:
                number = int(IPv4Address(address))
                self.numbers[str(number)] = number

    def learn_from(self, text: str) -> None:
        """Addresses that a text announces as decimal numbers."""
        for found in _DAM.finditer(BREAK.sub("", text)):
            if int(found[1]) < 1 << 32 and is_personal_v4(int(found[1])):
                self.numbers[found[1]] = int(found[1])

    def replace(self, text: str, *, keep_length: bool = False, apart: Sequence[tuple[int, int]] = ()) -> str:
        """The text with every identifier replaced. With `keep_length` (and always within the value of a body's field) a
        shorter replacement is filled up with blanks, and for a longer one the place is blanked. What lies in `apart`
        (in order) is left alone, unless it is a part of something longer."""
        flat, places = _flatten(text)
        spans = [] if keep_length else [found.span() for found in VALUE.finditer(flat)]
        starts = [start for start, _ in spans]
        chars = list(text)
        done: list[tuple[int, int]] = []
        for start, end, new in self._found(flat, text, places):
            if any(start < last and first < end for first, last in done[-4:]):
                continue
            if apart and _is_apart(apart, places[start], places[end - 1] + 1):
                continue
            done.append((start, end))
            at = bisect_right(starts, start) - 1
            is_body = keep_length or (at >= 0 and end <= spans[at][1])
            self._put(chars, [places[index] for index in range(start, end)], new, is_body=is_body)
        return "".join(chars)

    def _found(self, flat: str, text: str, places: list[int]) -> list[tuple[int, int, str]]:
        """(start, end, replacement) in the text without line breaks, in order."""
        found: list[tuple[int, int, str]] = []
        if self._named is not None:
            found += [(*match.span(), self._word(match[0])) for match in self._named.finditer(flat)]
        if self._ids is not None:
            spans = ((match.start("id"), match.end("id"), match["id"]) for match in self._ids.finditer(flat))
            found += [(start, end, self.names.ids[text]) for start, end, text in spans]
        for source, at in ((flat, None), (text, places)) if len(flat) != len(text) else ((flat, None),):
            # Where a line break is no part of an address, it ends one: look at the broken text as well.
            for match in _ANY.finditer(source):
                new = self._other(match)
                if new is None:
                    continue
                start, end = match.span()
                if at is not None:
                    start, end = bisect_right(at, start) - 1, bisect_right(at, end - 1)
                found.append((start, end, new))
        return sorted(set(found), key=lambda item: (item[0], -item[1]))

    def _word(self, word: str) -> str:
        new = self._words[word.lower()]
        return "".join(
            b.upper() if a.isupper() else b.lower() if a.islower() else b for a, b in zip(word, new, strict=True)
        )

    def _other(self, match: re.Match[str]) -> str | None:
        text = match[0]
        if match.lastgroup == "number":
            number = self.numbers.get(text)
            return None if number is None else f"{self.addresses.v4(number):0{len(text)}d}"
        if match.lastgroup in ("guid", "digest", "sid"):
            return self._hashed(text)
        if match.lastgroup == "domain":
            return "".join(self._label(part) for part in re.split(r"([.@])", text))
        if match.lastgroup == "kept":
            return masked_path(text, self.names.word)
        if match.lastgroup == "mac":
            bare = re.sub(r"[:.-]", "", text)
            new = self.names.mac(":".join(bare[at : at + 2] for at in range(0, 12, 2))).replace(":", "")
            chars = iter(new.lower() if text == text.lower() else new)
            return "".join(char if char in ":.-" else next(chars) for char in text)
        try:
            address = ip_address(text)
        except ValueError:
            return None
        if isinstance(address, IPv4Address) and not is_personal_v4(int(address)):
            return None
        if isinstance(address, IPv6Address) and text.count(":") < 2:
            return None
        new = self.addresses.text(str(address))
        return None if new == str(address) else new

    def _hashed(self, text: str) -> str:
        """Other digits: equal ones stay equal, a digest stays a digest, and the well-known beginnings stay."""
        kept = next((mark for mark in ("S-1-5-21", "0x") if text.startswith(mark)), "")
        digits = iter(self.addresses.digits(text.lower(), len(text)))
        rest = text[len(kept) :]
        turned = (next(digits) if char.isalnum() else char for char in rest)
        if text.startswith("S-"):
            return kept + "".join(str(int(char, 16) % 10) if char.isalnum() else char for char in turned)
        new = kept + "".join(turned)
        return new.upper() if text.upper() == text else new

    def _label(self, label: str) -> str:
        known = self._words.get(label.lower())
        if known is not None:
            return known
        is_sign = label in (".", "@", "") or re.fullmatch(_TOP, label, re.IGNORECASE) or label.lower() == "www"
        return label if is_sign else self.names.word(label)

    def _put(self, chars: list[str], places: list[int], new: str, *, is_body: bool) -> None:
        room = len(places)
        if is_body and len(new) > room:
            self.blanked += 1
            new = "0" * room
        elif is_body:
            new = new.ljust(room)
        for number, place in enumerate(places):
            chars[place] = new[number : number + 1]
        if len(new) > room:
            chars[places[-1]] += new[room:]


def _is_sure(word: str) -> bool:
    """Whether it is nobody else's name and no other word, so that it is replaced inside a longer one too. Chinese has
    no blanks between words."""
    return len(word) >= SURE_LENGTH or (len(word) >= SURE_HAN and all("\u3400" <= char <= "\u9fff" for char in word))


def _is_apart(apart: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    at = max(bisect_right(apart, (start, end)) - 1, 0)
    touched = [(first, last) for first, last in apart[at : at + 3] if start < last and first < end]
    # "0x" before digits makes nothing longer of them.
    return any(not (start <= first and last <= end and (start < first - 2 or last < end)) for first, last in touched)


def _ids_pattern(ids: Iterable[str]) -> re.Pattern[str] | None:
    """Ids of checks, in their own capitals; one that could be anything only where it is called so."""
    sure = [text for text in ids if len(text) >= SURE_LENGTH and not text.isdigit()]
    others = [text for text in ids if text not in sure]
    parts = [rf"(?<![0-9A-Za-z]){_trie(sure)}(?![0-9A-Za-z])"] if sure else []
    if others:
        parts.append(rf"(?<=eventSeqID=){_trie(others)}(?![0-9A-Za-z])")
        parts.append(rf'(?<="eventSeqID">){_trie(others)}(?=<)')
    return re.compile("(?P<id>" + "|".join(parts) + ")") if parts else None


def _flatten(text: str) -> tuple[str, list[int]]:
    """The text without line breaks and the indentation after them, and where each character stood."""
    kept: list[str] = []
    places: list[int] = []
    at = 0
    for found in BREAK.finditer(text):
        kept.append(text[at : found.start()])
        places.extend(range(at, found.start()))
        at = found.end()
    kept.append(text[at:])
    places.extend(range(at, len(text)))
    return "".join(kept), places


def _trie(words: Iterable[str]) -> str:
    """One expression for many words that shares their beginnings: its time does not grow with their number."""
    root: dict[str, dict] = {}  # type: ignore[type-arg]
    for word in words:
        node = root
        for char in word:
            node = node.setdefault(char, {})
        node[""] = {}

    def write(node: dict) -> str:  # type: ignore[type-arg]
        ends = "" in node
        rest = [re.escape(char) + write(below) for char, below in sorted(node.items()) if char]
        if not rest:
            return ""
        inner = rest[0] if len(rest) == 1 and not ends else "(?:" + "|".join(rest) + ")"
        return inner + "?" if ends else inner

    return write(root)
