"""A job's process stands back behind the pages of the same machine, with everything that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from app.config import ROOT
from app.jobs.child import NICENESS

MODULE = """
import os, subprocess, sys
def main(number):
    started = subprocess.run([sys.executable, "-c", "import os; print(os.nice(0))"], capture_output=True, text=True)
    with open(os.environ["SAID"], "w") as said:
        print(number, os.nice(0), started.stdout, file=said)
"""
PARENT = """
import asyncio, sys
from app.config import Settings
from app.jobs.child import run_child
if __name__ == "__main__":
    sys.exit(asyncio.run(run_child(Settings(), "looks_at_itself", 7)))
"""


def test_a_child_and_what_it_starts_stand_back(tmp_path: Path) -> None:
    """In a process of its own: the server that forks children keeps the module path that it was started with."""
    (tmp_path / "looks_at_itself.py").write_text(MODULE)
    (tmp_path / "parent.py").write_text(PARENT)
    said = tmp_path / "said"
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "SAID": str(said), "EADSCOPE_VAR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "parent.py")], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    own = os.nice(0)
    assert said.read_text().split() == ["7", *[str(min(19, own + NICENESS))] * 2]
    assert NICENESS == 10
