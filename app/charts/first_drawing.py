"""A ladder's figure as SVG for its page: seen, and its marks clicked, before the script that draws figures is there.

The drawing takes whatever width the page gives it: places across are percentages of the plot, places down are pixels.
It stands where plotly will draw the same figure (margins: `.first-drawing` in `static/pages.css`), so nothing moves
when plotly takes over. Only what the figure shows at first is drawn.

Known of plotly, from its source (`components/drawing`): sizes of symbols, dashes, where a text stands by its point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import cos, pi, sin, sqrt
from typing import Any

from app.charts.figures import Figure, Trace
from app.charts.svg import Value, attributes, number
from app.charts.theme import FONTS

Mark = dict[str, Any]
Link = Callable[[Mark], str]
Part = tuple[float, float, float, float]  # of the axes: left, right, bottom, top
BEYOND = 24.0  # pixels above and below the plot where something may still reach into it
REACH = 9.0  # of the place around a mark that answers
LINE_HEIGHT = 1.3  # of the size of the letters
ANCHORS = {"left": "end", "center": "middle", "right": "start"}


def first_drawing(figure: Figure, link: Link, name: str, shown: Part | None = None) -> str:
    """SVG for inside of HTML. `link` gives the attributes of the `<a>` around a mark, from its `customdata`.

    `shown` is the part of the ladder to draw: all that the figure shows, if None. Texts of a figure are escaped already
    (`for_plotly`). `name` makes the ids, and differs on one page.
    """
    whole: Part = (*figure["layout"]["xaxis"]["range"], *figure["layout"]["yaxis"]["range"])
    plot = _Plot(figure["layout"], shown or whole, link, name)
    ground = [_shape(plot, shape) for shape in figure["layout"]["shapes"]]
    traces = [part for trace in figure["data"] for part in _trace(plot, trace)]
    frame: dict[str, Value] = {
        "class": "first-drawing",
        "height": plot.height,
        "font_family": FONTS,
        "data_whole": "_".join(map(str, whole)),
        "data_shown": "_".join(map(str, shown)) if shown else None,
    }
    # The inner one ends at the edges of the plot.
    inner = f'<svg width="100%" height="100%">{"".join([*ground, *traces])}</svg>'
    return f"<svg{attributes(frame)}>{''.join(plot.heads)}{inner}{''.join(_margins(plot))}</svg>"


class _Plot:
    """Where a value of the axes lies, and what the drawing has collected of arrowheads."""

    def __init__(self, layout: dict[str, Any], shown: Part, link: Link, name: str) -> None:
        self.layout, self.link, self.name = layout, link, name
        self.height: float = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]
        self.x0, self.x1, self.y0, self.y1 = shown
        self.heads: list[str] = []

    def x(self, value: float) -> str:
        return f"{number(100 * (value - self.x0) / (self.x1 - self.x0))}%"

    def y(self, value: float) -> float:
        return self.height * (value - self.y1) / (self.y0 - self.y1)

    def shows(self, *ys: float) -> bool:
        return max(map(self.y, ys)) > -BEYOND and min(map(self.y, ys)) < self.height + BEYOND

    def line(self, x0: float, y0: float, x1: float, y1: float, more: str = "") -> str:
        ends = f'x1="{self.x(x0)}" y1="{number(self.y(y0))}" x2="{self.x(x1)}" y2="{number(self.y(y1))}"'
        return f"<line {ends}{more}/>"

    def head(self, color: str, size: float, standoff: float) -> str:
        """The id of an arrowhead: a browser turns it along its line, whatever the width."""
        length, half = size * sin(pi / 2.5), size * cos(pi / 2.5)
        key = f"{self.name}-head-{len(self.heads)}"
        shown = attributes({"viewBox": f"0 {number(-half)} {number(length)} {number(2 * half)}", "overflow": "visible"})
        where = attributes({"refX": length + standoff, "markerWidth": length, "markerHeight": 2 * half})
        path = f"M{number(length)} 0L0 {number(half)}V{number(-half)}Z"
        self.heads.append(
            f'<marker id="{key}" orient="auto" markerUnits="userSpaceOnUse"{shown}{where}>'
            f'<path d="{path}"{attributes({"fill": color})}/></marker>'
        )
        return key


def _trace(plot: _Plot, trace: Trace) -> Iterable[str]:
    if trace["mode"] == "lines":
        yield _lines(plot, trace)
    elif trace["mode"] == "text":
        yield from _texts(plot, trace)
    elif trace["mode"] == "markers" and trace["marker"]["symbol"] == "arrow":
        yield _arrows(plot, trace)
    elif trace["mode"] == "markers":
        yield from _marks(plot, trace)


def _pieces(trace: Trace) -> Iterable[tuple[float, float, float, float]]:
    """A trace of lines has two points and a gap for each."""
    return zip(trace["x"][::3], trace["y"][::3], trace["x"][1::3], trace["y"][1::3], strict=True)


def _stroke(line: dict[str, Any]) -> dict[str, Any]:
    width = line["width"]
    step = max(width, 3)
    dashes = {"solid": None, "dot": f"{number(step)}", "dash": f"{number(3 * step)}"}
    dash = line.get("dash", "solid")
    return {
        "stroke": line["color"],
        "stroke_width": width,
        "stroke_dasharray": dashes.get(dash, dash.replace("px", "")) if dash != "solid" else None,
    }


def _lines(plot: _Plot, trace: Trace) -> str:
    more = {**_stroke(trace["line"]), "opacity": trace["opacity"] if trace.get("opacity", 1) != 1 else None}
    lines = [plot.line(*piece) for piece in _pieces(trace) if plot.shows(piece[1], piece[3])]
    return f"<g{attributes(more)}>{''.join(lines)}</g>"


def _arrows(plot: _Plot, trace: Trace) -> str:
    marker = trace["marker"]
    head = plot.head(marker["color"], marker["size"][1], marker["standoff"])
    more = f' marker-end="url(#{head})"'
    return "".join(plot.line(*piece, more) for piece in _pieces(trace) if plot.shows(piece[3]))


def _marks(plot: _Plot, trace: Trace) -> Iterable[str]:
    marker = trace["marker"]
    drawn = _symbol(marker["symbol"], marker["size"] / 2) + attributes(
        {"fill": marker["color"], "stroke": marker["line"]["color"], "stroke_width": marker["line"]["width"]}
    )
    reach = f'<circle class="reach" r="{number(REACH)}"/>'
    for x, y, text, behind in zip(trace["x"], trace["y"], trace["hovertext"], trace["customdata"], strict=True):
        if plot.shows(y):
            where = f'<svg x="{plot.x(x)}" y="{number(plot.y(y))}" overflow="visible">'
            yield _linked(plot, behind, text, f"{where}{reach}<{drawn}/></svg>")


def _symbol(name: str, radius: float) -> str:
    """An open tag with its geometry, around the origin."""
    if name == "circle":
        return f'circle r="{number(radius)}"'
    if name == "diamond":
        wide = number(radius * 1.3)
        return f'path d="M{wide} 0L0 {wide}L-{wide} 0L0 -{wide}Z"'
    if name == "x":
        arm = number(radius * 0.8 / sqrt(2))
        ne, se, sw, nw = f"l{arm} {arm}", f"l{arm} -{arm}", f"l-{arm} -{arm}", f"l-{arm} {arm}"
        return f'path d="M0 {arm}{ne}{se}{sw}{se}{sw}{nw}{sw}{nw}{ne}{nw}{ne}Z"'
    if name == "circle-x":
        wide, arm = number(radius), number(radius / sqrt(2))
        return (
            f'path d="M{arm} {arm}L-{arm} -{arm}M{arm} -{arm}L-{arm} {arm}'
            f'M{wide} 0A{wide} {wide} 0 1 1 0 -{wide}A{wide} {wide} 0 0 1 {wide} 0Z"'
        )
    raise ValueError(f"no such symbol here: {name}")


def _texts(plot: _Plot, trace: Trace) -> Iterable[str]:
    font = trace["textfont"]
    look = {"font_size": font["size"], "fill": font["color"], "font_weight": font["weight"], "class": "words"}
    yield f"<g{attributes(look)}>"
    places = trace["textposition"]
    for index, (x, y, text) in enumerate(zip(trace["x"], trace["y"], trace["text"], strict=True)):
        if plot.shows(y):
            up, side = (places if isinstance(places, str) else places[index]).split()
            below = {"top": -0.25, "middle": 0.25, "bottom": 0.75}[up] * font["size"]
            where = {"x": plot.x(x), "y": plot.y(y) + below, "text_anchor": ANCHORS[side]}
            behind = trace["customdata"][index] if "customdata" in trace else None
            yield _linked(plot, behind, text, f"<text{attributes(where)}>{text}</text>")
    yield "</g>"


def _linked(plot: _Plot, behind: Mark | None, said: str, drawn: str) -> str:
    if behind is None:
        return drawn
    return f"<a {plot.link(behind)}><title>{said.replace('<br>', ' · ').strip()}</title>{drawn}</a>"


def _shape(plot: _Plot, shape: dict[str, Any]) -> str:
    if not plot.shows(shape["y0"], shape["y1"]):
        return ""
    if shape["type"] == "line":
        stroke = attributes(_stroke(shape["line"]))
        return plot.line(shape["x0"], shape["y0"], shape["x1"], shape["y1"], stroke)
    top, bottom = plot.y(shape["y0"]), plot.y(shape["y1"])
    drawn = f'<rect width="100%"{attributes({"y": top, "height": bottom - top, "fill": shape["fillcolor"]})}/>'
    if "label" in shape:
        font = shape["label"]["font"]
        where = {"y": (top + bottom) / 2 + font["size"] * 0.28, "font_size": font["size"], "fill": font["color"]}
        drawn += f'<text x="100%" dx="-6" text-anchor="end"{attributes(where)}>{shape["label"]["text"]}</text>'
    return drawn


def _margins(plot: _Plot) -> Iterable[str]:
    """Names of the lanes above the plot, times at its left, and the day in the corner."""
    layout = plot.layout
    color, size = layout["font"]["color"], layout["font"]["size"]
    yield f"<g{attributes({'text_anchor': 'middle', 'fill': color, 'font_size': size})}>"
    for value, name in zip(layout["xaxis"]["tickvals"], layout["xaxis"]["ticktext"], strict=True):
        lines = name.split("<br>")
        if plot.x0 <= value <= plot.x1:
            yield _lines_of(lines, plot.x(value), -3.4 - LINE_HEIGHT * size * (len(lines) - 1), size)
    axis = layout["yaxis"]
    small = axis["tickfont"]["size"]
    yield f"</g><g{attributes({'text_anchor': 'end', 'fill': color, 'font_size': small, 'stroke_width': 1})}>"
    for value, text in zip(axis["tickvals"], axis["ticktext"], strict=True):
        y = plot.y(value)
        if 0 <= y <= plot.height:
            yield f'<path d="M-1 {number(y)}h-{axis["ticklen"]}"{attributes({"stroke": axis["tickcolor"]})}/>'
            yield f'<text x="-8.2" y="{number(y + small * 0.35)}">{text}</text>'
    yield "</g>"
    for note in layout["annotations"]:
        font = note["font"]
        look = attributes({"fill": font["color"], "font_size": font["size"]})
        lines = _lines_of(note["text"].split("<br>"), note["xshift"] + 2, 15 - note["yshift"], font["size"])
        yield f"<g{look}>{lines}</g>"


def _lines_of(lines: list[str], x: float | str, y: float, size: float) -> str:
    return "".join(
        f"<text{attributes({'x': x, 'y': y + LINE_HEIGHT * size * row})}>{line}</text>"
        for row, line in enumerate(lines)
        if line.strip()
    )
