"""How bodies of one log are written: what stands before, between and behind the values of the identity.

A body that repeats all of that has the shape of the one from which it was learned, without its lines being put together
and its elements being looked for again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from app.core.parsers.body_shape import MAX_IDENTITY_BYTES, Gaps, Identity, ReadBody, Shape, split_identity
from app.core.parsers.mending import CLOSE

_OPENING = b"<data>"
_FIRST_BYTES = 16  # by which layouts are told apart at once
_MOST = 4  # of one beginning
_BEGINNINGS = 64
_MAX_SHAPES = 50_000
_MAX_BETWEEN = 200
# Nothing in such a value can be mended, nor change what is read around it: no blank, no angle, no bracket (a wrong
# "Windows]" is put right).
_PLAIN = rb"[!-;=?-\\^-~]{0,%d}" % MAX_IDENTITY_BYTES
_PLAIN_VALUE = re.compile(_PLAIN)
_VALUES = 3  # user, MAC, event id
_NO_VALUE = rb"(?:(?!)())?"  # a group that never takes part: None


class _Layout(NamedTuple):
    before: bytes  # the first value
    values: re.Pattern[bytes]  # with what stands between them, up to the last one
    identity_of: Callable[[re.Match[bytes]], Identity]
    shapes: dict[int, Shape]  # by the hash of what stands behind
    front: bytes  # all up to there, without the values
    gaps: Gaps


class Written(NamedTuple):
    """A body that repeats a layout up to its last value; behind it stands `rest`."""

    layout: _Layout
    identity: Identity
    rest: bytes

    @property
    def split(self) -> tuple[Identity, Gaps, bytes]:
        """As `split_identity` would give it."""
        return self.identity, self.layout.gaps, self.layout.front + self.rest

    def learn(self, shape: Shape) -> None:
        """It is read as `shape` with its identity, and nothing in it was mended but breaks between its elements."""
        shapes = self.layout.shapes
        if len(shapes) >= _MAX_SHAPES:
            shapes.clear()
        shapes[hash(self.rest)] = shape


def is_plain_value(value: bytes) -> bool:
    return _PLAIN_VALUE.fullmatch(value) is not None


class Layouts:
    def __init__(self) -> None:
        self._layouts: dict[bytes, list[_Layout]] = {}

    def find(self, raw: bytes) -> ReadBody | None:
        """A body that repeats a layout that was learned, to its end."""
        for before, values, identity_of, shapes, _, _ in self._layouts.get(raw[:_FIRST_BYTES], ()):
            if raw.startswith(before):
                match = values.match(raw, len(before))
                if match is not None:
                    shape = shapes.get(hash(raw[match.end() :]))
                    if shape is not None:
                        return ReadBody(shape, identity_of(match))
        return None

    def find_front(self, raw: bytes) -> Written | None:
        """How a body is written that repeats a layout up to the last of the three values, and has a new end."""
        for layout in self._layouts.get(raw[:_FIRST_BYTES], ()):
            match = layout.values.match(raw, len(layout.before)) if raw.startswith(layout.before) else None
            if match is not None and len(layout.gaps) == _VALUES and raw.endswith(CLOSE):
                return Written(layout, layout.identity_of(match), raw[match.end() :])
        return None

    def learn(self, raw: bytes, identity: Identity, shape: Shape) -> None:
        """`raw` is read as `shape` with `identity`, and nothing in it was mended but breaks between its elements."""
        written, gaps, bare = split_identity(raw)
        if not gaps or written != identity or not raw.startswith(_OPENING) or not raw.endswith(CLOSE):
            return
        if not all(value is None or is_plain_value(value) for value in written):
            return
        edges = [place for place, _ in gaps]
        between = [bare[start:end] for start, end in pairwise(edges)]
        if any(len(text) > _MAX_BETWEEN for text in between):
            return
        layout = self._layout(raw[:_FIRST_BYTES], bare[: edges[0]], between, gaps)
        Written(layout, identity, bare[edges[-1] :]).learn(shape)

    def _layout(self, beginning: bytes, before: bytes, between: list[bytes], gaps: Gaps) -> _Layout:
        values = b"".join(b"(%s)%s" % (_PLAIN, re.escape(text)) for text in between) + b"(%s)(?=<)" % _PLAIN
        if len(self._layouts) >= _BEGINNINGS:
            self._layouts.clear()
        alike = self._layouts.setdefault(beginning, [])
        for layout in alike:
            if layout.before == before and layout.gaps == gaps and layout.values.pattern.startswith(values):
                return layout
        order = [which for _, which in gaps]
        order += [which for which in range(_VALUES) if which not in order]
        identity_of: Callable[[re.Match[bytes]], Identity] = itemgetter(
            *(order.index(which) + 1 for which in range(_VALUES))
        )
        expression = re.compile(values + _NO_VALUE * (_VALUES - len(gaps)))
        layout = _Layout(before, expression, identity_of, {}, b"".join((before, *between)), gaps)
        alike.insert(0, layout)
        del alike[_MOST:]
        return layout
