"""A small writer of SVG: elements with presentation attributes only.

No `style` attribute, no `<style>`, no script: the drawing stands inside pages whose Content-Security-Policy allows
none. Numbers have at most two digits after the point, attributes stand in the order given: same drawing, same bytes.
"""

from __future__ import annotations

import re
from html import escape

from app.charts.theme import FONTS, Theme
from app.charts.writing import clean, width_of

Value = str | float | int | None


def number(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


# What XML 1.0 forbids, even escaped; an address made of a hostile file name could hold it.
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def attributes(values: dict[str, Value]) -> str:
    return "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for name, value in values.items()
        if value is not None
    )


def _attribute(value: str | float) -> str:
    return escape(FORBIDDEN.sub("", value)) if isinstance(value, str) else number(value)


class Svg:
    """Collects elements, from the back to the front."""

    def __init__(self, width: float, height: float, theme: Theme, title: str, description: str, name: str) -> None:
        self._parts: list[str] = []
        self._open: list[str] = []
        self.width, self.height, self.theme = width, height, theme
        self._head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" '
            f'width="{number(width)}" height="{number(height)}" role="img" class="chart" '
            f'aria-labelledby="{name}-title {name}-desc" '
            f'font-family="{escape(FONTS)}" font-size="11">'
            f'<title id="{name}-title">{escape(clean(title, 400))}</title>'
            f'<desc id="{name}-desc">{escape(clean(description, 4000))}</desc>'
        )

    @property
    def body(self) -> str:
        """What was drawn, without the sheet around it."""
        return "".join(self._parts)

    def _add(self, tag: str, values: dict[str, Value], hover: str | None) -> None:
        if hover is None:
            self._parts.append(f"<{tag}{attributes(values)}/>")
        else:
            self._parts.append(f"<{tag}{attributes(values)}><title>{escape(clean(hover, 600))}</title></{tag}>")

    def rect(self, x: float, y: float, width: float, height: float, *, hover: str | None = None, **more: Value) -> None:
        self._add("rect", {"x": x, "y": y, "width": width, "height": height, **more}, hover)

    def line(self, x0: float, y0: float, x1: float, y1: float, *, hover: str | None = None, **more: Value) -> None:
        self._add("line", {"x1": x0, "y1": y0, "x2": x1, "y2": y1, **more}, hover)

    def circle(self, x: float, y: float, radius: float, *, hover: str | None = None, **more: Value) -> None:
        self._add("circle", {"cx": x, "cy": y, "r": radius, **more}, hover)

    def path(self, d: str, *, hover: str | None = None, **more: Value) -> None:
        self._add("path", {"d": d, **more}, hover)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 11,
        fill: str | None = None,
        anchor: str = "start",
        weight: str | None = None,
        backed: bool = False,
        limit: int = 160,
    ) -> None:
        """`backed` puts a patch of the background behind, so that lines do not run through the letters."""
        shown = clean(text, limit)
        if backed:
            width = width_of(shown, size)
            left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
            self.rect(left - 2, y - size * 0.88, width + 4, size * 1.16, fill=self.theme.background, fill_opacity=0.86)
        values: dict[str, Value] = {
            "x": x,
            "y": y,
            "font_size": size,
            "fill": fill or self.theme.text,
            "text_anchor": anchor if anchor != "start" else None,
            "font_weight": weight,
        }
        self._parts.append(f"<text{attributes(values)}>{escape(shown)}</text>")

    def begin(self, tag: str, **values: Value) -> None:
        self._parts.append(f"<{tag}{attributes(values)}>")
        self._open.append(tag)

    def end(self) -> None:
        self._parts.append(f"</{self._open.pop()}>")

    def cross(
        self, x: float, y: float, reach: float, color: str, *, hover: str | None = None, width: float = 3
    ) -> None:
        """The sign of loss, with a rim of the background so that it stands out on any line."""
        d = (
            f"M{number(x - reach)} {number(y - reach)}L{number(x + reach)} {number(y + reach)}"
            f"M{number(x - reach)} {number(y + reach)}L{number(x + reach)} {number(y - reach)}"
        )
        self.path(d, stroke=self.theme.background, stroke_width=width + 3, fill="none", stroke_linecap="round")
        self.path(d, stroke=color, stroke_width=width, fill="none", stroke_linecap="round", hover=hover)

    def arrowhead(
        self, x0: float, y0: float, x1: float, y1: float, color: str, size: float = 10, short: float = 0.0
    ) -> None:
        """A head that points from the first place to the second and ends `short` of it."""
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 or 1.0
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        x1, y1 = x1 - ux * short, y1 - uy * short
        back_x, back_y, half = x1 - ux * size, y1 - uy * size, size * 0.42
        self.path(
            f"M{number(x1)} {number(y1)}L{number(back_x - uy * half)} {number(back_y + ux * half)}"
            f"L{number(back_x + uy * half)} {number(back_y - ux * half)}Z",
            fill=color,
        )

    def finish(self) -> str:
        body = self.body
        # To a screen reader an image has nothing inside: one with links is a group.
        head = self._head.replace('role="img"', 'role="group"', 1) if "<a " in body else self._head
        ground = attributes({"x": 0, "y": 0, "width": self.width, "height": self.height, "fill": self.theme.background})
        return f"{head}<rect{ground}/>{body}</svg>"
