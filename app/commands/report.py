"""`eadscope report PATH… -o out.pdf`: the case summary as a PDF. Needs no database and no server."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from app import __version__
from app.intake import analyze_paths

NOTHING_USABLE = 2


def register(app: typer.Typer) -> None:
    app.command()(report)


def report(
    paths: Annotated[list[Path], typer.Argument(help="A bundle archive, a folder, or loose files.", exists=True)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the PDF goes.")] = Path("report.pdf"),
    language: Annotated[str, typer.Option("--lang", help="Language of the report: en or zh.")] = "en",
    title: Annotated[str, typer.Option("--title", help="Name or number of the case.")] = "",
    site: Annotated[str, typer.Option("--site", help="Where it happened.")] = "",
    author: Annotated[str, typer.Option("--author", help="Who made the report.")] = "",
) -> None:
    """Write the case summary: verdict, path, one typical terminal, evidence, next steps.

    \b
    eadscope report case.zip --lang zh -o summary.pdf
    """
    from app.report import ReportMeta, write_report

    analysis = analyze_paths(paths)
    if not analysis.is_usable:
        typer.echo("Nothing in these files could be analysed; no report was written.", err=True)
        raise typer.Exit(NOTHING_USABLE)
    meta = ReportMeta(title or paths[0].name, site, author, _hash(paths), __version__)
    output.write_bytes(write_report(analysis, language, meta))
    typer.echo(f"{output}")


def _hash(paths: list[Path]) -> str:
    """SHA-256 of the one archive; several files or a folder have theirs in the report's list of sources."""
    if len(paths) != 1 or not paths[0].is_file():
        return ""
    with paths[0].open("rb") as stored:
        return hashlib.file_digest(stored, "sha256").hexdigest()
