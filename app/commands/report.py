"""`eadscope report PATH… -o out.pdf`: the case summary as a PDF. Needs no database and no server."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from app import __version__
from app.commands.reading import (
    Clock,
    Encoding,
    Format,
    Formats,
    Language,
    Order,
    Paths,
    Point,
    Port,
    Zone,
    present,
    settings_of,
    tell_progress,
)
from app.core.analysis import CaseAnalysis
from app.core.case_report import bundle_hash
from app.intake import analyze_paths

NOTHING_USABLE = 2


def register(app: typer.Typer) -> None:
    app.command(short_help="The case summary as a PDF, for whoever has to act on it.")(report)


def report(
    paths: Paths,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where the PDF goes.")] = Path(
        "report.pdf"
    ),
    language: Language = "en",
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Name or number of the case.")] = "",
    site: Annotated[str, typer.Option("--site", metavar="TEXT", help="Where it happened.")] = "",
    author: Annotated[str, typer.Option("--author", metavar="NAME", help="Who made the report.")] = "",
    times: Annotated[
        str, typer.Option("--times", metavar="ZONE", help="Zone of the times in it, as Asia/Shanghai.")
    ] = "UTC",
    port: Port = None,
    point: Point = None,
    order: Order = "",
    zone: Zone = None,
    clock: Clock = None,
    encoding: Encoding = None,
    log_format: Format = None,
    formats: Formats = None,
) -> None:
    """Write the case summary: verdict, path, one typical terminal beside a healthy one, evidence, next steps, method.

    The same files and options give the same bytes.

    \b
    Examples:
      eadscope report case.zip -o summary.pdf
      eadscope report case.zip --lang zh --title "工单 4711" --times Asia/Shanghai -o summary.pdf
    """
    from app.reports.report import ReportMeta, write_report

    try:
        shown_zone = ZoneInfo(times)
    except (ValueError, OSError, KeyError) as error:
        raise typer.BadParameter(f"{times!r} is no zone such as Asia/Shanghai", param_hint="--times") from error
    settings = settings_of(port, point, order, zone, clock, encoding, log_format, formats)
    analysis = analyze_paths(present(paths, NOTHING_USABLE), settings, tell_progress)
    if not analysis.is_usable:
        typer.echo("Nothing in these files could be analysed; no report was written.", err=True)
        raise typer.Exit(NOTHING_USABLE)
    meta = ReportMeta(title or paths[0].name, site, author, _hash(paths, analysis), __version__, zone=shown_zone)
    content = write_report(analysis, language, meta, lambda done: tell_progress("setting pages", done))
    tell_progress("diagnosis", 1)
    try:
        output.write_bytes(content)
    except OSError as error:
        typer.echo(f"{output}: cannot be written: {error.strerror}", err=True)
        raise typer.Exit(NOTHING_USABLE) from error
    typer.echo(f"{output}")


def _hash(paths: list[Path], analysis: CaseAnalysis) -> str:
    """SHA-256 of the one archive or file; of the list of all files where there are several."""
    if len(paths) != 1 or not paths[0].is_file():
        return bundle_hash(analysis.sources)
    with paths[0].open("rb") as stored:
        return hashlib.file_digest(stored, "sha256").hexdigest()
