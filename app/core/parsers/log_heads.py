"""Where the records of an iNode log begin, found for a whole megabyte at once.

The usual head `[2017-07-12 11:14:20] [Level] [thread] text` is found, at the start of a line or glued to the line
before, and its time computed with numpy; whatever else could be a head (quoted, indented, with fractions of a second,
wrapped) is looked at one by one.
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
_PLAIN = b"[0000-00-00 00:00:00]"
_FIXED = [(at, octet) for at, octet in enumerate(_PLAIN) if octet != ord("0")]
_DIGITS = [at for at, octet in enumerate(_PLAIN) if octet == ord("0")]
_FIRST_YEAR, _LAST_YEAR = 1678, 2261  # whose nanoseconds fit 64 bits
_WINDOW_BYTES = 1 << 16  # looked through at once: it stays in the cache
_PLACES = np.arange(len(_PLAIN))[:, None]
_JUNK_BYTES = 9
_WRAPPED_BYTES = 240

_LOOSE = re.compile(
    rb"(?:\xef\xbb\xbf)?[ \t>*|`-]{0,8}\[\s?(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[ T]{0,3}(\d{1,2}):(\d{2}):(\d{2})"
    rb"(?:[.,:](\d{1,9}))?\s?\]"
)
_MAY_LEAD = np.zeros(256, bool)
_MAY_LEAD[list(b" \t>*|`-\xef")] = True
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@dataclass(frozen=True, slots=True)
class Heads:
    """One entry a record, in order. `positions` are offsets, `lines` indexes into the line starts (-1: the line began
    before the data), `times` ns or NO_TIME. `is_plain` is False where the usual pattern did not match."""

    positions: Ints
    lines: Ints
    times: Ints
    resolutions: Ints
    is_plain: npt.NDArray[np.bool_]


def line_starts(data: bytes, end: int) -> Ints:
    """Offsets at which lines begin in data[:end], the first always 0."""
    breaks = _places_of(10, np.frombuffer(data, np.uint8, count=end))
    starts = np.empty(len(breaks) + 1, np.int64)
    starts[0] = 0
    starts[1:] = breaks + 1
    return starts[:-1] if len(starts) > 1 and starts[-1] == end else starts


def set_back(times: Ints, latest_ns: int, most_ns: int) -> tuple[list[int], int]:
    """The records at which the clock lies more than `most_ns` behind its latest time since it was last set back, and
    the latest time after all of them. `latest_ns`: before them; NO_TIME at the beginning of a log."""
    real = np.flatnonzero(times != NO_TIME)
    values = times[real]
    if not len(values):
        return [], latest_ns
    reached = np.maximum(np.maximum.accumulate(values), latest_ns)
    if not (reached - values > most_ns).any():
        return [], int(reached[-1])
    found: list[int] = []
    for at, time_ns in zip(real.tolist(), values.tolist(), strict=True):
        if latest_ns - time_ns > most_ns:
            found.append(at)
            latest_ns = time_ns
        latest_ns = max(latest_ns, time_ns)
    return found, latest_ns


def places_of(word: bytes, data: bytes, end: int) -> Ints:
    """Where a word stands in data[:end]. Begins with the rarest of its letters, a capital, and asks the rest of few."""
    octets = np.frombuffer(data, np.uint8, count=end)
    rare = next((at for at in range(len(word) - 1, -1, -1) if word[at : at + 1].isupper()), 0)
    places = _places_of(word[rare], octets[rare : max(end - len(word) + rare + 1, 0)])
    for at, letter in enumerate(word):
        if at != rare and len(places):
            places = places[octets[places + at] == letter]
    return places


def _places_of(octet: int, octets: Octets) -> Ints:
    windows = range(0, len(octets), _WINDOW_BYTES)
    found = [(octets[start : start + _WINDOW_BYTES] == octet).nonzero()[0] + start for start in windows]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def find_heads(data: bytes, starts: Ints, end: int) -> Heads:
    """All heads in data[:end]; `starts` as `line_starts` gave them, the first dropped where a line began before the
    data."""
    octets = np.frombuffer(data or b"\n", np.uint8, count=max(end, 1))
    positions, digits = _plain_heads(octets)
    lines = np.searchsorted(starts, positions, side="right") - 1
    is_start = np.zeros(len(positions), bool)
    inside = lines >= 0
    is_start[inside] = starts[lines[inside]] == positions[inside]
    if not is_start.all():
        # Glued heads count where their own bracket follows: dates are written in brackets in other places too.
        behind = positions + len(_PLAIN)
        is_head = is_start
        for places in (np.minimum(behind, end - 1), np.minimum(behind + 1, end - 1)):
            is_head |= octets[places] == ord("[")
        positions, digits, lines = positions[is_head], digits[:, is_head], lines[is_head]
    found = [(positions, lines, _times(digits), np.full(len(positions), NS, np.int64), np.ones(len(positions), bool))]
    taken = np.zeros(len(starts), bool)
    taken[lines[lines >= 0]] = True
    loose = _loose_heads(data, octets, starts, end, taken)
    if not loose:
        return Heads(*found[0])
    columns = np.array(loose, np.int64).T
    found.append((columns[0], columns[1], columns[2], columns[3], np.zeros(len(loose), bool)))
    merged = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    order = np.argsort(merged[0], kind="stable")
    return Heads(*(column[order] for column in merged))


def _plain_heads(octets: Octets) -> tuple[Ints, npt.NDArray[np.int32]]:
    """Offsets of all plain heads, and their digits: a row for each place in the pattern that has one."""
    brackets = _places_of(ord("["), octets[: max(len(octets) - len(_PLAIN) + 1, 0)])
    positions = brackets[octets[brackets + 5] == ord("-")]  # few are left, and the rest is asked of those only
    places = octets[positions + _PLACES]
    small = places[_DIGITS] - np.uint8(ord("0"))  # anything but a digit becomes large
    is_head = (small <= 9).all(axis=0)
    for at, octet in _FIXED:
        is_head &= places[at] == octet
    digits = small.astype(np.int32)
    return (positions, digits) if is_head.all() else (positions[is_head], digits[:, is_head])


def _times(digits: npt.NDArray[np.int32]) -> Ints:
    """Digits of plain heads → ns, NO_TIME where there is no such day or hour."""
    year = digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3]
    month, day, hour, minute, second = (digits[at] * 10 + digits[at + 1] for at in (4, 6, 8, 10, 12))
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    is_month = (month >= 1) & (month <= 12)
    longest = _MONTH_DAYS[np.where(is_month, month, 0)] + (leap & (month == 2))
    is_real = is_month & (day >= 1) & (day <= longest) & (hour < 24) & (minute < 60) & (second <= 60)
    is_real &= (year >= _FIRST_YEAR) & (year <= _LAST_YEAR)
    # Days since 1970 by counting years from March, so that the leap day comes last.
    shifted = year - (month <= 2)
    era_days = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400
    days = era_days + (153 * ((month + 9) % 12) + 2) // 5 + day - 719_469
    seconds = days.astype(np.int64) * 86_400 + (hour * 3_600 + minute * 60 + second)
    return np.where(is_real, seconds * NS, NO_TIME)


_Loose = tuple[int, int, int, int]  # position, line, time, resolution


def _loose_heads(data: bytes, octets: Octets, starts: Ints, end: int, taken: npt.NDArray[np.bool_]) -> list[_Loose]:
    firsts = octets[starts]
    brackets = np.flatnonzero((firsts == ord("[")) & ~taken)
    leading = np.flatnonzero(_MAY_LEAD[firsts] & ~taken)
    if len(leading):
        window = octets[np.minimum(starts[leading][:, None] + np.arange(_JUNK_BYTES), end - 1)]
        leading = leading[(window == ord("[")).any(axis=1)]
    found: list[_Loose] = []
    for line in sorted([*brackets.tolist(), *leading.tolist()]):
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


def _time_of(match: re.Match[bytes]) -> tuple[int, int]:
    year, month, day, hour, minute, second = (int(match.group(number)) for number in range(1, 7))
    fraction = match.group(7)
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return NO_TIME, NS
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return NO_TIME, NS
    time_ns = int(moment.timestamp()) * NS + (second - min(second, 59)) * NS
    if not fraction:
        return time_ns, NS
    return time_ns + int(fraction.ljust(9, b"0")), int(10 ** (9 - len(fraction)))
