"""`eadscope evidence PATH… -o out.zip`: what a device's vendor needs to check a claim. Needs no server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from app import __version__
from app.core.evidence.choice import NoSuchTerminal
from app.intake import AnalysisSettings, analyze_files, bundle_files
from app.unpacking.bundles import unpack

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
    anonymise: Annotated[
        bool, typer.Option("--anonymise", help="Replace addresses, MACs and users, everywhere and consistently.")
    ] = False,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", help="Where it is kept what stands for what; an existing map is used again."),
    ] = None,
) -> None:
    """Write an evidence packet: small captures of the chosen terminals, their log lines, report, tables, statement.

    \b
    eadscope evidence case.zip --terminal 9310042@QSD -o for-the-vendor.zip
    eadscope evidence case.zip --anonymise --map secret.map.json -o for-anybody.zip

    The map is never part of the zip; without --map it is written beside it.
    """
    # The report's libraries take a while to load; other commands should not wait for them.
    from app.evidence.packet import EvidenceOptions, write_evidence
    from app.evidence.secrets import read_secrets, write_secrets
    from app.report import ReportMeta

    place = map_file or output.with_suffix(".map.json")
    try:
        known = read_secrets(place) if anonymise else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--map") from error
    settings = AnalysisSettings()
    with tempfile.TemporaryDirectory(prefix="eadscope-") as folder:
        files = bundle_files(unpack(paths, Path(folder)))
        analysis = analyze_files(files, settings)
        if not analysis.is_usable:
            typer.echo("Nothing in these files could be analysed; no packet was written.", err=True)
            raise typer.Exit(NOTHING_USABLE)
        meta = ReportMeta(title=title, tool_version=__version__)
        options = EvidenceOptions(tuple(terminal or ()), language, meta, output.name, known)
        try:
            with output.open("wb") as file:
                problems = write_evidence(file, analysis, files, settings, options)
        except NoSuchTerminal as error:
            output.unlink(missing_ok=True)
            typer.echo(f"{error.name}: no terminal of this bundle is named so.", err=True)
            raise typer.Exit(NOTHING_USABLE) from error
    if known is not None:
        write_secrets(place, known)
    for problem in problems:
        typer.echo(problem.zh if language == "zh" else problem.en, err=True)
    typer.echo(f"{output}")
