"""Which records of an iNode log are worth reading: those that may hold an event, a body or lines of somebody else.

All others are counted and passed over. Asked for a megabyte of records at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from app.core.parsers import inode_phrases as phrases
from app.core.parsers.log_heads import NO_TIME, Heads, Ints, places_of

_FEW = 4
_SECOND_LETTER = len("[2017-07-12 11:14:20] [D")  # of the level

Choice = npt.NDArray[np.bool_]


def worth_reading(data: bytes, heads: Heads, own_lines: Ints, limit: int, has_other_dialect: bool) -> Ints:
    """Numbers of the records to read, of those in data[:limit]: as many as `own_lines` has. `has_other_dialect`: see
    there."""
    count = len(own_lines)
    positions = heads.positions[:count]
    chosen = (own_lines > 1) | ~heads.is_plain[:count] | (heads.times[:count] == NO_TIME)
    _choose(chosen, positions, places_of(phrases.MODULE, data, limit))
    if has_other_dialect:
        # The first record of a stretch has no line break before it that the expression could find.
        chosen[0] = True
        for needle in (phrases.CANDIDATE, phrases.OPENING):
            # One byte further than the line break that an expression may begin with.
            _choose(chosen, positions, [match.start() + 1 for match in needle.finditer(data, 0, limit)])
    _choose_notices(chosen, data, positions, limit)
    return np.flatnonzero(chosen)


def has_other_dialect(data: bytes, heads: Heads) -> bool:
    """Whether records may hold events without naming the module: levels in capitals, or no module at all."""
    if phrases.MODULE not in data:
        return True
    octets = np.frombuffer(data, np.uint8)
    second_letters = octets[np.minimum(heads.positions + _SECOND_LETTER, len(data) - 1)]
    return bool(((second_letters <= ord("Z")) & (second_letters >= ord("A"))).any() or (second_letters == 95).any())


def _choose(chosen: Choice, positions: Ints, found: list[int] | Ints) -> None:
    """Marks the records in which the offsets lie."""
    indexes = np.searchsorted(positions, np.asarray(found, np.int64), side="right") - 1
    chosen[indexes[indexes >= 0]] = True


def _choose_notices(chosen: Choice, data: bytes, positions: Ints, limit: int) -> None:
    """Among the records not chosen yet, those with a sentence for the user."""
    rest = np.flatnonzero(~chosen)
    if not len(rest):
        return
    ends = np.append(positions, limit)[rest + 1]
    starts = positions[rest]
    needles = phrases.ENGLISH_NOTICES if data.isascii() else (*phrases.ENGLISH_NOTICES, phrases.NOTICE)
    if int((ends - starts).sum()) * _FEW < limit:
        # Bodies make up the chunk: look into the few other records only.
        text = b"".join(data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True))
        sizes = ends - starts
        is_notice = np.zeros(len(rest), bool)
        found = [match.start() for needle in needles for match in needle.finditer(text)]
        _choose(is_notice, np.cumsum(sizes) - sizes, found)
        chosen[rest[is_notice]] = True
        return
    _choose(chosen, positions, [match.start() for needle in needles for match in needle.finditer(data, 0, limit)])
