from __future__ import annotations

import pytest

from tests.lab.lab import missing_for_lab


@pytest.fixture(scope="session", autouse=True)
def _lab_can_run() -> None:
    """Skips, with the reason, where there is no root, no namespaces or a tool is not installed."""
    if reason := missing_for_lab():
        pytest.skip(reason)
