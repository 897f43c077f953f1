"""`eadscope` as a person and a shell meet it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from app.cli import build
from app.config import ROOT
from app.demo import write_bundle
from app.intake import analyze_files, bundle_files
from app.unpacking.bundles import unpack
from tests.evidence.conftest import SETTINGS, Case, entries

COMMANDS = (
    "analyze", "fragments", "report", "evidence", "formats", "demo", "serve", "web", "worker", "migrate", "admin",
)  # fmt: skip


def run(*arguments: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "app.cli", *arguments],
        capture_output=True, text=True, cwd=folder, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    write_bundle("hops", folder, True)
    return folder / "hops.zip"


def test_help_names_every_command_in_a_whole_sentence() -> None:
    told = CliRunner().invoke(build(), ["--help"]).stdout
    for name in COMMANDS:
        line = next(line for line in told.splitlines() if line.strip().startswith(f"{name} "))
        assert line.endswith("."), line
        assert not line.endswith("..."), line


@pytest.mark.parametrize("name", ["analyze", "fragments", "report", "evidence", "demo"])
def test_help_of_a_command_shows_how_it_is_used(name: str) -> None:
    told = CliRunner().invoke(build(), [name, "--help"]).stdout
    assert f"eadscope {name} " in told.split("Options:")[0]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands(shell: str) -> None:
    words = {"COMP_WORDS": "eadscope an", "COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": "eadscope an"}
    fish = {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = run(_EADSCOPE_COMPLETE=f"complete_{shell}", **words, **fish)
    assert "analyze" in done.stdout


def test_a_pipe_gets_plain_text_and_the_verdict_first(bundle: Path) -> None:
    done = run("analyze", str(bundle), "--lang", "zh")
    assert done.returncode == 0
    assert done.stdout.startswith("2 个终端中有 1 个失败")
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr == ""


def test_a_language_that_nobody_speaks_is_refused(bundle: Path) -> None:
    done = run("analyze", str(bundle), "--lang", "fr")
    assert done.returncode == 2
    assert "fr" in done.stderr


def test_a_report_is_written_with_its_head(bundle: Path, tmp_path: Path) -> None:
    wanted = ("--title", "工单 4711", "--author", "王工", "--times", "Asia/Shanghai")
    done = run("report", str(bundle), "--lang", "zh", *wanted, "-o", "out.pdf", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "out.pdf\n"), done.stderr
    first = PdfReader(tmp_path / "out.pdf").pages[0].extract_text()
    for phrase in ("工单 4711", "王工", "UTC+08:00"):
        assert phrase in first
    assert run("report", str(bundle), "--times", "Mars", folder=tmp_path).returncode == 2


def test_the_statements_own_command_repeats_the_analysis(bundle: Path, tmp_path: Path) -> None:
    files = bundle_files(unpack([bundle], tmp_path / "unpacked"))
    case = Case(analyze_files(files, SETTINGS), files)
    content = case.packet().content
    (tmp_path / "evidence.zip").write_bytes(content)
    for language in ("en", "zh"):
        statement = entries(content)[f"statement.{language}.md"].decode()
        command = re.search(r"^    (eadscope .*)$", statement, re.MULTILINE)
        assert command is not None
        _, *arguments = shlex.split(command[1])
        done = run(*arguments, "--json", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        again = {
            finding["code"] for terminal in json.loads(done.stdout)["terminals"] for finding in terminal["findings"]
        }
        assert again == {finding.code for terminal in case.analysis.terminals for finding in terminal.findings}


def test_a_terminal_that_is_not_there_leaves_no_packet(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "evidence.zip").write_bytes(b"an older one")
    done = run("evidence", str(bundle), "--terminal", "nobody", folder=tmp_path)
    assert done.returncode == 2
    assert "nobody" in done.stderr
    assert (tmp_path / "evidence.zip").read_bytes() == b"an older one"
