"""The object store, with its keys where the product looks for them."""

from __future__ import annotations

import pytest

from tests.s3_server import S3Server


@pytest.fixture
def s3(s3_process: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    for name, value in s3_process.environment.items():
        monkeypatch.setenv(name, value)
    return s3_process
