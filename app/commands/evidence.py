"""`eadscope evidence PATH… -o out.zip`: what a device's vendor needs to check a claim. Needs no server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

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
from app.core.evidence.choice import NoSuchTerminal, find_terminals
from app.intake import analyze_files, bundle_files
from app.unpacking.bundles import unpack

NOTHING_USABLE = 2


def register(app: typer.Typer) -> None:
    app.command(short_help="Small captures, log lines, tables and a statement, as a zip.")(evidence)


def evidence(
    paths: Paths,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where the zip goes.")] = Path(
        "evidence.zip"
    ),
    terminal: Annotated[
        list[str] | None,
        typer.Option("--terminal", metavar="WHO", help="Key, user, MAC or address. Repeatable; all without it."),
    ] = None,
    language: Language = "en",
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Name or number of the case.")] = "",
    anonymise: Annotated[
        bool, typer.Option("--anonymise", help="Replace everything that names somebody, consistently.")
    ] = False,
    map_file: Annotated[
        Path | None,
        typer.Option(
            "--map", metavar="FILE", help="Where it is kept what stands for what; an existing map is used again."
        ),
    ] = None,
    port: Port = None,
    point: Point = None,
    order: Order = "",
    zone: Zone = None,
    clock: Clock = None,
    encoding: Encoding = None,
    log_format: Format = None,
    formats: Formats = None,
) -> None:
    """Write an evidence packet: small captures of the chosen terminals, their log lines, report, tables, statement.

    The frames in it keep their times and have a comment each; analysing the packet gives the same verdict again.
    The map of an anonymised one is never part of the zip; without --map it is written beside it.

    \b
    Examples:
      eadscope evidence case.zip --terminal 9310042@QSD -o for-the-vendor.zip
      eadscope evidence case.zip --anonymise --map secret.map.json -o for-anybody.zip
      eadscope analyze for-the-vendor.zip
    """
    # The report's libraries take a while to load; other commands should not wait for them.
    from app.evidence.packet import EvidenceOptions, write_evidence
    from app.evidence.secrets import read_secrets, write_secrets
    from app.reports.report import ReportMeta

    place = map_file or output.with_suffix(".map.json")
    try:
        known = read_secrets(place) if anonymise else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--map") from error
    settings = settings_of(port, point, order, zone, clock, encoding, log_format, formats)
    with tempfile.TemporaryDirectory(prefix="eadscope-") as folder:
        files = bundle_files(unpack(present(paths, NOTHING_USABLE), Path(folder)))
        analysis = analyze_files(files, settings, tell_progress)
        if not analysis.is_usable:
            typer.echo("Nothing in these files could be analysed; no packet was written.", err=True)
            raise typer.Exit(NOTHING_USABLE)
        meta = ReportMeta(title=title, tool_version=__version__)
        options = EvidenceOptions(tuple(terminal or ()), language, meta, output.name, known)
        try:
            find_terminals(analysis, options.terminals)
            with output.open("wb") as file:
                problems = write_evidence(file, analysis, files, settings, options, tell_progress)
            tell_progress("diagnosis", 1)
        except NoSuchTerminal as error:
            typer.echo(f"{error.name}: no terminal of this bundle is named so.", err=True)
            raise typer.Exit(NOTHING_USABLE) from error
    if known is not None:
        write_secrets(place, known)
    for problem in problems:
        typer.echo(problem.zh if language == "zh" else problem.en, err=True)
    typer.echo(f"{output}")
