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
        patch.setattr(PlainReader, "take", lambda _, stretch, at: at)
        read = parse_inode_log([data], "iNode.log")
    assert _told(known, data) == _told(read, data)
    assert (known.records, known.record_lines, known.rejected) == (read.records, read.record_lines, read.rejected)


def test_a_record_that_was_cut_in_its_body_is_none_that_was_heard_before() -> None:
    whole = written(records()).encode()
    for cut in (b"<", b"<d", b"<data"):
        for told in (b"out-pkt [1]", b"out-pkt [3]"):
            last = whole[whole.index(b"\n[") + 1 :]
            place = last.index(told)
            line = last[last.rfind(b"\n", 0, place) + 1 : place + len(told)]
            data = whole + line + b"\n" + cut
            events = [parse_inode_log([text], "iNode.log").events[-1] for text in (data, line + b"\n" + cut)]
            assert events[0].text == events[1].text, (told, cut)
