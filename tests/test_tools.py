from __future__ import annotations

import sys

import pytest

from app.tools import MIB, ToolError, ToolLimits, run_tool


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


def test_memory_is_limited() -> None:
    grow = "import time; time.sleep(0.5); print(len(bytearray(400_000_000)))"
    assert run_tool([sys.executable, "-c", grow]) == b"400000000\n"
    with pytest.raises(ToolError):
        run_tool([sys.executable, "-c", grow], ToolLimits(memory_bytes=300 * MIB))


def test_nothing_of_the_callers_settings_reaches_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EADSCOPE_SECRET", "x")
    assert b"SECRET" not in run_tool(["env"])
