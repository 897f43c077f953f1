"""The pieces of a case's page that are the same for everybody: made once for an analysis and a view, and kept.

What people may change, or what only some of them may see, is not in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.core.analysis import CapturePoint, SourceKind
from app.core.records import NS
from app.db import source_queries, terminal_queries
from app.db.models import Analysis
from app.db.pages import Page
from app.db.results import SourceRow
from app.db.terminal_queries import TerminalFilter
from app.web import labels
from app.web.coverage import coverage_of
from app.web.remembered import capture_points, case_checks, remember, remember_part
from app.web.templating import render_part
from app.web.view import View, offset_name


def _kept(db: Session, analysis: Analysis, view: View, name: str, context: Callable[[], dict[str, Any]]) -> Markup:
    def part(db: Session, analysis_id: int) -> Markup:
        return render_part(view, name, case_id=analysis.case_id, **context())

    return remember_part(db, analysis.id, part, name, view)


def _anywhere(view: View, **asked: str) -> View:
    """The view as far as a piece depends on it that does not write the page's address: language and zone.

    Else it would be made again for every page of another list.
    """
    return replace(view, theme="auto", path="", query=tuple(asked.items()))


def terminal_list(db: Session, analysis: Analysis, view: View) -> Markup:
    narrowed = terminal_filter(view)
    return _kept(
        db,
        analysis,
        view,
        "terminal_list.html",
        lambda: {
            "narrowed": narrowed,
            "page": terminal_queries.list_terminals(db, analysis.id, narrowed, view.page_number()),
            "url_of": view.pager(),
            "zone_offset_s": remember(db, analysis.id, source_queries.log_zone),
        },
    )


def terminal_filter(view: View) -> TerminalFilter:
    return TerminalFilter(
        view.asked("q")[:200],
        view.asked("outcome"),
        view.asked("finding"),
        view.asked("sort"),
        view.asked("desc") == "1",
    )


def source_list(db: Session, analysis: Analysis, view: View) -> Markup:
    """The table is the same whatever else the address asks for; the links to its other pages are not."""
    kind, number = chosen_kind(view), view.page_number("sources")
    table = _kept(
        db,
        analysis,
        _anywhere(view, kind=kind, sources=str(number)),
        "source_list.html",
        lambda: {
            "sources": source_queries.list_sources(db, analysis.id, kind, number),
            "offset_name": offset_name,
            "span_of": span_of,
        },
    )
    counts = remember(db, analysis.id, source_queries.source_counts)
    page: Page[SourceRow] = Page((), number, sum(files for of_kind, _, files in counts if kind in ("", of_kind)))
    return table + render_part(view, "list_pages.html", page=page, url_of=view.pager("sources"), target="#source-list")


def chosen_kind(view: View) -> str:
    """The kind of files that the list is narrowed to; empty for all."""
    asked = view.asked("kind")
    return asked if asked in labels.KINDS else ""


def coverage(db: Session, analysis: Analysis, view: View) -> Markup:
    return _kept(
        db,
        analysis,
        _anywhere(view),
        "coverage.html",
        lambda: {"coverage": remember(db, analysis.id, coverage_of), "offset_name": offset_name},
    )


def path(db: Session, analysis: Analysis, view: View) -> Markup:
    points = capture_points(db, analysis.id)
    legs, other_legs = _legs(analysis.leg_losses, points)
    context = {"points": points, "legs": legs, "other_legs": other_legs}
    return _kept(db, analysis, _anywhere(view), "path.html", lambda: context)


def checks(db: Session, analysis: Analysis, view: View) -> Markup:
    return _kept(db, analysis, _anywhere(view), "checks.html", lambda: {"checks": case_checks(db, analysis.id)})


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a source tells. Not UTC: local time of a log whose zone nobody knows, shown as written."""

    first_ns: int | None
    last_ns: int | None
    zone_offset_s: int | None
    is_utc: bool = True


def span_of(source: SourceRow) -> Span:
    """A log's times are local wall-clock times; with its zone they become UTC like those of a capture."""
    if source.kind not in (SourceKind.INODE_LOG, SourceKind.SERVER_LOG):
        return Span(source.first_ns, source.last_ns, None)
    if source.zone_offset_s is None:
        return Span(source.first_ns, source.last_ns, 0, is_utc=False)
    zone_ns = source.zone_offset_s * NS
    first_ns, last_ns = (at_ns - zone_ns if at_ns is not None else None for at_ns in (source.first_ns, source.last_ns))
    return Span(first_ns, last_ns, source.zone_offset_s)


@dataclass(frozen=True, slots=True)
class Loss:
    """Datagrams of one message that one leg lost, and how many of it there were in all."""

    message: int
    lost: int
    sent: int


def _legs(
    rows: Sequence[Sequence[Any]], points: Sequence[CapturePoint]
) -> tuple[Mapping[tuple[str, str], list[Loss]], list[tuple[str, str, Loss]]]:
    """Losses by leg between neighbours (both directions together), and the ones that span several legs."""
    neighbours = set(pairwise(point.name for point in points))
    legs: dict[tuple[str, str], list[Loss]] = {}
    others = []
    for lost_from, lost_to, *counts in rows:
        loss, pair = Loss(*counts), (lost_from, lost_to)
        pair = pair if pair in neighbours else pair[::-1]
        if pair in neighbours:
            legs.setdefault(pair, []).append(loss)
        else:
            others.append((lost_from, lost_to, loss))
    return legs, others
