"""A cell of the fragment table as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from app.charts.svg import Svg
from app.charts.theme import Theme, theme_of
from app.charts.writing import say, width_of
from app.core.analysis import Seen
from app.core.drawings.fragment_boxes import FragmentBox
from app.core.records import Text


def boxes_svg(
    boxes: Sequence[FragmentBox],
    lang: str = "en",
    theme: str = "light",
    width: float = 180,
    height: float = 22,
    *,
    name: str = "boxes",
    label: Text | None = None,
) -> str:
    """One cell of the fragment table. Seen is filled, missing crossed out, unknown dotted with a question mark."""
    look = theme_of(theme)
    described = "; ".join(say(box.text, lang) for box in boxes)
    svg = Svg(width, height, look, say(label, lang) if label else described, described, name)
    room = width - 2
    least = min(6.0, room / max(len(boxes), 1))  # a last fragment of 8 bytes must still be seen
    spare = room - least * len(boxes)
    x = 1.0
    for box in boxes:
        wide = least + spare * box.share
        _box(svg, box, x, wide, height, look, lang)
        x += wide
    return svg.finish()


def _box(svg: Svg, box: FragmentBox, x: float, wide: float, height: float, look: Theme, lang: str) -> None:
    color = {Seen.SEEN: look.to_server, Seen.MISSING: look.lost, Seen.UNKNOWN: look.unknown}[box.state]
    inner, middle = max(wide - 2, 1), height / 2
    svg.rect(
        x,
        2,
        inner,
        height - 4,
        rx=2,
        fill=look.box if box.state is Seen.SEEN else look.background,
        stroke=color,
        stroke_width=1.2,
        stroke_dasharray="2 3" if box.state is Seen.UNKNOWN else None,
        hover=say(box.text, lang),
    )
    center = x + inner / 2
    if box.state is Seen.MISSING:
        svg.cross(center, middle, min(4.5, inner / 2), look.lost, width=2)
    elif box.state is Seen.UNKNOWN:
        svg.text(center, middle + 4, "?", size=11, anchor="middle", fill=look.unknown, weight="700")
    elif width_of(f"{box.length:,}", 10) < inner - 4:
        svg.text(center, middle + 3.5, f"{box.length:,}", size=10, anchor="middle", fill=look.text)
