"""`eadscope evidence PATH… -o out.zip`: what a device's vendor needs to check the claim. Needs no database, no server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from app import __version__
from app.bundles import unpack
from app.core.evidence.choice import NoSuchTerminal
from app.evidence.packet import EvidenceOptions, write_evidence
from app.intake import AnalysisSettings, analyze_files, bundle_files
from app.report import ReportMeta

NOTHING_USABLE = 2


def register(app: typer.Typer) -> None:
    app.command()(evidence)


def evidence(
    paths: Annotated[list[Path], typer.Argument(help="A bundle archive, a folder, or loose files.", exists=True)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the zip goes.")] = Path("evidence.zip"),
    terminal: Annotated[
        list[str] | None, typer.Option("--terminal", help="Key, user, MAC or address. Repeatable; all without it.")
    ] = None,
    language: Annotated[str, typer.Option("--lang", help="Language of the report in it: en or zh.")] = "en",
    title: Annotated[str, typer.Option("--title", help="Name or number of the case.")] = "",
) -> None:
    """Write an evidence packet: small captures of the chosen terminals, their log lines, report, tables, statement.

    \b
    eadscope evidence case.zip --terminal 9310042@QSD -o for-the-vendor.zip
    """
    settings = AnalysisSettings()
    with tempfile.TemporaryDirectory(prefix="eadscope-") as folder:
        files = bundle_files(unpack(paths, Path(folder)))
        analysis = analyze_files(files, settings)
        if not analysis.is_usable:
            typer.echo("Nothing in these files could be analysed; no packet was written.", err=True)
            raise typer.Exit(NOTHING_USABLE)
        meta = ReportMeta(title=title, tool_version=__version__)
        options = EvidenceOptions(tuple(terminal or ()), language, meta, output.name)
        try:
            with output.open("wb") as file:
                problems = write_evidence(file, analysis, files, settings, options)
        except NoSuchTerminal as error:
            output.unlink(missing_ok=True)
            typer.echo(f"{error.name}: no terminal of this bundle is named so.", err=True)
            raise typer.Exit(NOTHING_USABLE) from error
    for problem in problems:
        typer.echo(problem.zh if language == "zh" else problem.en, err=True)
    typer.echo(f"{output}")
