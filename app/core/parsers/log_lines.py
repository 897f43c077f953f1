"""One line of a server log read with one format: its time, its fields, and whether it tells of a message."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from app.core.parsers.body import normal_mac
from app.core.parsers.inode_phrases import TO_CLIENT_TYPES, TO_SERVER_TYPES, number_of
from app.core.parsers.log_format import FIELDS, LogFormat
from app.core.parsers.log_times import Moment, TimeReader
from app.core.parsers.needles import Find, Sought, finder, folded
from app.core.parsers.safe_pattern import MAX_MATCHED_CHARACTERS
from app.core.records import Direction, Endpoint

# An address, and a port behind whatever stands between the two ("10.2.3.4, port 37870").
_PEER = re.compile(r"([0-9A-Fa-f.:]*[0-9A-Fa-f])\]?(?:[^\d\n]{1,20}(\d{1,5}))?$")
_RECEIVED = ("in", "rx", "rec", "rcv", "up", "<", "收", "接收", "上行")
_SENT = ("out", "tx", "sen", "snd", "down", "rep", "resp", ">", "发", "下发", "下行")
_KEPT_VALUES = 4_096


class LineFacts(NamedTuple):
    """What one record's text told. `has_direction_word` is False where the direction was taken from the number.
    `zone_s` and `has_year`: see `Moment`."""

    time_ns: int
    resolution_ns: int
    zone_s: int | None = None
    has_year: bool = True
    text: str = ""
    thread: str = ""
    level: str = ""
    direction: Direction | None = None
    has_direction_word: bool = False
    number: int | None = None
    message_id: int | None = None
    user: str | None = None
    mac: str | None = None
    event_id: str | None = None
    peer: Endpoint | None = None
    size: int | None = None
    is_message: bool = False


class LineReader:
    """Reads lines with one format; keeps the cache of times. `not_after_ns`: when the file was there, for times
    without a year."""

    def __init__(self, log_format: LogFormat, not_after_ns: int | None = None) -> None:
        self.format = log_format
        self._times = TimeReader(log_format.time_format, not_after_ns)
        groups = log_format.begin.groupindex
        self._in_begin = {name: groups[name] for name in FIELDS if name in groups}
        self._any, self._ascii = (_Searches(log_format, is_ascii) for is_ascii in (False, True))
        self._numbers = Sought(log_format.fields.get("number", ()))
        self._is_sieved = "number" in log_format.needs and "number" not in groups
        self._text_group = groups.get("text", 0)
        self._match = log_format.begin.match

    def match(self, line: str) -> re.Match[str] | None:
        """The match of a record's beginning, or None."""
        return self._match(line if len(line) <= MAX_MATCHED_CHARACTERS else line[:MAX_MATCHED_CHARACTERS])

    def time(self, begin: re.Match[str]) -> Moment | None:
        return self._times.read(begin["time"])

    def read(self, begin: re.Match[str], more: str = "") -> LineFacts | None:
        """All facts of a record (`more`: its further lines); None if the time does not exist."""
        time = self.time(begin)
        return self.read_at(time, begin, more) if time is not None else None

    def text(self, begin: re.Match[str], more: str = "") -> str:
        """What the fields are looked for in."""
        text = (begin[self._text_group] or "" if self._text_group else _without_time(begin)) + more
        return text[:MAX_MATCHED_CHARACTERS]

    @property
    def number_words(self) -> Sought | None:
        """What a message holds one of, whatever else it is; None where that cannot be said."""
        return self._numbers if self._is_sieved else None

    def read_at(self, time: Moment, begin: re.Match[str], more: str = "") -> LineFacts:
        """All facts of a record whose time is known already."""
        text = self.text(begin, more)
        low = folded(text)
        searches = self._ascii if text.isascii() else self._any
        in_begin = self._in_begin

        def find(name: str) -> str | None:
            if name in in_begin and begin[name]:
                return begin[name]
            for search, group in searches.fields[name]:
                found = search(text, low)
                if found is not None:
                    return found[group]
            return None

        number = _number(find("number"))
        thread, level = find("thread") or "", find("level") or ""
        if number is None and "number" in self.format.needs:
            return LineFacts(*time, text, thread, level)
        direction, has_word = _direction(find("direction"), text, low, number, searches)
        user, mac, event_id, peer = find("user"), find("mac"), find("event_id"), find("peer")
        facts = LineFacts(
            *time, text, thread, level, direction, has_word, number, _number(find("message_id")), user,
            _mac(mac) if mac else None, event_id, _endpoint(peer) if peer else None, _number(find("size")),
            is_message=True,
        )  # fmt: skip
        return facts if not missing_fields(facts, self.format.needs) else facts._replace(is_message=False)


