"""Every named scenario, in the order of `eadscope demo --list`."""

from __future__ import annotations

from app.demo.bundle import Scenario
from app.demo.scenarios_faults import FAULTS
from app.demo.scenarios_views import VIEWS

SCENARIOS: tuple[Scenario, ...] = (*FAULTS, *VIEWS)


def scenario_named(name: str) -> Scenario:
    """Raises KeyError with the name where there is none."""
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    raise KeyError(name)
