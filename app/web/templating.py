"""Jinja2 environment of the pages: autoescape always on, gettext, filters for times, sizes and addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup, escape

from app.charts.writing import signed_seconds
from app.core.analysis import Evidence
from app.web import labels
from app.web.fixed_texts import FixedTexts, OneLanguage
from app.web.guard import principal_of
from app.web.i18n import say, translations
from app.web.view import REMEMBERED, View, utc, view_of

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
LONGEST_SHOWN = 2_000
SHORT = 80  # characters; what is longer is hardly ever written twice
# Control characters, and marks that turn the direction of what follows or have no width.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
WRITTEN = len("2026-11-23 08:51:53.263")
# Which part of that a page shows.
TIME_FORMS = {
    "full": slice(None),
    "clock": slice(11, None),
    "minute": slice(16),
    "second": slice(19),
    "second-clock": slice(11, 19),
}


class FormTokens(Extension):
    """Every form that changes something carries the session's token: no template has to think of it."""

    _POST = re.compile(r'<form\b[^>]*\bmethod="post"[^>]*>')

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return self._POST.sub(lambda form: form[0] + '<input type="hidden" name="csrf" value="{{ csrf }}">', source)


def isolate(value: object, limit: int = LONGEST_SHOWN) -> Markup:
    """Foreign text (log lines, file names, user names) for a page: escaped, cut, direction marks kept from leaking.

    `<bdi>` ends the reach of right-to-left overrides; control characters are made visible, for a name that hides
    its ending by U+202E must look odd and not innocent.
    """
    text = str(value)
    return _isolated(text, limit) if len(text) > SHORT else _short_isolated(text, limit)


def _isolated(text: str, limit: int) -> Markup:
    shown = plain(text, limit)
    rest = f"… (+{len(text) - limit:,})" if len(text) > limit else ""
    # Not Markup.format, which parses its pattern anew for each of the hundreds of names on a page.
    return Markup(f"<bdi>{escape(shown)}</bdi>{rest}")


# A page writes the same few names and addresses in every row.
_short_isolated = lru_cache(4096)(_isolated)


def plain(value: object, limit: int = LONGEST_SHOWN) -> str:
    """Foreign text for a place that takes no markup (a title, an attribute): cut, and nothing in it that hides."""
    return _HIDDEN.sub(lambda found: _visible(found[0]), str(value)[:limit])


def _visible(character: str) -> str:
    """A picture of a character that would not be seen, or would turn what is around it."""
    code = ord(character)
    if code >= 160:
        return f"‹U+{code:04X}›"
    return "␡" if code == 127 else chr(0x2400 + code) if code < 32 else "�"


def place_links(gettext: Callable[[str], str]) -> Callable[[Evidence, View], Markup]:
    """The filter for a line or a frame under the name of its file. A table has dozens, too many for a macro."""
    line, frame = gettext("line"), gettext("frame")

    def place_link(piece: Evidence, view: View) -> Markup:
        href, file = escape(view.evidence_url(piece.source, piece.line, piece.frame)), escape(plain(piece.source, 200))
        place = f"{line} {piece.line}" if piece.line else f"{frame} {piece.frame}"
        return Markup(
            f'<a class="evidence inline" data-evidence href="{href}" title="{file}">{place}'
            f'<span class="quiet"> {file}</span></a>'
        )

    return place_link


def by_source(evidence: Iterable[Evidence]) -> list[tuple[str, list[Evidence]]]:
    """Lines and frames under the file that they are in, files in the order of their first."""
    files: dict[str, list[Evidence]] = {}
    for piece in evidence:
        files.setdefault(piece.source, []).append(piece)
    return list(files.items())


def size_text(size_bytes: int) -> str:
    """Bytes for people: 512 B, 1.5 kB, 20 MB."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")


@cache
def environment(language: str) -> Environment:
    """The environment of one language (the catalogue is part of it, so that templates compile with it)."""
    env = OneLanguage(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", FormTokens],
        undefined=StrictUndefined,
        auto_reload=False,  # else every include of every page asks the disk whether its template has changed
        trim_blocks=True,
        lstrip_blocks=True,
    )
    catalogue = translations(language)
    env.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    env.fixed_texts = FixedTexts(catalogue.gettext)
    env.filters.update(
        bdi=isolate,
        plain=plain,
        size=size_text,
        num=lambda value: f"{value:,}",  # as both languages write it
        say=lambda text: say(text, language),
        signed_seconds=signed_seconds,
        by_source=by_source,
        place_link=place_links(catalogue.gettext),
        file_name=lambda path: path.rpartition("/")[2],
    )
    named = lru_cache(1024)(lambda key, table: catalogue.gettext(getattr(labels, table).get(str(key), str(key))))
    env.filters["label_of"] = named  # as a filter in long tables: a filter is called at a fifth of a function's price
    env.globals.update(labels=labels, label=lambda table, key: named(key, table))
    return env


def _times_in(view: View) -> Callable[..., Markup]:
    def time_of(
        time_ns: int | None, source_offset_s: int | None = None, form: str = "full", as_written: bool = False
    ) -> Markup:
        """`as_written`: the local time of a log whose zone nobody knows; it is in no zone, so it is not converted."""
        if time_ns is None:
            return Markup("–")
        moment = utc(time_ns) if as_written else view.moment(time_ns, source_offset_s)
        told = moment.replace(tzinfo=None) if as_written else moment
        written = told.isoformat(" ", "milliseconds")[:WRITTEN]
        return Markup(f'<time datetime="{told.isoformat()}">{written[TIME_FORMS[form]]}</time>')

    return time_of


def render_part(view: View, name: str, **context: Any) -> Markup:
    """A piece of a page that is the same for whoever chose this view, so that it can be kept.

    Its template knows neither the person nor the request; one that asks for them fails.
    """
    template = environment(view.language).get_template(name)
    return Markup(template.render(view=view, time_of=_times_in(view), **context))


def render(request: Request, name: str, status: int = 200, **context: Any) -> HTMLResponse:
    """One page or partial."""
    view, principal = view_of(request), principal_of(request)
    html = (
        environment(view.language)
        .get_template(name)
        .render(
            view=view,
            request=request,
            time_of=_times_in(view),
            status=status,
            principal=principal,
            csrf=principal.csrf,
            **context,
        )
    )
    return answer(request, html, status)


def answer(request: Request, html: str, status: int = 200) -> HTMLResponse:
    """What was rendered, for this reader. Choices that stand in the address are remembered in cookies."""
    response = HTMLResponse(html, status_code=status, headers={"Vary": "Accept-Language, Cookie, HX-Request"})
    response.headers["Content-Language"] = view_of(request).html_language
    for key in REMEMBERED:
        if request.query_params.get(key) in REMEMBERED[key]:
            response.set_cookie(key, request.query_params[key], max_age=31_536_000, samesite="lax", httponly=True)
    return response
