"""A large iNode log is read by several processes, and nobody sees it in the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app import log_parts
from app.core.parsers.inode_log import parse_inode_log
from app.core.records import LogFacts
from app.log_parts import parse_inode_file, parts_of
from tests.core.parsers.inode_writer import Check, records, wrapped, written

MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_parts, "PART_BYTES", MEGABYTE)
    monkeypatch.setattr(log_parts, "SMALL_BYTES", MEGABYTE)


def log_of(checks: int) -> bytes:
    """A check each hour, of terminals that come again."""
    parts = []
    for n in range(checks):
        check = Check(user=f"user{n % 40}", mac=f"02:00:00:00:00:{n % 40:02X}", event=f"e{n}")
        parts.append(written(records(check, day=f"2026-{n // 480 + 1:02}-{n // 24 % 20 + 1:02}", hour=n % 24)))
    return "".join(parts).encode()


def plain(facts: LogFacts) -> LogFacts:
    return replace(facts, events=tuple(facts.events))


def without_a_single_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> LogFacts:
        raise AssertionError("read in one")

    monkeypatch.setattr(log_parts, "parse_inode_log", refuse)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_log_read_by_two_processes_is_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: bytes) -> None:
    data = mark + log_of(1_200)
    path = tmp_path / "iNode.log"
    path.write_bytes(data)
    assert len(list(parts_of(path))) > 2
    expected = plain(parse_inode_log([data], "iNode.log"))
    without_a_single_reading(monkeypatch)
    facts = plain(parse_inode_file(path, "iNode.log", processes=2))
    assert facts == expected
    event = facts.events[-3]
    assert data[event.locator.byte_start : event.locator.byte_end].count(event.text[-20:].encode()) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data + wrapped(written(records()), 60).encode(),
        lambda data: data + "[2027-01-01 00:00:00] [Cmn] [1] x\n".encode("utf-16-le"),
        lambda data: data.replace(b"[2026-01-1", b"[2026-01-0"),
        lambda data: data.decode().encode("utf-16"),
        lambda data: data[:MEGABYTE],
    ],
    ids=["wrapped", "partly UTF-16", "the clock set back", "UTF-16", "too short for parts"],
)
def test_what_cannot_be_read_in_parts_is_read_in_one(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    data = damage(log_of(450))
    path = tmp_path / "iNode.log"
    path.write_bytes(data)
    assert plain(parse_inode_file(path, "iNode.log", processes=2)) == plain(parse_inode_log([data], "iNode.log"))


def test_a_process_that_dies_takes_no_log_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dying(log_parts._Helper):
        def ask(self, number: int, part: log_parts.Part) -> None:
            super().ask(number, part)
            self._process.kill()
            self._process.join()

    data = log_of(450)
    path = tmp_path / "iNode.log"
    path.write_bytes(data)
    monkeypatch.setattr(log_parts, "_Helper", Dying)
    assert plain(parse_inode_file(path, "iNode.log", processes=2)) == plain(parse_inode_log([data], "iNode.log"))
