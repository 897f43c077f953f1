from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from app.logs import frames, get_log, masked, start_log, warnings_only


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    warnings_only()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    start_log("json", "info")
    get_log("x").info("request", route="/cases/{case_id}", status=200)
    (line,) = lines(capsys)
    assert (line["event"], line["route"], line["status"], line["level"]) == ("request", "/cases/{case_id}", 200, "info")
    assert str(line["timestamp"]).endswith("Z")


def test_what_is_below_the_level_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    start_log("text", "warning")
    get_log("x").info("request")
    get_log("x").warning("database away", again_in_s=2)
    assert "request" not in (said := capsys.readouterr().err)
    assert "again_in_s=2" in said


def test_an_exception_tells_where_it_arose_and_not_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    start_log("json", "info")
    try:
        int("zhang.san")
    except ValueError:
        get_log("x").exception("analysis failed")
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    ours, theirs = lines(capsys)
    for line in (ours, theirs):
        assert "zhang" not in json.dumps(line)
        assert line["error"] == "ValueError"
        assert "test_an_exception_tells_where" in str(line["at"])


@pytest.mark.parametrize(
    "personal",
    ["10.1.1.1", "00:25:11:E9:01:25", "00-25-11-e9-01-25", "0025-11e9-0125", "8264101@OMR", "2001:db8::17", "::1",
     "2001:db8:0:1:1:1:1:1"],
)  # fmt: skip
def test_a_librarys_sentence_is_masked(personal: str, capsys: pytest.CaptureFixture[str]) -> None:
    start_log("json", "info")
    logging.getLogger("sqlalchemy.engine").warning("row %s is odd", personal)
    (line,) = lines(capsys)
    assert personal not in json.dumps(line)
    assert "row … is odd" in str(line["event"])


def test_times_numbers_and_names_of_code_are_not_masked() -> None:
    said = "Job analyze_case[7](analysis_id=1) took 1.25 s at 2026-11-25T12:30:11Z in app/jobs/worker.py:73"
    assert masked(said) == said


def test_frames_are_paths_within_the_product() -> None:
    try:
        get_log.__wrapped__  # type: ignore[attr-defined]  # noqa: B018
    except AttributeError as error:
        (place,) = frames(error)
    assert place.startswith("tests/test_logs.py:")
