"""`eadscope formats list` and `eadscope formats check FILE`: server-log formats, and what they make of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from app.core.parsers.format_check import CheckedLine, check_lines, check_samples
from app.core.parsers.log_choice import sniff_server_log
from app.core.parsers.log_format import FormatError, LogFormat
from app.core.parsers.log_text import TextStream, decode
from app.log_formats import format_from_text, format_problems, load_formats

HEAD_BYTES = 256 << 10
SHOWN_CHARACTERS = 160
FAILED, UNUSABLE = 1, 2

Folder = Annotated[
    list[Path] | None,
    typer.Option("--folder", metavar="FOLDER", help="A folder with formats of your own (TOML). Repeatable."),
]
Language = Annotated[str, typer.Option("--lang", help="Language of the text: en or zh.")]


def register(app: typer.Typer) -> None:
    commands = typer.Typer(help="Server-log formats: list them, try them on a file.", no_args_is_help=True)
    commands.command("list")(list_formats)
    commands.command("check")(check)
    app.add_typer(commands, name="formats")


def list_formats(folder: Folder = None, language: Language = "en") -> None:
    """List all formats, and the files that cannot be used."""
    folders = tuple(folder or ())
    for log_format in load_formats(folders):
        print(f"{log_format.name}\t{getattr(log_format.title, language)}")
    for problem in format_problems(folders):
        typer.echo(f"{problem.path}: {getattr(problem.text, language)}", err=True)


def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A log; or a format (.toml), whose own samples are checked.")
    ],
    name: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="The format to use; without it the best one.")
    ] = None,
    folder: Folder = None,
    only_rest: Annotated[bool, typer.Option("--unmatched", help="Show only lines that begin no record.")] = False,
    language: Language = "en",
) -> None:
    """Tell line by line what a format finds in a file.

    The format's own samples are run after it."""
    folders = tuple(folder or ())
    try:
        if file.suffix.lower() == ".toml":
            log_format = format_from_text(file.read_text(encoding="utf-8-sig"), folders)
        else:
            log_format = _choose(file, name, load_formats(folders), language)
            _print_lines(file, log_format, only_rest, language)
    except FormatError as error:
        typer.echo(getattr(error.text, language), err=True)
        raise typer.Exit(UNUSABLE) from error
    except (OSError, UnicodeDecodeError) as error:
        typer.echo(f"{file}: {error}", err=True)
        raise typer.Exit(UNUSABLE) from error
    if not _print_samples(log_format, language):
        raise typer.Exit(FAILED)


def _choose(file: Path, name: str | None, formats: tuple[LogFormat, ...], language: str) -> LogFormat:
    if name is not None:
        chosen = next((item for item in formats if item.name == name), None)
        if chosen is None:
            known = ", ".join(item.name for item in formats)
            typer.echo(
                f"没有名为 {name} 的格式，可用：{known}" if language == "zh" else f"No format {name}; known: {known}",
                err=True,
            )
            raise typer.Exit(UNUSABLE)
        print(f"{chosen.name}")
        return chosen
    with file.open("rb") as opened:
        score, best = sniff_server_log(opened.read(HEAD_BYTES), formats)
    print(f"{best}\t{score:.2f}")
    return next(item for item in formats if item.name == best)


def _print_lines(file: Path, log_format: LogFormat, only_rest: bool, language: str) -> None:
    matched = total = 0
    for checked in check_lines(log_format, _lines(file)):
        total += 1
        matched += checked.is_match
        if not only_rest or not checked.is_match:
            _print_line(checked, language)
    print(
        f"{total} 行，其中 {matched} 行为记录开头" if language == "zh" else f"{total} lines, {matched} begin a record"
    )


def _lines(file: Path) -> Iterator[str]:
    rest = b""
    with file.open("rb") as opened:
        for piece in TextStream(iter(lambda: opened.read(1 << 20), b"")):
            *lines, rest = (rest + piece).split(b"\n")
            yield from (decode(line) for line in lines)
    if rest:
        yield decode(rest)


def _print_line(checked: CheckedLine, language: str) -> None:
    found = " ".join(f"{name}={value}" for name, value in checked.found.items())
    print(f"{checked.line}\t{getattr(checked.result, language)}\t{found}\t{checked.text[:SHOWN_CHARACTERS]}")


def _print_samples(log_format: LogFormat, language: str) -> bool:
    samples = check_samples(log_format)
    for sample in samples:
        state = "ok" if sample.is_right else "WRONG"
        shown = sample.checked.text[:SHOWN_CHARACTERS]
        print(f"sample {sample.checked.line}\t{state}\t{getattr(sample.checked.result, language)}\t{shown}")
        for name, (expected, found) in sample.wrong.items():
            print(f"\t{name}: {expected!r} expected, {found!r} found")
    return all(sample.is_right for sample in samples)
