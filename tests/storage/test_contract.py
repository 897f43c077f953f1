"""What every kind of storage does: whole or not at all, once for each content, pieces that anyone can go on with."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.config import Settings
from app.errors import NotFound
from app.storage import BLOCK, Moved, Storage, Stored, open_storage

ABC = Stored(hashlib.sha256(b"abc").hexdigest(), 3)


@pytest.fixture(params=["folder", "s3"])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Storage]:
    """Opens the same place again, as another process or machine would."""
    if request.param == "folder":
        open_storage(Settings(var=tmp_path / "var")).prepare()
        return lambda: open_storage(Settings(var=tmp_path / "var"))
    url = request.getfixturevalue("s3").url
    url = url.replace("/files?", f"/{secrets.token_hex(8)}?")
    machines = iter(range(100))
    return lambda: open_storage(Settings(STORAGE_URL=url, var=tmp_path / f"machine-{next(machines)}"))  # type: ignore[call-arg]


@pytest.fixture
def storage(another: Callable[[], Storage]) -> Storage:
    return another()


def test_what_was_put_is_read_back_by_its_hash(storage: Storage, another: Callable[[], Storage]) -> None:
    assert storage.put([b"ab", b"", b"c"]) == ABC
    with another().open(ABC.sha256) as file:
        assert file.read() == b"abc"
    assert another().local(ABC.sha256).read_bytes() == b"abc"


def test_the_same_content_is_stored_once(storage: Storage) -> None:
    assert storage.put([b"abc"]) == storage.put([b"a", b"bc"])
    assert [name for name, _ in storage.contents()] == [ABC.sha256]


def test_an_upload_that_breaks_off_leaves_nothing(storage: Storage) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        storage.put(breaking())
    assert list(storage.contents()) == []


def test_nothing_at_all_can_be_stored(storage: Storage) -> None:
    assert storage.local(storage.put([]).sha256).read_bytes() == b""


def test_a_file_larger_than_a_part_comes_back_whole(storage: Storage, another: Callable[[], Storage]) -> None:
    blocks = [secrets.token_bytes(BLOCK) for _ in range(20)]
    stored = storage.put([*blocks, b"tail"])
    assert stored.size_bytes == 20 * BLOCK + 4
    assert another().local(stored.sha256).read_bytes() == b"".join(blocks) + b"tail"


def test_adopting_a_local_file_stores_it(storage: Storage, another: Callable[[], Storage], tmp_path: Path) -> None:
    (tmp_path / "loose").write_bytes(b"abc")
    storage.adopt(tmp_path / "loose", ABC)
    assert another().local(ABC.sha256).read_bytes() == storage.local(ABC.sha256).read_bytes() == b"abc"


def test_what_is_not_there_is_not_found(storage: Storage) -> None:
    for name in ("0" * 64, "", "../../etc/passwd", "A" * 64, "0" * 63 + "/", "0" * 65):
        with pytest.raises(NotFound):
            storage.open(name)
    assert not storage.has("0" * 64)


def test_deleting_twice_is_as_good_as_once(storage: Storage) -> None:
    storage.put([b"abc"])
    storage.local(ABC.sha256)
    storage.delete(ABC.sha256)
    storage.delete(ABC.sha256)
    assert not storage.has(ABC.sha256)
    with pytest.raises(NotFound):
        storage.local(ABC.sha256)


def test_contents_are_listed_with_their_age(storage: Storage) -> None:
    storage.put([b"abc"])
    ((name, since),) = storage.contents()
    assert name == ABC.sha256 and abs(time.time() - since) < 100


def test_a_storage_that_works_says_nothing(storage: Storage) -> None:
    storage.check()


# ---------------------------------------------------------------- pieces


def add(storage: Storage, offset: int, *blocks: bytes) -> None:
    with storage.pieces.appending("up", offset) as end:
        for block in blocks:
            end.write(block)


def test_pieces_written_by_several_processes_become_one_file(another: Callable[[], Storage]) -> None:
    blocks = [secrets.token_bytes(BLOCK) for _ in range(19)]
    add(another(), 0, *blocks[:9])
    assert another().pieces.arrived("up") == 9 * BLOCK
    add(another(), 9 * BLOCK, *blocks[9:], b"tail")
    whole = b"".join(blocks) + b"tail"
    assert b"".join(another().pieces.read("up")) == whole
    stored = Stored(hashlib.sha256(whole).hexdigest(), len(whole))
    another().finish("up", stored)
    another().finish("up", stored)
    another().pieces.remove("up")
    assert another().local(stored.sha256).read_bytes() == whole
    assert another().pieces.arrived("up") == 0


def test_a_piece_begins_where_the_upload_ends(storage: Storage) -> None:
    add(storage, 0, b"abc")
    for offset in (0, 2, 4):
        with pytest.raises(Moved, match="3"):
            add(storage, offset, b"x")
    assert b"".join(storage.pieces.read("up")) == b"abc"


def test_what_a_broken_writer_wrote_is_kept(storage: Storage, another: Callable[[], Storage]) -> None:
    with pytest.raises(ConnectionError), storage.pieces.appending("up", 0) as end:
        end.write(b"abc")
        raise ConnectionError
    assert another().pieces.arrived("up") == 3


def test_a_writer_can_undo_its_own(storage: Storage) -> None:
    add(storage, 0, b"abc")
    with storage.pieces.appending("up", 3) as end:
        end.write(b"x" * 9 * BLOCK)
        end.undo()
    assert b"".join(storage.pieces.read("up")) == b"abc"


def test_uploads_under_way_are_listed(storage: Storage) -> None:
    add(storage, 0, b"abc")
    ((name, since),) = storage.pieces.all()
    assert name == "up" and abs(time.time() - since) < 100
    assert list(storage.contents()) == []


def test_an_empty_upload_becomes_an_empty_file(storage: Storage) -> None:
    empty = Stored(hashlib.sha256().hexdigest(), 0)
    storage.finish("up", empty)
    assert storage.has(empty.sha256)
