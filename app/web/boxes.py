"""A datagram's row in the fragment table: at each capture point its pieces as boxes, in per cent of the cell.

The boxes are written here and not in the template: there are hundreds on a page, and they were half of its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from app.core.analysis import DatagramFate, Fate
from app.core.drawings.fragment_boxes import FragmentBox, fragment_boxes
from app.web.i18n import say
from app.web.labels import SEEN_SIGNS
from app.web.templating import plain
from app.web.view import View

# A narrower box could not be hit with a finger or hold its sign, however few bytes it stands for.
NARROWEST = 14.0
LONGEST_TOLD = 300


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


def draw_boxes(cell: Cell, view: View) -> Markup:
    """What stands in the cell's `<svg>`: each box with its sign, a link to the frame behind it where there is one."""
    return Markup("").join(_drawn(placed, view) for placed in cell.boxes)


def _drawn(placed: PlacedBox, view: View) -> Markup:
    box, state = placed.box, placed.box.state
    told = escape(plain(say(box.text, view.language), LONGEST_TOLD))
    if box.refs:
        first = box.refs[0]
        href = escape(view.evidence_url(first.source, first.line, first.frame))
        begin, end = f'<a href="{href}" data-evidence aria-label="{told}">', "</a>"
    else:
        begin, end = f'<g role="img" aria-label="{told}">', "</g>"
    middle = placed.x + placed.width / 2
    return Markup(
        f"{begin}<title>{told}</title>"
        f'<rect class="box {state}" x="{placed.x}%" width="{placed.width}%" y="1" height="90%"/>'
        f'<text class="t-{state}" x="{middle}%" y="50%">{SEEN_SIGNS[state]}</text>{end}'
    )
