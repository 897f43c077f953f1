"""Every scenario, written once a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.demo import SCENARIOS, Truth, write_bundle


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Truth]]:
    """Scenario name → folder and truth."""
    root = tmp_path_factory.mktemp("bundles")
    return {
        scenario.name: (root / scenario.name, write_bundle(scenario, root / scenario.name)) for scenario in SCENARIOS
    }
