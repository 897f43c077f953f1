"""Records that are known by their first line say what they say when they are read one by one."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.parsers.inode_log import parse_inode_log
from app.core.parsers.inode_plain import PlainReader
from app.core.records import LogEvent, LogFacts
from tests.core.parsers.inode_writer import Check, records, written


def _log(chance: random.Random) -> bytes:
    """Sessions of a few terminals, told by the same words; some records are lost, late or told twice."""
    lines: list[str] = []
    for hour in range(chance.randint(2, 6)):
        terminal = chance.randrange(3)
        check = Check(user=f"user{terminal}", mac=f"02:00:00:00:00:0{terminal}", event=f"e{terminal}x{hour % 4}")
        told = records(check, hour=hour)
        for _ in range(chance.randint(0, 4)):
            at = chance.randrange(len(told))
            kind = chance.randrange(3)
            if kind == 0:
                del told[at]
            elif kind == 1:
                told.insert(chance.randrange(len(told)), told[at])
            else:
                told[at : at + 2] = reversed(told[at : at + 2])
        lines += told
    return written(lines).encode()


def _told(facts: LogFacts, data: bytes) -> list[LogEvent]:
    """Its events, whether their place ends before or behind the end of the line."""
    told = []
    for event in facts.events:
        assert event.locator.byte_start is not None
        text = data[event.locator.byte_start : event.locator.byte_end].rstrip()
        told.append(replace(event, locator=replace(event.locator, byte_end=event.locator.byte_start + len(text))))
    return told


@given(st.integers(0, 2**32))
def test_what_is_known_by_its_first_line_is_what_is_read_there(seed: int) -> None:
    data = _log(random.Random(seed))
    known = parse_inode_log([data], "iNode.log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainReader, "take", lambda *_: 0)
        read = parse_inode_log([data], "iNode.log")
    assert _told(known, data) == _told(read, data)
    assert (known.records, known.record_lines, known.rejected) == (read.records, read.record_lines, read.rejected)
