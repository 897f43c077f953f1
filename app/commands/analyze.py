"""`eadscope analyze PATH…`: the verdict, for people or as JSON. Needs no database and no server."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.core.analysis import CaseAnalysis, Outcome
from app.core.verdict import to_document
from app.intake import AnalysisSettings, analyze_paths

ANALYSED, FAULT_FOUND, NOTHING_USABLE = 0, 1, 2

STEPS = {"unpack": "unpacking", "logs": "reading logs", "captures": "reading captures",
         "matching": "matching datagrams", "diagnosis": "diagnosing"}


def register(app: typer.Typer) -> None:
    app.command()(analyze)


def analyze(
    paths: Annotated[list[Path], typer.Argument(help="A bundle archive, a folder, or loose files.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict document (JSON, version 1).")] = False,
    fail_on_fault: Annotated[
        bool, typer.Option("--fail-on-fault", help="Exit with 1 when a terminal failed.")
    ] = False,
    language: Annotated[str, typer.Option("--lang", help="Language of the text: en or zh.")] = "en",
    port: Annotated[
        list[int] | None, typer.Option("--port", help="A further EAD port; 9019, 9029 and those in the logs are known.")
    ] = None,
    point: Annotated[
        list[str] | None, typer.Option("--point", help="FILE=NAME: the capture point of a file. Repeatable.")
    ] = None,
    order: Annotated[
        str, typer.Option("--order", help="Capture points from client to server, separated by commas.")
    ] = "",
    zone: Annotated[
        list[str] | None, typer.Option("--zone", help="FILE=+08:00: the time zone of a log. Repeatable.")
    ] = None,
    clock: Annotated[
        list[str] | None,
        typer.Option("--clock", help="FILE=SECONDS: how far the clock of a log or capture is ahead. Repeatable."),
    ] = None,
    encoding: Annotated[
        list[str] | None, typer.Option("--encoding", help="FILE=gb18030: the text encoding of a log. Repeatable.")
    ] = None,
    log_format: Annotated[
        list[str] | None, typer.Option("--log-format", help="FILE=NAME: the format of a server log. Repeatable.")
    ] = None,
    formats: Annotated[
        list[Path] | None, typer.Option("--formats", help="A folder with server-log formats (TOML). Repeatable.")
    ] = None,
) -> None:
    """Say what happened to every terminal of a bundle, and where its messages were lost.

    \b
    eadscope analyze case.zip
    eadscope analyze iNode.log client.pcap server.pcap --json > verdict.json
    """
    settings = AnalysisSettings(
        ports=AnalysisSettings().ports | frozenset(port or ()),
        point_names=dict(_pair(text, "--point") for text in point or ()),
        order=tuple(name.strip() for name in order.split(",") if name.strip()),
        zones={name: _zone_s(value) for name, value in (_pair(text, "--zone") for text in zone or ())},
        manual_offset_s={name: _seconds(value) for name, value in (_pair(text, "--clock") for text in clock or ())},
        encodings=dict(_pair(text, "--encoding") for text in encoding or ()),
        log_formats=dict(_pair(text, "--log-format") for text in log_format or ()),
        formats_folders=tuple(formats or ()),
    )
    missing = [path for path in paths if not path.exists()]
    for path in missing:
        typer.echo(f"{path}: there is no such file or folder.", err=True)
    present = [path for path in paths if path not in missing]
    if not present:
        raise typer.Exit(NOTHING_USABLE)
    analysis = analyze_paths(present, settings, _report_progress)
    if not analysis.is_usable:
        _explain_nothing(analysis, language)
        if as_json:
            _print_json(analysis)
        raise typer.Exit(NOTHING_USABLE)
    if as_json:
        _print_json(analysis)
    else:
        from app.terminal_text import print_analysis

        print_analysis(analysis, language)
    if fail_on_fault and any(t.outcome is Outcome.FAILED for t in analysis.terminals):
        raise typer.Exit(FAULT_FOUND)


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name or not value:
        raise typer.BadParameter(f"{text!r}: write FILE=VALUE", param_hint=option)
    return name, value


def _zone_s(text: str) -> int:
    """+08:00, -3, UTC → seconds east of UTC."""
    if text.upper() in ("UTC", "Z"):
        return 0
    sign = -1 if text.startswith("-") else 1
    hours, _, minutes = text.lstrip("+-").partition(":")
    if not hours.isdecimal() or (minutes and not minutes.isdecimal()):
        raise typer.BadParameter(f"{text!r}: write a zone as +08:00", param_hint="--zone")
    return sign * (int(hours) * 3600 + int(minutes or 0) * 60)


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise typer.BadParameter(f"{value!r}: write seconds as +12.5", param_hint="--clock")
    return seconds


def _report_progress(step: str, fraction: float) -> None:
    """A line that moves on a terminal; silence in a pipe."""
    if sys.stderr.isatty():
        end = "\n" if step == "diagnosis" and fraction >= 1 else ""
        sys.stderr.write(f"\r\x1b[K{STEPS.get(step, step)} {fraction:4.0%}{end}")
        sys.stderr.flush()


def _explain_nothing(analysis: CaseAnalysis, language: str) -> None:
    for source in analysis.sources:
        for note in source.notes:
            typer.echo(f"{source.path}: {note.zh if language == 'zh' else note.en}", err=True)
    for note in analysis.notes:
        typer.echo(note.zh if language == "zh" else note.en, err=True)


def _print_json(analysis: CaseAnalysis) -> None:
    sys.stdout.buffer.write(json.dumps(to_document(analysis), ensure_ascii=False, indent=1).encode("utf-8", "replace"))
    sys.stdout.buffer.write(b"\n")
