"""`eadscope formats` tells line by line what matches."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.testing import CliRunner

from app.commands import formats
from app.log_formats import BUILT_IN

LINE = (
    "%% 2026-03-05 09:00:01.250 ; [LDBG] ; [44] ; EAD ; recv: packet type [3] from [10.2.0.9 : 41000] eventSeqID=q7\n"
)


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    formats.register(app)
    result = CliRunner().invoke(app, ["formats", *arguments])
    return result.exit_code, result.output


def test_the_best_format_is_chosen_and_each_line_told(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text(LINE + "stray\n" + LINE)
    code, output = run("check", str(log))
    assert code == 0
    lines = output.splitlines()
    assert lines[0].startswith("family\t")
    assert lines[1].startswith("1\tmessage\t") and "number=3" in lines[1] and "event_id=q7" in lines[1]
    assert lines[2].startswith("2\tbegins no record")
    assert "3 lines, 2 begin a record" in lines
    assert sum(line.startswith("sample ") and "\tok\t" in line for line in lines) == 3


def test_only_unmatched_lines_can_be_shown_and_a_format_forced(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_bytes((LINE + "stray\n").encode("utf-16"))
    code, output = run("check", str(log), "--format", "generic", "--unmatched", "--lang", "zh")
    assert code == 0 and output.splitlines()[0] == "generic"
    assert output.splitlines()[1].startswith("2\t不是记录开头")


def test_a_format_file_is_checked_by_its_own_samples(tmp_path: Path) -> None:
    good = (BUILT_IN / "family.toml").read_text(encoding="utf-8")
    (tmp_path / "good.toml").write_text(good, encoding="utf-8")
    (tmp_path / "wrong.toml").write_text(good.replace("number = 1,", "number = 5,"), encoding="utf-8")
    (tmp_path / "broken.toml").write_text("name = 3")
    assert run("check", str(tmp_path / "good.toml"))[0] == 0
    code, output = run("check", str(tmp_path / "wrong.toml"))
    assert code == 1 and "number: '5' expected, '1' found" in output
    assert run("check", str(tmp_path / "broken.toml"))[0] == 2


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    assert run("check", str(tmp_path / "none.log"))[0] == 2
    log = tmp_path / "x.log"
    log.write_text(LINE)
    code, output = run("check", str(log), "--format", "nothing")
    assert code == 2 and "family" in output


def test_formats_are_listed_with_the_users_own_and_the_broken_ones(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("begin = ")
    code, output = run("list", "--folder", str(tmp_path))
    assert code == 0 and "family\t" in output and "bad.toml" in output
