from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner, Result

from app.commands.demo import register
from app.demo import SCENARIOS, scenario_named, simulate


def invoke(*arguments: str) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)  # with one command only, typer would drop its name
    register(app)
    return CliRunner().invoke(app, ["demo", *arguments])


def test_without_a_name_it_writes_the_article(tmp_path: Path) -> None:
    result = invoke(str(tmp_path / "new" / "folder"))
    assert result.exit_code == 0
    files, _truth = simulate(scenario_named("article"))
    for name, content in files.items():
        assert (tmp_path / "new" / "folder" / name).read_bytes() == content


def test_the_list_names_every_scenario() -> None:
    shown = invoke("--list").output
    assert all(scenario.name in shown and scenario.summary.zh in shown for scenario in SCENARIOS)


def test_an_archive_and_the_truth_can_be_had(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    result = invoke(str(tmp_path), "--scenario", "nat", "--archive", "--truth", str(truth))
    assert result.exit_code == 0
    assert result.stdout.strip() == str(tmp_path / "nat.zip")
    assert json.loads(truth.read_text())["scenario"] == "nat"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nat.zip", "truth.json"]


def test_an_unknown_scenario_and_a_missing_folder_are_refused_with_a_sentence(tmp_path: Path) -> None:
    unknown = invoke(str(tmp_path), "--scenario", "nonsense")
    assert (unknown.exit_code, "nonsense" in unknown.stderr) == (2, True)
    assert (invoke().exit_code, "eadscope demo OUT" in invoke().stderr) == (2, True)


def test_a_folder_that_cannot_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = invoke(str(tmp_path / "file" / "inside"))
    assert (result.exit_code, result.stderr.startswith("cannot write there")) == (2, True)
