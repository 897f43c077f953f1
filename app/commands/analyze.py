"""`eadscope analyze PATH…`: the verdict, for people or as JSON. Needs no database and no server."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

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
from app.core.analysis import CaseAnalysis, Outcome
from app.core.verdict import to_document
from app.intake import analyze_paths

ANALYSED, FAULT_FOUND, NOTHING_USABLE = 0, 1, 2


def register(app: typer.Typer) -> None:
    app.command(short_help="What happened to every terminal of a bundle, and where.")(analyze)


def analyze(
    paths: Paths,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict document (JSON, version 1).")] = False,
    fail_on_fault: Annotated[bool, typer.Option("--fail-on-fault", help="Exit with 1 when a terminal failed.")] = False,
    language: Language = "en",
    port: Port = None,
    point: Point = None,
    order: Order = "",
    zone: Zone = None,
    clock: Clock = None,
    encoding: Encoding = None,
    log_format: Format = None,
    formats: Formats = None,
) -> None:
    """Say what happened to every terminal of a bundle, and where its messages were lost.

    What a file is, its content decides; a capture point is called as its file.

    \b
    Examples:
      eadscope analyze case.zip
      eadscope analyze case.zip --lang zh
      eadscope analyze iNode.log client.pcap server.pcap --json > verdict.json
      eadscope analyze case/ --zone iNode.log=+08:00 --order client,uplink,fw,server
      eadscope analyze case.zip --fail-on-fault || echo "somebody failed"

    \b
    Exit status:
      0  analysed
      1  analysed, --fail-on-fault was given, and a terminal failed
      2  nothing usable; standard error says why
    """
    settings = settings_of(port, point, order, zone, clock, encoding, log_format, formats)
    analysis = analyze_paths(present(paths, NOTHING_USABLE), settings, tell_progress)
    if not analysis.is_usable:
        _explain_nothing(analysis, language)
        if as_json:
            _print_json(analysis)
        raise typer.Exit(NOTHING_USABLE)
    if as_json:
        _print_json(analysis)
    else:
        from app.reports.terminal_text import print_analysis

        print_analysis(analysis, language)
    if fail_on_fault and any(t.outcome is Outcome.FAILED for t in analysis.terminals):
        raise typer.Exit(FAULT_FOUND)


def _explain_nothing(analysis: CaseAnalysis, language: str) -> None:
    for source in analysis.sources:
        for note in source.notes:
            typer.echo(f"{source.path}: {note.zh if language == 'zh' else note.en}", err=True)
    for note in analysis.notes:
        typer.echo(note.zh if language == "zh" else note.en, err=True)


def _print_json(analysis: CaseAnalysis) -> None:
    sys.stdout.buffer.write(json.dumps(to_document(analysis), ensure_ascii=False, indent=1).encode("utf-8", "replace"))
    sys.stdout.buffer.write(b"\n")
