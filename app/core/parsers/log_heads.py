"""Where the records of an iNode log begin, found for a whole megabyte at once.

The usual head `[2017-07-12 11:14:20] [Level] [thread] text` at the start of a line is found and its time computed
with numpy;
whatever else could be a head (quoted, indented, with fractions of a second, wrapped, glued to the line before) is
looked at one
by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from app.core.records import NS

Ints = npt.NDArray[np.int64]
Octets = npt.NDArray[np.uint8]

NO_TIME = -(1 << 62)  # a head whose date does not exist
_PLAIN = np.frombuffer(b"[0000-00-00 00:00:00]", np.uint8)
_IS_DIGIT = ord("0") == _PLAIN
_PADDING = b"\n" * 32
_JUNK_BYTES = 9

_LOOSE = re.compile(
    rb"(?:\xef\xbb\xbf)?[ \t>*|`-]{0,8}\[\s?(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"
    rb"[ T]{0,3}(\d{1,2}):(\d{2}):(\d{2})(?:[.,:](\d{1,9}))?\s?\]"
)
_GLUED = re.compile(rb"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] ?\[")
_MAY_LEAD = np.zeros(256, bool)
_MAY_LEAD[list(b" \t>*|`-\xef")] = True
_WRAPPED_BYTES = 240


@dataclass(frozen=True, slots=True)
class Heads:
    """One entry a record, in order. `positions` are offsets, `lines` line numbers from 0 within the data, `times` ns
    or NO_TIME.
    `is_plain` is False where the usual pattern did not match."""

    positions: Ints
    lines: Ints
    times: Ints
    resolutions: Ints
    is_plain: npt.NDArray[np.bool_]


def line_starts(data: bytes, end: int) -> Ints:
    """Offsets at which lines begin in data[:end], the first always 0."""
    octets = np.frombuffer(data, np.uint8, count=end)
    breaks = np.flatnonzero(octets == 10)
    starts = np.empty(len(breaks) + 1, np.int64)
    starts[0] = 0
    starts[1:] = breaks + 1
    return starts[:-1] if len(starts) > 1 and starts[-1] == end else starts


def find_heads(data: bytes, starts: Ints, end: int) -> Heads:
    """All heads in data[:end]; `starts` as `line_starts` gave them (the first dropped where a line began before the
    data)."""
    octets = np.frombuffer(data[:end] + _PADDING, np.uint8)
    firsts = octets[starts]
    bracket_lines = np.flatnonzero(firsts == ord("["))
    window = octets[starts[bracket_lines][:, None] + np.arange(len(_PLAIN))]
    is_plain = (window[:, ~_IS_DIGIT] == _PLAIN[~_IS_DIGIT]).all(axis=1)
    digits = window - np.uint8(48)
    is_plain &= (digits[:, _IS_DIGIT] <= 9).all(axis=1)
    lines = bracket_lines[is_plain]
    positions = starts[lines]
    times = _times(digits[is_plain].astype(np.int64))
    found = [(positions, lines, times, np.full(len(lines), NS, np.int64), np.ones(len(lines), bool))]
    loose = _loose_heads(data, octets, starts, end, firsts, bracket_lines[~is_plain])
    if loose:
        found.append(_columns(loose))
    if data.count(b"[19", 0, end) + data.count(b"[20", 0, end) > len(lines) + len(loose):
        glued = _glued_heads(data, starts, end, set(np.concatenate([f[0] for f in found]).tolist()))
        if glued:
            found.append(_columns(glued))
    if len(found) == 1:
        return Heads(*found[0])
    merged = [np.concatenate(columns) for columns in zip(*found, strict=True)]
    order = np.argsort(merged[0], kind="stable")
    return Heads(*(column[order] for column in merged))


_Loose = tuple[int, int, int, int]  # position, line, time, resolution


def _columns(loose: list[_Loose]) -> tuple[Ints, Ints, Ints, Ints, npt.NDArray[np.bool_]]:
    columns = np.array(loose, np.int64).T
    return columns[0], columns[1], columns[2], columns[3], np.zeros(len(loose), bool)


def _loose_heads(
    data: bytes, octets: Octets, starts: Ints, end: int, firsts: Octets, bracket_lines: Ints
) -> list[_Loose]:
    leading = np.flatnonzero(_MAY_LEAD[firsts])
    if len(leading):
        window = octets[starts[leading][:, None] + np.arange(_JUNK_BYTES)]
        leading = leading[(window == ord("[")).any(axis=1)]
    found: list[_Loose] = []
    for line in sorted([*bracket_lines.tolist(), *leading.tolist()]):
        position = int(starts[line])
        match = _LOOSE.match(data, position, end) or _match_wrapped(data, position, end)
        if match is not None:
            time_ns, resolution_ns = _time_of(match)
            found.append((position, line, time_ns, resolution_ns))
    return found


def _match_wrapped(data: bytes, position: int, end: int) -> re.Match[bytes] | None:
    """A head that a narrow wrap broke: the lines joined, with or without the space that the wrap ate."""
    text = data[position : min(position + _WRAPPED_BYTES, end)]
    if text[:1] != b"[" or (not text[1:2].isdigit() and text[1:2] not in (b"\n", b"\r")):
        return None
    joined = b"".join(line.rstrip(b"\r") for line in text.split(b"\n"))
    match = _LOOSE.match(joined)
    # The next record's head must not be taken for this one's continuation.
    return match if match is not None and b"[" not in match.group()[1:] else None


def _glued_heads(data: bytes, starts: Ints, end: int, known: set[int]) -> list[_Loose]:
    found: list[_Loose] = []
    for glued in _GLUED.finditer(data, 0, end):
        position = glued.start()
        if position in known:
            continue
        match = _LOOSE.match(data, position, end)
        line = int(np.searchsorted(starts, position, side="right")) - 1
        if match is None or (line >= 0 and data[int(starts[line]) : position].strip(b" \t>*|`-\xef\xbb\xbf") == b""):
            continue
        found.append((position, max(line, 0), *_time_of(match)))
    return found


def _times(digits: Ints) -> Ints:
    """Rows of the 21 digits of a plain head → ns, NO_TIME where there is no such day or hour."""
    year = digits[:, 1] * 1000 + digits[:, 2] * 100 + digits[:, 3] * 10 + digits[:, 4]
    month, day, hour, minute, second = (digits[:, at] * 10 + digits[:, at + 1] for at in (6, 9, 12, 15, 18))
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    is_month = (month >= 1) & (month <= 12)
    longest = _MONTH_DAYS[np.where(is_month, month, 0)] + (leap & (month == 2))
    is_real = is_month & (day >= 1) & (day <= longest) & (hour < 24) & (minute < 60) & (second <= 60) & (year > 0)
    # Days since 1970 by counting years from March, so that the leap day comes last.
    shifted = year - (month <= 2)
    era_days = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400
    days = era_days + (153 * ((month + 9) % 12) + 2) // 5 + day - 719_469
    times = (days * 86_400 + hour * 3_600 + minute * 60 + second) * NS
    return np.where(is_real, times, NO_TIME)


_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def _time_of(match: re.Match[bytes]) -> tuple[int, int]:
    year, month, day, hour, minute, second = (int(match.group(number)) for number in range(1, 7))
    fraction = match.group(7)
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return NO_TIME, NS
    time_ns = int(moment.timestamp()) * NS + (second - min(second, 59)) * NS
    if not fraction:
        return time_ns, NS
    return time_ns + int(fraction.ljust(9, b"0")), int(10 ** (9 - len(fraction)))
