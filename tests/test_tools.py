from __future__ import annotations

import pytest

from app.sandbox import ToolLimits
from app.tools import ToolError, run_tool


def test_output_is_returned_and_input_is_given() -> None:
    assert run_tool(["cat"], stdin=b"hello") == b"hello"


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(ToolError) as caught:
        run_tool(["no-such-program"])
    assert "no-such-program" in caught.value.text.zh


def test_an_error_status_is_an_error() -> None:
    with pytest.raises(ToolError):
        run_tool(["false"])


def test_a_program_that_hangs_is_killed_with_its_children() -> None:
    with pytest.raises(ToolError):
        run_tool(["sh", "-c", "sleep 600 & sleep 600"], ToolLimits(seconds=0.3))


def test_nothing_of_the_callers_settings_reaches_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EADSCOPE_SECRET", "x")
    assert b"SECRET" not in run_tool(["env"])
