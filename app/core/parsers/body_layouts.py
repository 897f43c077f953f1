"""How bodies of one log are written: what stands before, between and behind the values of the identity.

A body that repeats all of that has the shape of the one from which it was learned, without its lines being put together
and its elements being looked for again.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from app.core.parsers.body_shape import MAX_IDENTITY_BYTES, Identity, Shape, split_identity
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


class _Layout(NamedTuple):
    before: bytes  # the first value
    values: re.Pattern[bytes]  # with what stands between them, up to the last one
    places: tuple[int | None, ...]  # the group of each identity value
    shapes: dict[int, Shape]  # by the hash of what stands behind


def is_plain_value(value: bytes) -> bool:
    return _PLAIN_VALUE.fullmatch(value) is not None


class Layouts:
    def __init__(self) -> None:
        self._layouts: dict[bytes, list[_Layout]] = {}

    def find(self, raw: bytes) -> tuple[Shape, Identity] | None:
        """The shape and the identity of a body, where it repeats a layout that was learned."""
        for before, values, places, shapes in self._layouts.get(raw[:_FIRST_BYTES], ()):
            if not raw.startswith(before):
                continue
            match = values.match(raw, len(before))
            if match is None:
                continue
            shape = shapes.get(hash(raw[match.end() :]))
            if shape is not None:
                user, mac, event = places
                return shape, (
                    match[user] if user is not None else None,
                    match[mac] if mac is not None else None,
                    match[event] if event is not None else None,
                )
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
        layout = self._layout(raw[:_FIRST_BYTES], bare[: edges[0]], between, [which for _, which in gaps])
        if len(layout.shapes) >= _MAX_SHAPES:
            layout.shapes.clear()
        layout.shapes[hash(bare[edges[-1] :])] = shape

    def _layout(self, beginning: bytes, before: bytes, between: list[bytes], order: list[int]) -> _Layout:
        values = b"".join(b"(%s)%s" % (_PLAIN, re.escape(text)) for text in between) + b"(%s)(?=<)" % _PLAIN
        if len(self._layouts) >= _BEGINNINGS:
            self._layouts.clear()
        alike = self._layouts.setdefault(beginning, [])
        for layout in alike:
            if layout.before == before and layout.values.pattern == values:
                return layout
        places = tuple(order.index(which) + 1 if which in order else None for which in range(3))
        layout = _Layout(before, re.compile(values), places, {})
        alike.insert(0, layout)
        del alike[_MOST:]
        return layout
