"""The object store when it is away, refuses, or is named wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import Unavailable
from app.storage import BLOCK, Stored
from app.storage.objects import ObjectStorage
from tests.s3_server import S3Server

LIMIT = 10**9


def test_a_store_that_is_away_is_said_and_comes_back_by_itself(s3: S3Server, tmp_path: Path) -> None:
    storage = ObjectStorage(s3.url, tmp_path, LIMIT)
    stored = storage.put([b"kept"])
    s3.stop()
    try:
        with pytest.raises(Unavailable) as caught:
            storage.check()
        assert "存储" in caught.value.text.zh
    finally:
        s3.start()
    storage.check()
    assert storage.local(stored.sha256).read_bytes() == b"kept"


def test_a_file_whose_reading_breaks_off_is_not_stored(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a file under the name of the whole would never be noticed again."""
    storage = ObjectStorage(s3.url, tmp_path, LIMIT)

    def breaking(_upload_id: str) -> Iterator[bytes]:
        yield b"x" * 10 * BLOCK
        raise ConnectionError

    monkeypatch.setattr(storage.pieces, "read", breaking)
    stored = Stored("5" * 64, 20 * BLOCK)
    with pytest.raises((ConnectionError, Unavailable)):
        storage.finish("up", stored)
    assert not storage.has(stored.sha256)


def test_wrong_keys_are_said_without_showing_them(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    with pytest.raises(Unavailable) as caught:
        ObjectStorage(s3.url, tmp_path, LIMIT).check()
    assert "another-secret" not in caught.value.text.en


@pytest.mark.parametrize("url", ["http://x/y", "s3://", "s3://bucket?endpont=http://x"])
def test_an_address_that_is_none_is_refused_at_the_start(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="STORAGE_URL"):
        ObjectStorage(url, tmp_path, LIMIT)
