"""An empty folder is either a new storage or a place where a disk is not mounted; the database knows which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.db.session import make_engine, make_sessions
from app.db.storage_places import take_into_use
from app.embedded import EmbeddedPostgres
from app.errors import Unavailable
from app.main import create_app
from app.storage import FolderStorage
from tests.served import served


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "storage")


def test_a_new_folder_is_taken_into_use(sessions: sessionmaker[Session], storage: FolderStorage) -> None:
    take_into_use(sessions, storage)
    storage.check()


def test_a_folder_that_was_in_use_and_is_empty_now_is_left_alone(
    sessions: sessionmaker[Session], storage: FolderStorage
) -> None:
    take_into_use(sessions, storage)
    storage.put([b"abc"])
    disk = storage.root.rename(storage.root.with_name("disk"))
    storage.root.mkdir()  # the mount point
    take_into_use(sessions, storage)
    with pytest.raises(Unavailable):
        storage.check()
    assert not list(storage.root.iterdir())
    storage.root.rmdir()
    disk.rename(storage.root)
    storage.check()


def test_files_that_moved_go_on_in_their_new_place(sessions: sessionmaker[Session], storage: FolderStorage) -> None:
    take_into_use(sessions, storage)
    kept = storage.put([b"abc"])
    moved = FolderStorage(storage.root.rename(storage.root.with_name("moved")))
    take_into_use(sessions, moved)
    assert moved.local(kept.sha256).read_bytes() == b"abc"


@pytest.fixture
def server(service_folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(service_folder / "places")
    yield server
    server.stop()


def test_a_service_that_starts_before_its_database_takes_its_storage_into_use_later(
    server: EmbeddedPostgres, storage: FolderStorage, database_url: str
) -> None:
    """Nobody knows yet whether the folder should be empty."""
    server.stop()
    options = Settings(DATABASE_URL=server.url, var=storage.root.parent)  # type: ignore[call-arg]
    app = create_app(options)
    assert not options.storage.exists()
    with served(app) as client:
        said = client.get("/readyz").json()
        assert "database" in said and "storage" in said
        engine = make_engine(database_url)
        app.state.engine, app.state.sessions = engine, make_sessions(engine)
        assert client.get("/readyz").json()["status"] == "ready"
        engine.dispose()
    options.storage.joinpath("eadscope-storage").stat()
