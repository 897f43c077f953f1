"""A case as a PDF for whoever has to act on it: tagged, with bookmarks, the same bytes for the same input."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from functools import partial
from html import unescape
from itertools import groupby

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from app.charts import boxes_svg, ladder_svg, path_svg, size_plot_svg
from app.charts.writing import clean, day, moment, say, signed_seconds, zone_name, zone_of_times
from app.collector import collector_rare
from app.config import TEMPLATES
from app.core.analysis import Attempt, CaseAnalysis, Evidence, Message, Outcome, Session, Terminal
from app.core.case_report import CaseReport, compose_report, is_command, name_of
from app.core.drawings.case_charts import plot_sizes, size_dots, size_edges
from app.core.drawings.fragment_boxes import fragment_boxes
from app.core.drawings.path_drawing import draw_path
from app.core.finding_names import finding_name
from app.core.records import Direction, Text
from app.core.timeline.ladder import build_timeline
from app.core.timeline.model import refs_of
from app.core.timeline.texts import OUTCOMES, count, message_name
from app.reports.report_texts import CONFIDENCES, COUNTS, KINDS, METHOD, ORDERS, SEVERITIES, WORDS

FOLDER = TEMPLATES / "report"
# A page is 180 mm wide; drawings are made a little wider and scaled down, which keeps their text at 8 points.
DRAWING_WIDTH = 860.0
# Two beside each other share a page that lies on its side.
PAIR_WIDTH = 660.0
PAIR_HEIGHT = 900.0  # taller ones would be scaled down until nobody could read them
MOST_PAIR_POINTS = 6
CROWD = 30  # terminals, from which on the plot of their sizes is high
MOST_SENDS = 4
MOST_DATAGRAMS = 14
MOST_NAMED = 12
FEW_ROWS = 7  # a table this short is not cut in two
# The title and description that every drawing begins with; later titles belong to single marks.
VIEW_BOX = re.compile(r'viewBox="[-\d.]+ [-\d.]+ [\d.]+ ([\d.]+)"')
DESCRIBED = re.compile(r'<(?:title|desc) id="[^"]*">([^<]*)</')

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class ReportMeta:
    """What the analysis does not know. `period` is a sentence; empty: taken from the sessions."""

    title: str = ""
    site: str = ""
    author: str = ""
    bundle_hash: str = ""
    tool_version: str = ""
    period: str = ""
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class FragmentRow:
    message: int
    direction: Direction
    attempt: Attempt
    cells: tuple[Markup, ...]


@dataclass(frozen=True, slots=True)
class TerminalRow:
    terminal: Terminal
    name: str
    plain_bytes: int | None
    sends: int
    codes: tuple[str, ...]


def write_report(analysis: CaseAnalysis, lang: str, meta: ReportMeta, progress: Progress = lambda done: None) -> bytes:
    """The report as PDF/UA-1. `lang` is "zh" or "en"; `progress` hears fractions from 0 to 1."""
    with collector_rare():
        return _write_report(analysis, lang, meta, progress)


def _write_report(analysis: CaseAnalysis, lang: str, meta: ReportMeta, progress: Progress) -> bytes:
    # WeasyPrint takes half a second to import; commands that write no report should not wait for it.
    from weasyprint import CSS, HTML

    page = render_html(analysis, lang, meta)
    progress(0.3)
    document = HTML(string=page, base_url=str(FOLDER)).render(
        stylesheets=[CSS(filename=str(FOLDER / "report.css"))], pdf_variant="pdf/ua-1", pdf_tags=True
    )
    progress(0.8)
    # Without an identifier of its own the file would get a new one at every run.
    identifier = hashlib.sha256(page.encode()).digest()[:16]
    pdf = document.write_pdf(pdf_variant="pdf/ua-1", pdf_tags=True, pdf_identifier=identifier)
    progress(1.0)
    return bytes(pdf)


def render_html(analysis: CaseAnalysis, lang: str, meta: ReportMeta) -> str:
    """The report before it is set in pages."""
    report = compose_report(analysis)
    is_known = any(session.zone_known for terminal in analysis.terminals for session in terminal.sessions)
    meta = replace(meta, zone=zone_of_times(meta.zone, is_known))
    lang = "zh" if lang.startswith("zh") else "en"
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "say": partial(_say, lang),
        "clean": clean,
        "commands": _commands,
        "step": _step,
        "name_of_code": lambda code: say(finding_name(code), lang),
        "count": count,
        "moment": lambda at: moment(at[0], zone_of_times(meta.zone, at[1]), 3) if at is not None else "",
    }
    environment.globals |= {
        "name_of_code": lambda code: say(finding_name(code), lang),
        "w": {key: say(text, lang) for key, text in WORDS.items()},
        "confidence": lambda code: say(CONFIDENCES[code], lang),
        "severity": lambda code: say(SEVERITIES[code], lang),
        "kind": lambda code: say(KINDS[code], lang),
        "outcome": lambda outcome: say(OUTCOMES[outcome], lang),
        "order_by": lambda code: say(ORDERS.get(code, Text(code, code)), lang),
        "message": lambda number: f"{number} {say(message_name(number), lang)}",
        "seconds": signed_seconds,
        "time_of": _times(analysis).get,
        "count_name": lambda key: say(COUNTS.get(key, Text(key.replace("_", " "), key)), lang),
    }
    return environment.get_template("report.html").render(
        lang=lang,
        meta=meta,
        report=report,
        analysis=analysis,
        method=METHOD,
        period=_period(report, meta),
        zone=zone_name(
            report.period_ns[0] if report.period_ns else 0, meta.zone, lang, is_known or not report.period_ns
        ),
        path=_path(analysis, lang),
        ladders=_ladders(analysis, report, lang, meta),
        fragment_rows=_fragment_rows(analysis, report, lang),
        terminal_rows=_terminal_rows(analysis),
        sizes=_sizes(analysis, lang),
        # The high plot of many terminals does not fit below the verdict.
        is_crowd=len(analysis.terminals) >= CROWD,
        most_named=MOST_NAMED,
        few_rows=FEW_ROWS,
        shown_name=name_of(shown[0]) if (shown := report.typical or report.healthy) else "",
    )


def _say(lang: str, text: Text) -> str:
    return say(text, lang)


def _commands(text: str) -> Markup:
    """`like this` is a command: set as code."""
    parts = text.split("`")
    pieces = [Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)]
    return Markup("").join(pieces)


def _step(text: str) -> Markup:
    """A next step: sentences as paragraphs, the lines between them that are to be typed as blocks."""
    blocks: list[Markup] = []
    for is_typed, lines in groupby(text.splitlines(), key=is_command):
        if is_typed:
            blocks.append(Markup("<pre>{}</pre>").format("\n".join(lines)))
        else:
            # The last sentence before a command stays with it on one page.
            blocks += [Markup('<p class="leads">{}</p>').format(_commands(line)) for line in lines]
    return Markup("").join(blocks)


def _period(report: CaseReport, meta: ReportMeta) -> str:
    if meta.period or report.period_ns is None:
        return meta.period
    first, last = report.period_ns
    return (
        f"{day(first, meta.zone)} {moment(first, meta.zone, 0)} – {day(last, meta.zone)} {moment(last, meta.zone, 0)}"
    )


def _drawing(svg: str) -> Markup:
    """An image element with the drawing inside.

    So its elements stay out of the page's style sheet, where they would take a third of the time, and its description
    becomes the figure's alternative text in the tagged PDF.
    """
    described = " ".join(unescape(found) for found in DESCRIBED.findall(svg))
    inline = b64encode(svg.encode()).decode()
    return Markup('<img src="data:image/svg+xml;base64,{}" alt="{}">').format(inline, described)


def _path(analysis: CaseAnalysis, lang: str) -> Markup | None:
    if not analysis.capture_points:
        return None
    sessions = (session for terminal in analysis.terminals for session in terminal.sessions)
    findings = [*analysis.findings, *(finding for terminal in analysis.terminals for finding in terminal.findings)]
    return _drawing(path_svg(draw_path(analysis.capture_points, sessions, findings), lang, width=DRAWING_WIDTH))


@dataclass(frozen=True, slots=True)
class Ladders:
    """`layout`: "one" on a usual page, "pair" beside each other on a page on its side, "wide" on a larger one."""

    layout: str
    drawn: tuple[tuple[str, str, Markup], ...]  # key of the heading, terminal's name, drawing


def _ladders(analysis: CaseAnalysis, report: CaseReport, lang: str, meta: ReportMeta) -> Ladders:
    """The typical terminal and a healthy one. A page of the usual size is tried first: it is what people print."""
    if report.typical is not None and report.healthy is not None:
        drawn = _drawn_ladders(analysis, report, lang, meta, PAIR_WIDTH)
        if len(analysis.capture_points) <= MOST_PAIR_POINTS and all(_height(svg) <= PAIR_HEIGHT for *_, svg in drawn):
            return Ladders("pair", tuple((key, name, _drawing(svg)) for key, name, svg in drawn))
    drawn = _drawn_ladders(analysis, report, lang, meta, DRAWING_WIDTH)
    layout = "wide" if len(drawn) == 2 else "one"
    return Ladders(layout, tuple((key, name, _drawing(svg)) for key, name, svg in drawn))


def _drawn_ladders(
    analysis: CaseAnalysis, report: CaseReport, lang: str, meta: ReportMeta, width: float
) -> list[tuple[str, str, str]]:
    drawn = []
    for key, pair in (("typical", report.typical), ("healthy", report.healthy)):
        if pair is not None:
            terminal, session = pair
            timeline = build_timeline(terminal, session, analysis.capture_points, limit=MOST_SENDS)
            drawn.append((key, name_of(terminal), ladder_svg(timeline, lang, "light", width, zone=meta.zone, name=key)))
    return drawn


def _height(svg: str) -> float:
    found = VIEW_BOX.search(svg)
    return float(found[1]) if found is not None else 0.0


def _fragment_rows(analysis: CaseAnalysis, report: CaseReport, lang: str) -> list[FragmentRow]:
    shown = report.typical or report.healthy
    if shown is None:
        return []
    rows = []
    for message, attempt in _sent(shown[1])[:MOST_DATAGRAMS]:
        if attempt.datagram is None:
            continue
        cells = []
        for point in analysis.capture_points:
            boxes = fragment_boxes(attempt.datagram, point.name)
            name = f"f{message.number}-{attempt.attempt}-{point.order}"
            cells.append(_drawing(boxes_svg(boxes, lang, width=120, height=20, name=name)))
        rows.append(FragmentRow(message.number, message.direction, attempt, tuple(cells)))
    return rows


def _times(analysis: CaseAnalysis) -> dict[Evidence, tuple[int, bool]]:
    """When what a piece of evidence shows happened, on the reference clock, and whether that is UTC."""
    places: dict[tuple[str, int | None, int | None], tuple[int, bool]] = {}
    for session in (session for terminal in analysis.terminals for session in terminal.sessions):
        for mark in session.marks:
            places[mark.evidence.source, mark.evidence.line, None] = mark.time_ns, session.zone_known
        for _, attempt in _sent(session):
            for item in attempt.evidence:
                if item.line is not None and attempt.time_ns is not None:
                    places.setdefault((item.source, item.line, None), (attempt.time_ns, session.zone_known))
            for fragment in attempt.datagram.fragments if attempt.datagram is not None else ():
                for sighting in fragment.sightings.values():
                    if sighting.source is not None and sighting.time_ns is not None:
                        places |= {
                            (ref.source, ref.line, ref.frame): (sighting.time_ns, True) for ref in refs_of(sighting)
                        }
    findings = [*analysis.findings, *(finding for terminal in analysis.terminals for finding in terminal.findings)]
    shown = (item for finding in findings for item in finding.evidence)
    return {item: at for item in shown if (at := places.get((item.source, item.line, item.frame))) is not None}


def _sent(session: Session) -> list[tuple[Message, Attempt]]:
    return [(message, attempt) for message in session.messages for attempt in message.attempts]


def _sizes(analysis: CaseAnalysis, lang: str) -> Markup | None:
    dots = size_dots(analysis)
    if not dots:
        return None
    plot = plot_sizes(dots, size_edges(analysis), without_size=len(analysis.terminals) - len(dots))
    return _drawing(size_plot_svg(plot, lang, width=DRAWING_WIDTH))


def _terminal_rows(analysis: CaseAnalysis) -> list[TerminalRow]:
    sizes = {dot.key: dot.plain_bytes for dot in size_dots(analysis)}
    rows = []
    for terminal in analysis.terminals:
        third = [message for session in terminal.sessions if (message := session.message(3))]
        rows.append(
            TerminalRow(
                terminal,
                name_of(terminal),
                sizes.get(terminal.key),
                sum(len(message.attempts) for message in third),
                tuple(dict.fromkeys(finding.code for finding in terminal.findings)),
            )
        )
    order = {
        outcome: at for at, outcome in enumerate((Outcome.FAILED, Outcome.INCOMPLETE, Outcome.UNKNOWN, Outcome.PASSED))
    }
    return sorted(rows, key=lambda row: order[row.terminal.outcome])
