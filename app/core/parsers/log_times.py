"""Times as server logs write them → ns, the written local time read as if it were UTC, and the zone if one is written.

Read without being told: year first (`2026-11-23T16:51:53.263+08:00`, `2026年11月23日 16时51分53秒`,
`20261123 165153`), day or month first (`23/Nov/2026:16:51:53 +0800`, `11/23/2026 4:51:53 PM`, `23.11.2026 16:51:53`),
without a year (`Nov 23 16:51:53`), and seconds since 1970, with a fraction or as milli-, micro- or nanoseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from app.core.records import NS

AUTO = "auto"
EPOCH = "epoch"
_CACHED = 4_096
_DAY_S = 86_400
_MOST_S = 9_000_000_000  # either way from 1970: whose nanoseconds fit 64 bits
_RESOLUTIONS = tuple(10 ** (9 - digits) for digits in range(10))  # ns, by the digits of the fraction

_CLOCK = (
    r"(?P<early>上午|下午)?\s?(?P<hour>\d{1,2})[:时点]?(?P<minute>\d{2})[:分]?(?P<second>\d{2})秒?"
    r"(?:[.,:](?P<fraction>\d{1,9}))?秒?(?:\s?(?P<half>[AaPp][Mm](?!\w)))?"
)
_ZONE = r"(?:\s?(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})(?![\w:]))?"
_STYLES = tuple(
    re.compile(style + _ZONE)
    for style in (
        r"(?P<year>(?:19|20)\d{2})[-/.年]?(?P<month>\d{1,2})[-/.月]?(?P<day>\d{1,2})日?[ T_]{0,2}" + _CLOCK,
        r"(?P<first>\d{1,2})(?P<mark>[-/. ])(?P<other>\d{1,2}|[A-Z][a-z]{2})(?P=mark)(?P<year>\d{4})[ :T]{1,2}"
        + _CLOCK,
        r"(?<![A-Za-z])(?P<named>[A-Z][a-z]{2})\s{1,2}(?P<day>\d{1,2})(?:,?\s(?P<year>\d{4}))?\s"
        + _CLOCK
        + r"(?:\s(?P<late>\d{4}))?",
    )
)
# The usual time, which the first style reads likewise: the second, and what stands around the fraction.
_COMMON = re.compile(r"((?:19|20)\d\d[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d)(?:([.,])(\d{1,9}))?((?:Z|[+-]\d\d:?\d\d)?)")
_EPOCH = re.compile(r"(?<!\d)(\d{9,10})(\d{3}|\d{6}|\d{9})?(?:[.,](\d+))?(?!\d)")
_MAY_BE_EPOCH = re.compile(r"1\d{9}(?:\d{3}){0,3}(?:[.,]\d+)?")  # digits of it could be read as a date
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Moment(NamedTuple):
    """`zone_s` is the zone that the time itself names, seconds east of UTC; None where it names none.
    `has_year` is False where the year was not written and had to be supposed."""

    time_ns: int
    resolution_ns: int
    zone_s: int | None = None
    has_year: bool = True


class _Second(NamedTuple):
    seconds: int
    zone_s: int | None
    has_year: bool


class TimeReader:
    """`read(text)` → Moment, or None where it is no such time. Repeated seconds cost a look-up.

    `not_after_ns` supplies a missing year: the last one in which the time is not later than that.
    """

    def __init__(self, time_format: str = AUTO, not_after_ns: int | None = None) -> None:
        self._format = time_format
        self._not_after_s = not_after_ns // NS if not_after_ns is not None else None
        before = time_format.partition("%f")[0][-1:]
        self._fraction = re.compile(re.escape(before) + r"(\d{1,9})") if "%f" in time_format else None
        self._seconds: dict[tuple[str, str | None], _Second | None] = {}
        readers = {AUTO: self._read_auto, EPOCH: _read_epoch}
        self._read = readers.get(time_format, self._read_formatted)
        self._last: tuple[str, Moment | None] = ("", None)

    def read(self, text: str) -> Moment | None:
        if text != self._last[0]:  # many lines have the time of the one before
            self._last = (text, self._read(text))
        return self._last[1]

    def _read_auto(self, text: str) -> Moment | None:
        common = _COMMON.fullmatch(text)
        if common is not None:
            second, mark, fraction, zone = common.groups()
            known = self._seconds.get((second, (mark or "") + zone))
            if known is not None:
                return _with_fraction(known, fraction)
        if _MAY_BE_EPOCH.fullmatch(text.strip("[]()\"' ")):
            return _read_epoch(text)
        for style in _STYLES:
            match = style.search(text)
            if match is not None:
                return _with_fraction(self._second(match), match.group("fraction"))
        return _read_epoch(text)

    def _second(self, match: re.Match[str]) -> _Second | None:
        key = (match.string[match.start() : match.end("second")], match.string[match.end("second") : match.end()])
        fraction = match.group("fraction")
        if fraction:
            key = (key[0], key[1].replace(fraction, "", 1))
        if key not in self._seconds:
            self._make_room()
            try:
                self._seconds[key] = self._calculate(match.groupdict())
            except ValueError:
                self._seconds[key] = None
        return self._seconds[key]

    def _calculate(self, parts: dict[str, str | None]) -> _Second:
        """Raises ValueError where there is no such day or hour."""
        hour = int(parts["hour"] or 0)
        half = (parts["half"] or parts["early"] or "").lower()
        if half in ("pm", "下午"):
            hour = hour if hour == 12 else hour + 12
        elif half in ("am", "上午"):
            hour %= 12
        month, day = _day_of(parts)
        year = parts.get("year") or parts.get("late")
        minute, second = int(parts["minute"] or 0), int(parts["second"] or 0)

        def at(some_year: int) -> int:
            return _utc_seconds(datetime(some_year, month, day, hour, minute, min(second, 59)))

        return _Second(at(int(year)) if year else self._supposed(at), _zone_s(parts["zone"]), bool(year))

    def _supposed(self, at: Callable[[int], int]) -> int:
        latest_s = self._not_after_s if self._not_after_s is not None else 0
        year = datetime.fromtimestamp(latest_s, UTC).year + 1
        for candidate in range(year, year - 9, -1):  # a 29 February may be eight years ago
            try:
                seconds = at(candidate)
            except ValueError:
                continue
            if seconds <= latest_s + _DAY_S or self._not_after_s is None:
                return seconds
        raise ValueError

    def _read_formatted(self, text: str) -> Moment | None:
        fraction = None
        if self._fraction is not None:
            # strptime knows microseconds only, and a cache should see each second once.
            found = next(reversed(list(self._fraction.finditer(text))), None)
            if found is not None:
                fraction = found.group(1)
                text = text[: found.start(1)] + "0" + text[found.end(1) :]
        key = (text, None)
        if key not in self._seconds:
            self._make_room()
            try:
                moment = datetime.strptime(text.strip(), self._format)
            except ValueError:
                self._seconds[key] = None
            else:
                self._seconds[key] = self._formatted(moment)
        return _with_fraction(self._seconds[key], fraction)

    def _formatted(self, moment: datetime) -> _Second:
        offset = moment.utcoffset()
        zone_s = int(offset.total_seconds()) if offset is not None else None
        has_year = any(code in self._format for code in ("%Y", "%y", "%c", "%x"))
        seconds = _utc_seconds(moment) if has_year else self._supposed(lambda y: _utc_seconds(moment.replace(year=y)))
        return _Second(seconds, zone_s, has_year)

    def _make_room(self) -> None:
        if len(self._seconds) >= _CACHED:
            self._seconds.clear()


def _day_of(parts: dict[str, str | None]) -> tuple[int, int]:
    """(month, day). Of two numbers the one over 12 is the day; else a slash is American and puts the month first."""
    named = parts.get("named")
    if named is not None:
        return _month(named), int(parts["day"] or 0)
    first, other = parts.get("first"), parts.get("other")
    if first is None or other is None:
        return int(parts["month"] or 0), int(parts["day"] or 0)
    if not other.isdecimal():
        return _month(other), int(first)
    is_month_first = int(other) > 12 or (parts["mark"] == "/" and int(first) <= 12)
    return (int(first), int(other)) if is_month_first else (int(other), int(first))


def _month(name: str) -> int:
    return _MONTHS.index(name) + 1  # ValueError: a word that is no month


def _zone_s(text: str | None) -> int | None:
    if text is None or text in ("Z", "UTC", "GMT"):
        return None if text is None else 0
    seconds = int(text[1:3]) * 3_600 + int(text[-2:]) * 60
    return -seconds if text[0] == "-" else seconds


def _utc_seconds(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC, microsecond=0).timestamp())


def _with_fraction(second: _Second | None, fraction: str | None) -> Moment | None:
    if second is None or abs(second.seconds) > _MOST_S:
        return None
    resolution_ns = _RESOLUTIONS[len(fraction or "")]
    time_ns = second.seconds * NS + (int(fraction) * resolution_ns if fraction else 0)
    return Moment(time_ns, resolution_ns, second.zone_s, second.has_year)


def _read_epoch(text: str) -> Moment | None:
    match = _EPOCH.search(text)
    if match is None:
        return None
    # Counted from 1970 in UTC: such a time names its zone.
    fraction = (match.group(2) or "") + (match.group(3) or "")
    return _with_fraction(_Second(int(match.group(1)), 0, True), fraction[:9])
