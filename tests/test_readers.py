"""A bundle read by several processes: nobody sees it in the answer, and none takes the others along."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from multiprocessing import active_children, get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from app import readers
from app.core.analysis import Source, SourceKind
from app.core.pipeline import ParsedSource
from app.readers import Job, read_files, tshark_kept
from app.sources import BundleFile

US = os.getpid()
ALL_S = 60
begun: Barrier | None = None
read: set[int] = set()


@pytest.fixture(autouse=True)
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "SMALL_BYTES", 0)


@pytest.fixture
def us(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(f"{__name__}.US", os.getpid())
    return os.getpid()


@pytest.fixture
def all_begin(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.begun", get_context("fork").Barrier(processes))
    monkeypatch.setattr(f"{__name__}.read", set())


def parsed(file: BundleFile) -> ParsedSource:
    """Says as its hash which process read it. None reads a second file before all have begun their first."""
    if begun is not None and os.getpid() not in read:
        read.add(os.getpid())
        begun.wait(ALL_S)
    return ParsedSource(Source(file.name, str(os.getpid()), file.size_bytes, SourceKind.OTHER))


def parsed_here_only(file: BundleFile) -> ParsedSource:
    if os.getpid() != US:
        os.kill(os.getpid(), signal.SIGKILL)
    return parsed(file)


def held_elsewhere(file: BundleFile) -> ParsedSource:
    while os.getpid() != US:
        signal.pause()
    return parsed(file)


def refused(file: BundleFile) -> ParsedSource:
    raise ValueError(file.name)


def jobs(count: int, function: object = parsed) -> list[Job]:
    return [(function, (BundleFile(Path(), f"file{n}", "", n),)) for n in range(count)]  # type: ignore[misc]


def names(sources: Iterator[ParsedSource]) -> list[str]:
    return sorted(one.source.path for one in sources)


@pytest.mark.usefixtures("all_begin")
@pytest.mark.parametrize("processes", [1, 2, 5])
def test_every_file_is_read_once(processes: int) -> None:
    sources = list(read_files(jobs(30), processes))
    assert names(iter(sources)) == sorted(f"file{n}" for n in range(30))
    assert len({one.source.sha256 for one in sources}) == processes


def test_the_largest_is_begun_first() -> None:
    assert [one.source.path for one in read_files(jobs(4), 1)] == ["file3", "file2", "file1", "file0"]


def test_what_a_small_bundle_holds_is_read_here(us: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "SMALL_BYTES", 1 << 20)
    assert {one.source.sha256 for one in read_files(jobs(9), 4)} == {str(us)}


@pytest.mark.usefixtures("us")
def test_a_reader_that_is_killed_takes_no_file_along() -> None:
    assert names(read_files(jobs(12, parsed_here_only), 3)) == sorted(f"file{n}" for n in range(12))


def test_a_fault_of_a_parser_is_raised_here() -> None:
    with pytest.raises(ValueError, match="file"):
        list(read_files(jobs(4, refused), 2))


def test_readers_end_where_nobody_wants_the_rest(us: int) -> None:
    reading = read_files(jobs(200, held_elsewhere), 3)
    next(reading)
    assert len(active_children()) == 2
    reading.close()
    assert active_children() == []


@pytest.mark.parametrize(
    ("bundle_bytes", "has_captures", "starts"), [(10, True, True), (10, False, False), (2 << 20, True, False)]
)
def test_tshark_starts_before_the_logs_are_read_where_it_will_be_needed_here(
    bundle_bytes: int, has_captures: bool, starts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "SMALL_BYTES", 1 << 20)
    files = [BundleFile(Path(), "file", "", bundle_bytes)]
    with tshark_kept(files, files if has_captures else []):
        process = readers._tshark.dissector._process
        assert (process is not None) is starts
    assert process is None or process.poll() is not None
    assert readers._tshark.dissector._process is None
