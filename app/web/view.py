"""What a reader chose for the page: language, time zone, theme. Each can stand in the URL, so that a link shows a
colleague the same page, and is else remembered in a cookie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

from fastapi import Request

from app.web.i18n import HTML_LANGUAGES, LANGUAGES, negotiate, translations

ZONES = ("viewer", "source", "utc")
THEMES = ("auto", "light", "dark")
# A page writes its own address a hundred times, with other numbers in it.
_quoted = lru_cache(4096)(quote_plus)
_EPOCH, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
REMEMBERED = {"lang": LANGUAGES, "zone": ZONES, "theme": THEMES}


@dataclass(frozen=True, slots=True)
class View:
    """One request's choices.

    `zone` is one of ZONES. `viewer_zone` is the browser's IANA zone name (told by a cookie; UTC before the first
    script ran).
    """

    language: str
    zone: str
    viewer_zone: str
    theme: str
    path: str
    query: tuple[tuple[str, str], ...]

    @property
    def html_language(self) -> str:
        return HTML_LANGUAGES[self.language]

    def translate(self, message: str) -> str:
        return translations(self.language).gettext(message)

    def url(self, path: str | None = None, **changes: object) -> str:
        """This page's address with other query parameters; None removes one."""
        parameters = dict(self.query)
        for name, value in changes.items():
            if value is None:
                parameters.pop(name, None)
            else:
                parameters[name] = str(value)
        query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in parameters.items())
        return f"{path or self.path}?{query}" if query else (path or self.path)

    def evidence_url(self, source: str, line: int | None, frame: int | None) -> str:
        """This page's address with its drawer open at a line or a frame."""
        place = f"&line={line}" if line is not None else f"&frame={frame}" if frame is not None else ""
        return f"{_beside_evidence(self)}src={_quoted(source)}{place}"

    def asked(self, name: str) -> str:
        """A parameter of the address; empty where it has none."""
        return dict(self.query).get(name, "")

    def page_number(self, name: str = "page") -> int:
        """Which page of a list the address asks for."""
        text = self.asked(name)
        return int(text) if text.isdecimal() and 0 < int(text[:9]) <= 1_000_000 else 1

    def pager(self, name: str = "page") -> Callable[[int], str]:
        """The address of another page of the same list."""

        def url_of(number: int) -> str:
            changes: dict[str, Any] = {name: number if number > 1 else None}
            return self.url(**changes)

        return url_of

    def tzinfo(self, source_offset_s: int | None) -> tzinfo:
        """The zone that times are shown in; `source_offset_s` is the log's zone, seconds east of UTC."""
        if self.zone == "source" and source_offset_s is not None:
            return timezone(timedelta(seconds=source_offset_s))
        if self.zone == "viewer":
            return ZoneInfo(self.viewer_zone)
        return UTC

    def zone_name(self, source_offset_s: int | None) -> str:
        """The zone as a reader names it: "UTC", "UTC+08:00", "Asia/Shanghai"."""
        if self.zone == "viewer":
            return self.viewer_zone
        if self.zone == "source" and source_offset_s is not None:
            return offset_name(source_offset_s)
        return "UTC"

    def moment(self, time_ns: int, source_offset_s: int | None = None) -> datetime:
        """`time_ns` (UTC) in the chosen zone, to the microsecond."""
        return utc(time_ns).astimezone(self.tzinfo(source_offset_s))


@lru_cache(64)
def _beside_evidence(view: View) -> str:
    """The address as far as all links to evidence of a page share it."""
    address = view.url(src=None, line=None, frame=None, around=None)
    return address + ("&" if "?" in address else "?")


def utc(time_ns: int) -> datetime:
    """A moment of the calendar; a capture may claim one far outside of it, which becomes the calendar's edge."""
    try:
        return _EPOCH + timedelta(microseconds=time_ns // 1000)
    except OverflowError:
        return _LAST if time_ns > 0 else _EPOCH


def offset_name(offset_s: int) -> str:
    """28800 → "UTC+08:00"."""
    sign = "-" if offset_s < 0 else "+"
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    return f"UTC{sign}{hours:02d}:{minutes:02d}"


def _chosen(name: str, query: Mapping[str, str], cookies: Mapping[str, str], otherwise: str) -> str:
    for value in (query.get(name), cookies.get(name)):
        if value in REMEMBERED[name]:
            return str(value)
    return otherwise


def _known_zone(name: str) -> str:
    """The name if the zone database has it (the cookie is the browser's word, so anything may stand there)."""
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):  # malformed, a directory, not in the database
        return "UTC"


def view_of(request: Request) -> View:
    """The reader's choices out of query, cookies and headers."""
    query, cookies = request.query_params, request.cookies
    return View(
        language=_chosen("lang", query, cookies, negotiate(request.headers.get("accept-language", ""))),
        zone=_chosen("zone", query, cookies, "viewer"),
        viewer_zone=_known_zone(cookies.get("tz", "UTC")),
        theme=_chosen("theme", query, cookies, "auto"),
        path=request.url.path,
        query=tuple(query.multi_items()),
    )
