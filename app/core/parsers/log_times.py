"""Times as server logs write them → ns, the written local time read as if it were UTC; zones are ignored."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from app.core.records import NS

AUTO = "auto"
EPOCH = "epoch"
_CACHED = 4_096

_YEAR_FIRST = re.compile(
    r"(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})[ T_]{0,2}(\d{1,2}):?(\d{2}):?(\d{2})(?:[.,:](\d{1,9}))?"
)
_EPOCH = re.compile(r"(\d{9,10})(\d{3})?(?:\.(\d{1,9}))?")


class TimeReader:
    """`read(text)` → (time_ns, resolution_ns), or None where it is no such time. Repeated seconds cost a look-up."""

    def __init__(self, time_format: str = AUTO) -> None:
        self._format = time_format
        before = time_format.partition("%f")[0][-1:]
        self._fraction = re.compile(re.escape(before) + r"(\d{1,9})") if "%f" in time_format else None
        self._seconds: dict[str, int | None] = {}

    def read(self, text: str) -> tuple[int, int] | None:
        if self._format == AUTO:
            return self._read_auto(text)
        if self._format == EPOCH:
            return _read_epoch(text)
        return self._read_formatted(text)

    def _read_auto(self, text: str) -> tuple[int, int] | None:
        match = _YEAR_FIRST.search(text)
        if match is None:
            return None
        return _with_fraction(self._second(text[match.start() : match.end(6)], match.groups()[:6]), match.group(7))

    def _second(self, key: str, parts: tuple[str, ...]) -> int | None:
        if key not in self._seconds:
            self._make_room()
            year, month, day, hour, minute, second = map(int, parts)
            try:
                self._seconds[key] = _utc_seconds(datetime(year, month, day, hour, minute, min(second, 59)))
            except ValueError:
                self._seconds[key] = None
        return self._seconds[key]

    def _read_formatted(self, text: str) -> tuple[int, int] | None:
        fraction = None
        if self._fraction is not None:
            # strptime knows microseconds only, and a cache should see each second once.
            found = next(reversed(list(self._fraction.finditer(text))), None)
            if found is not None:
                fraction = found.group(1)
                text = text[: found.start(1)] + "0" + text[found.end(1) :]
        if text not in self._seconds:
            self._make_room()
            try:
                self._seconds[text] = _utc_seconds(datetime.strptime(text.strip(), self._format))
            except ValueError:
                self._seconds[text] = None
        return _with_fraction(self._seconds[text], fraction)

    def _make_room(self) -> None:
        if len(self._seconds) >= _CACHED:
            self._seconds.clear()


def _utc_seconds(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC, microsecond=0).timestamp())


def _with_fraction(seconds: int | None, fraction: str | None) -> tuple[int, int] | None:
    if seconds is None:
        return None
    if not fraction:
        return seconds * NS, NS
    return seconds * NS + int(fraction.ljust(9, "0")), int(10 ** (9 - len(fraction)))


def _read_epoch(text: str) -> tuple[int, int] | None:
    match = _EPOCH.search(text)
    if match is None:
        return None
    return _with_fraction(int(match.group(1)), (match.group(2) or "") + (match.group(3) or ""))
