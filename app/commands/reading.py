"""Options that several commands take about how files are read; the same words mean the same in each."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.intake import AnalysisSettings

STEPS = {
    "unpack": "unpacking", "logs": "reading logs", "captures": "reading captures", "matching": "matching datagrams",
    "diagnosis": "diagnosing",
}  # fmt: skip

Paths = Annotated[list[Path], typer.Argument(metavar="PATH", help="A bundle archive, a folder, or loose files.")]
Language = Annotated[Literal["en", "zh"], typer.Option("--lang", help="Language of the text.")]
Port = Annotated[
    list[int] | None,
    typer.Option("--port", metavar="NUMBER", help="A further EAD port; 9019, 9029 and those in the logs are known."),
]
Point = Annotated[
    list[str] | None, typer.Option("--point", metavar="FILE=NAME", help="The capture point of a file. Repeatable.")
]
Order = Annotated[
    str, typer.Option("--order", metavar="NAMES", help="Capture points from client to server, separated by commas.")
]
Zone = Annotated[
    list[str] | None, typer.Option("--zone", metavar="FILE=ZONE", help="The time zone of a log, as +08:00. Repeatable.")
]
Clock = Annotated[
    list[str] | None,
    typer.Option("--clock", metavar="FILE=SECONDS", help="How far the clock of a log or capture is ahead. Repeatable."),
]
Encoding = Annotated[
    list[str] | None,
    typer.Option("--encoding", metavar="FILE=NAME", help="The text encoding of a log, as gb18030. Repeatable."),
]
Format = Annotated[
    list[str] | None, typer.Option("--log-format", metavar="FILE=NAME", help="The format of a server log. Repeatable.")
]
Formats = Annotated[
    list[Path] | None,
    typer.Option("--formats", metavar="FOLDER", help="A folder with server-log formats (TOML). Repeatable."),
]


def settings_of(
    port: list[int] | None,
    point: list[str] | None,
    order: str,
    zone: list[str] | None,
    clock: list[str] | None,
    encoding: list[str] | None,
    log_format: list[str] | None,
    formats: list[Path] | None,
) -> AnalysisSettings:
    """Ends the command with a sentence where an option cannot be used."""
    return AnalysisSettings(
        ports=AnalysisSettings().ports | frozenset(port or ()),
        point_names=dict(_pair(text, "--point") for text in point or ()),
        order=tuple(name.strip() for name in order.split(",") if name.strip()),
        zones={name: _zone_s(value) for name, value in (_pair(text, "--zone") for text in zone or ())},
        manual_offset_s={name: _seconds(value) for name, value in (_pair(text, "--clock") for text in clock or ())},
        encodings=dict(_pair(text, "--encoding") for text in encoding or ()),
        log_formats=dict(_pair(text, "--log-format") for text in log_format or ()),
        formats_folders=tuple(formats or ()),
    )


def present(paths: list[Path], exit_status: int) -> list[Path]:
    """Those that are there; the others are told. Ends the command where none is."""
    missing = [path for path in paths if not path.exists()]
    for path in missing:
        typer.echo(f"{path}: there is no such file or folder.", err=True)
    if len(missing) == len(paths):
        raise typer.Exit(exit_status)
    return [path for path in paths if path not in missing]


def tell_progress(step: str, fraction: float) -> None:
    """A line that moves on a terminal and is gone in the end; silence in a pipe."""
    if sys.stderr.isatty():
        is_over = step == "diagnosis" and fraction >= 1
        sys.stderr.write("\r\x1b[K" if is_over else f"\r\x1b[K{STEPS.get(step, step)} {fraction:4.0%}")
        sys.stderr.flush()


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
