"""The product's own evidence: a deterministic network that fails on purpose, written as a user would upload it."""

from pathlib import Path

from app.demo.bundle import Scenario, TerminalTruth, Truth, simulate, write_scenario
from app.demo.scenarios import SCENARIOS, scenario_named

__all__ = ["SCENARIOS", "Scenario", "TerminalTruth", "Truth", "scenario_named", "simulate", "write_bundle"]


def write_bundle(scenario: str | Scenario, folder: Path, archive: bool = False) -> Truth:
    """Write a scenario (or the one of that name) as a folder, or as `folder/NAME.zip`. Raises KeyError for unknown
    names.
    """
    chosen = scenario_named(scenario) if isinstance(scenario, str) else scenario
    return write_scenario(chosen, folder, archive)