class _Searches:
    """What finds the fields of a format and its words for directions: in any text, or quicker in texts of ASCII."""

    def __init__(self, log_format: LogFormat, is_ascii: bool) -> None:
        self.fields = {name: _searches(name, log_format, is_ascii) for name in FIELDS}
        self._received = finder(log_format.received, is_ascii) if log_format.received is not None else None
        self._sent = finder(log_format.sent, is_ascii) if log_format.sent is not None else None

    def direction_word(self, text: str, low: str) -> Direction | None:
        """The word that comes first; of a received and a sent one at the same place the received one."""
        received = self._received(text, low) if self._received is not None else None
        end = len(text) if received is None else received.start()
        sent = self._sent(text, low, end) if self._sent is not None else None
        if sent is not None:
            return Direction.TO_CLIENT
        return None if received is None else Direction.TO_SERVER


def _direction(
    told: str | None, text: str, low: str, number: int | None, searches: _Searches
) -> tuple[Direction | None, bool]:
    """A field that tells it, read by the format's words, then by the usual ones; else the first word of the line;
    else what the number is."""
    found = searches.direction_word(told, folded(told)) if told else searches.direction_word(text, low)
    if found is None and told:
        value = told.strip("-=").lower()
        found = Direction.TO_SERVER if value.startswith(_RECEIVED) else found
        found = Direction.TO_CLIENT if value.startswith(_SENT) else found
    if found is not None:
        return found, True
    if number in TO_SERVER_TYPES:
        return Direction.TO_SERVER, False
    return (Direction.TO_CLIENT, False) if number in TO_CLIENT_TYPES else (None, False)


def _searches(name: str, log_format: LogFormat, is_ascii: bool) -> list[tuple[Find, int]]:
    """What finds a field, and the group that is its value."""
    patterns = log_format.fields.get(name, ())
    found = [(finder(p, is_ascii), p.groupindex.get(name, min(p.groups, 1))) for p in patterns]
    return [(find, group) for find, group in found if find is not None]


def _without_time(begin: re.Match[str]) -> str:
    line = begin.string
    start, end = begin.span("time")
    return f"{line[:start]} {line[end:]}".strip()


def missing_fields(facts: LineFacts, needs: tuple[str, ...]) -> list[str]:
    """Which of the fields that a message of this format needs the line does not have."""
    return [name for name in needs if (_is_nobody(facts) if name == "identity" else _lacks(facts, name))]


def _lacks(facts: LineFacts, name: str) -> bool:
    return getattr(facts, name) in (None, "")


def _is_nobody(facts: LineFacts) -> bool:
    return not (facts.event_id or facts.mac or facts.user or facts.peer)


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        value = int(text) if text.isascii() and text.isdigit() else number_of(text.encode())
    except ValueError:
        return None
    return value if value <= 0xFFFF_FFFF else None


_mac = lru_cache(_KEPT_VALUES)(normal_mac)  # a terminal comes again and again


@lru_cache(_KEPT_VALUES)
def _endpoint(text: str) -> Endpoint | None:
    match = _PEER.match(text.strip(" ["))
    if match is None:
        return None
    port = int(match.group(2)) if match.group(2) else None
    return Endpoint(match.group(1), port if port is None or port <= 0xFFFF else None)
