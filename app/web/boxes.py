"""A datagram's row in the fragment table: at each capture point its pieces as boxes, in per cent of the cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.analysis import DatagramFate, Fate
from app.core.drawings.fragment_boxes import FragmentBox, fragment_boxes

# A narrower box could not be hit with a finger or hold its sign, however few bytes it stands for.
NARROWEST = 14.0


@dataclass(frozen=True, slots=True)
class PlacedBox:
    box: FragmentBox
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Cell:
    point: str
    fate: Fate
    boxes: tuple[PlacedBox, ...]


def cells_of(datagram: DatagramFate, points: Sequence[str]) -> tuple[Cell, ...]:
    """One cell for each capture point, in their order."""
    return tuple(Cell(point, datagram.fate.get(point, Fate.UNKNOWN), _place(datagram, point)) for point in points)


def _place(datagram: DatagramFate, point: str) -> tuple[PlacedBox, ...]:
    boxes = fragment_boxes(datagram, point)
    placed, x = [], 0.0
    for box, width in zip(boxes, widths([box.share for box in boxes]), strict=True):
        placed.append(PlacedBox(box, round(x, 2), round(width, 2)))
        x += width
    return tuple(placed)


def widths(shares: Sequence[float]) -> list[float]:
    """Per cent of the cell for each share; small ones are widened to NARROWEST, the others give way in proportion."""
    narrowest = min(NARROWEST, 100 / max(len(shares), 1))
    wide = [max(100 * share, narrowest) for share in shares]
    excess = sum(wide) - 100
    room = sum(width - narrowest for width in wide)
    if room <= 0 or excess <= 0:
        return wide
    return [width - excess * (width - narrowest) / room for width in wide]
