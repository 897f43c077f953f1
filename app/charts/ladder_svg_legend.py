"""What the signs of a ladder mean, below it: as a part of a drawing, and sign by sign for a list in a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.charts.svg import Svg
from app.charts.theme import PAGE
from app.charts.writing import say, width_of
from app.core.timeline.texts import LEGEND

Rows = list[list[tuple[str, float]]]
ROW = 20.0
SIGN = 28.0  # wide


def legend_rows(keys: Sequence[str], lang: str, width: float) -> Rows:
    """Which signs stand in which row, each with its place from the left."""
    rows: Rows = [[]]
    x = 16.0
    for key in keys:
        room = 34 + width_of(say(LEGEND[key], lang), 10.5) + 22
        if x + room > width - 10 and rows[-1]:
            rows.append([])
            x = 16.0
        rows[-1].append((key, x))
        x += room
    return [row for row in rows if row]


def draw_legend(svg: Svg, rows: Rows, lang: str, y: float) -> float:
    """Gives the height at which it ends."""
    for row in rows:
        for key, x in row:
            _sign(svg, key, x, y)
            svg.text(x + 34, y + 4, say(LEGEND[key], lang), size=10.5)
        y += ROW
    return y


def legend_signs(keys: Sequence[str], lang: str) -> Iterator[tuple[str, str]]:
    """The sign, as SVG for inside of HTML, and its words."""
    for key in keys:
        svg = Svg(SIGN, ROW, PAGE, "", "", key)
        _sign(svg, key, 1, ROW / 2)
        yield f'<svg viewBox="0 0 {SIGN:g} {ROW:g}" aria-hidden="true">{svg.body}</svg>', say(LEGEND[key], lang)


def _sign(svg: Svg, key: str, x: float, y: float) -> None:
    theme = svg.theme
    if key in ("to_server", "to_client"):
        color = theme.to_server if key == "to_server" else theme.to_client
        ends = (x, x + 26) if key == "to_server" else (x + 26, x)
        svg.line(ends[0], y, ends[1], y, stroke=color, stroke_width=1.8)
        svg.arrowhead(ends[0], y, ends[1], y, color)
    elif key == "seen":
        svg.line(x, y, x + 26, y, stroke=theme.to_server, stroke_width=1.8)
        svg.circle(x + 5, y, 3.1, fill=theme.background, stroke=theme.to_server, stroke_width=1.5)
        svg.circle(x + 21, y, 3.1, fill=theme.background, stroke=theme.to_server, stroke_width=1.5)
    elif key == "lost":
        svg.line(x, y, x + 14, y, stroke=theme.lost, stroke_width=1.8)
        svg.cross(x + 18, y, 5, theme.lost)
    elif key in ("unseen", "fading"):
        _piece_sign(svg, key, x, y)
    elif key == "log":
        svg.line(x + 4, y, x + 26, y, stroke=theme.log, stroke_width=0.9, stroke_dasharray="1 3")
        svg.path(f"M{x + 4:.2f} {y - 4:.2f}l4 4l-4 4l-4 -4z", fill=theme.log)
    elif key == "fold":
        svg.rect(x, y - 7, 26, 14, fill=theme.band, rx=3, stroke=theme.lane)
        svg.text(x + 13, y + 4, "≀", anchor="middle", fill=theme.muted)
    elif key in ("good", "bad"):
        svg.circle(x + 13, y, 7, fill=theme.good if key == "good" else theme.bad)
        d = f"M{x + 9:.2f} {y:.2f}l3 3l5 -6" if key == "good" else f"M{x + 10:.2f} {y - 3:.2f}l6 6m0 -6l-6 6"
        svg.path(d, stroke=theme.background, stroke_width=2, fill="none")
    else:
        fill, color = (
            (theme.check_fill, theme.check)
            if key == "check"
            else (theme.wait_fill, theme.wait if key == "wait" else theme.bad)
        )
        svg.rect(
            x + 9,
            y - 8,
            8,
            16,
            fill=fill,
            rx=3,
            stroke=color,
            stroke_width=0.8,
            stroke_dasharray="3 2" if key == "give_up" else None,
        )


def _piece_sign(svg: Svg, key: str, x: float, y: float) -> None:
    if key == "unseen":
        svg.line(x, y, x + 26, y, stroke=svg.theme.to_server, stroke_width=1.8, stroke_dasharray="6 4")
        return
    for part, opacity in enumerate((1.0, 0.75, 0.5, 0.3)):
        svg.line(
            x + part * 7,
            y,
            x + part * 7 + 6,
            y,
            stroke=svg.theme.unknown,
            stroke_width=1.8,
            stroke_dasharray="1.5 5",
            stroke_linecap="round",
            stroke_opacity=opacity,
        )
