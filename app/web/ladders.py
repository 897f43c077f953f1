"""A ladder as its page holds it: drawn already, with links behind its marks, and what its signs mean in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite

from markupsafe import Markup, escape

from app.charts import ladder_figure
from app.charts.figures import Figure
from app.charts.first_drawing import Mark, Part, first_drawing
from app.charts.ladder_svg_legend import legend_signs
from app.core.analysis import CapturePoint, Session, Terminal
from app.core.records import Text
from app.core.timeline.ladder import build_timeline
from app.web.view import View


@dataclass(frozen=True, slots=True)
class PageLadder:
    """`legend` has a sign, as SVG, and its words."""

    drawing: Markup
    legend: tuple[tuple[Markup, str], ...]
    notes: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class LadderOf:
    """Whose ladder: one session of a terminal, in the order of the capture points, on one clock or each on its own."""

    terminal: Terminal
    session: Session
    points: Sequence[CapturePoint]
    is_corrected: bool = True


def page_ladder(of: LadderOf, view: View, zone: int | None) -> PageLadder:
    """For the page of its terminal: marks open the drawer of this page, at the part that the address asks for."""

    def link(mark: Mark) -> str:
        return f'data-evidence href="{escape(view.evidence_url(mark["source"], mark["line"], mark["frame"]))}"'

    drawn = partial(first_drawing, link=link, name="ladder", shown=part_of(view.asked("zoom")))
    return _laid_out(of, view, zone, drawn, is_narrow=False)


def narrow_ladder(of: LadderOf, view: View, zone: int | None, address: str, name: str) -> PageLadder:
    """For half a page elsewhere: marks lead to the page of the terminal, at `address`. `name` differs on one page."""

    def link(mark: Mark) -> str:
        place = view.url(address, t=None, src=mark["source"], line=mark["line"], frame=mark["frame"])
        return f'href="{escape(place)}"'

    return _laid_out(of, view, zone, partial(first_drawing, link=link, name=name), is_narrow=True)


def _laid_out(
    of: LadderOf, view: View, zone: int | None, drawn: Callable[[Figure], str], *, is_narrow: bool
) -> PageLadder:
    timeline = build_timeline(of.terminal, of.session, of.points, corrected=of.is_corrected)
    figure = ladder_figure(timeline, view.language, "page", zone=view.tzinfo(zone), is_narrow=is_narrow)
    legend = tuple((Markup(sign), words) for sign, words in legend_signs(timeline.legend, view.language))
    return PageLadder(Markup(drawn(figure)), legend, timeline.notes)


def part_of(asked: str) -> Part | None:
    """The part of a ladder that an address asks for, as `static/charts.js` writes it: "left_right_bottom_top"."""
    try:
        left, right, bottom, top = map(float, asked.split("_"))
    except ValueError:
        return None
    is_part = isfinite(left + right + bottom + top) and left < right and bottom > top
    return (left, right, bottom, top) if is_part else None
