"""`eadscope demo OUT`: writes a bundle of a scenario whose truth is known."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.demo import SCENARIOS, scenario_named, write_bundle


def register(app: typer.Typer) -> None:
    app.command("demo", short_help="Write an example bundle whose truth is known.")(demo)


def demo(
    out: Annotated[Path | None, typer.Argument(metavar="OUT", help="Folder to write into; made if need be.")] = None,
    scenario: Annotated[str, typer.Option(metavar="NAME", help="Which scenario (see --list).")] = "article",
    list_them: Annotated[bool, typer.Option("--list", help="List the scenarios and stop.")] = False,
    archive: Annotated[bool, typer.Option("--archive", help="Write OUT/SCENARIO.zip instead of loose files.")] = False,
    truth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write what really happened, as JSON, to this file.")
    ] = None,
) -> None:
    """Write an example bundle: logs and captures of a network that fails in a known way.

    \b
    Examples:
      eadscope demo example
      eadscope demo --list
      eadscope demo out --scenario nat --archive
    """
    if list_them:
        for each in SCENARIOS:
            print(f"{each.name:20} {each.summary.en}\n{'':20} {each.summary.zh}")
        return
    if out is None:
        _refuse("say where to write: eadscope demo OUT")
        return
    try:
        chosen = scenario_named(scenario)
    except KeyError:
        _refuse(f"no scenario is called {scenario!r}; eadscope demo --list shows them")
        return
    try:
        happened = write_bundle(chosen, out, archive)
        if truth is not None:
            truth.write_text(json.dumps(happened.to_document(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        _refuse(f"cannot write there: {error}")
        return
    print(out / f"{chosen.name}.zip" if archive else out)


def _refuse(reason: str) -> None:
    print(reason, file=sys.stderr)
    raise typer.Exit(2)
