"""A log read in parts is the log read in one, wherever it is cut."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.core.parsers import inode_log, inode_messages, inode_parts, log_text
from app.core.parsers.body import BodyReader
from app.core.parsers.inode_log import parse_inode_log, parse_inode_part
from app.core.parsers.inode_parts import NotOneReading, WindowTooShort, cut_at, facts_of, joined
from app.core.records import LogFacts
from tests.core.parsers.inode_writer import Check, records, wrapped, written

PIECE = 1_500
REACH = 3_000
BEGIN = datetime(2026, 3, 5, 9)
TIME = re.compile(r"(?m)^\[2026-03-05 09:(\d\d):(\d\d)\]")
QUIET_KINDS = ("check", "chatter", "answered late", "cut body", "stray", "no such day", "gb18030", "notice")
HARD_KINDS = (*QUIET_KINDS, "wrapped", "set back", "interleaved", "huge", "capitals")


@pytest.fixture(scope="module", autouse=True)
def small_sizes() -> Iterator[None]:
    """Pieces of a few records, so that a short log has many places to cut."""
    with (
        patch.object(log_text, "PIECE_BYTES", PIECE),
        patch.object(inode_log, "MAX_RECORD_BYTES", 4 * PIECE),
        patch.object(inode_log, "_SMALL_LOG_BYTES", 2 * PIECE),
        patch.object(inode_messages, "REACH_BYTES", REACH),
        patch.object(inode_parts, "REACH_BYTES", REACH),
    ):
        yield


class Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.at = BEGIN
        self.parts: list[bytes] = []

    def write(self, kinds: list[str]) -> bytes:
        for kind in kinds:
            text = self.text_of(kind)
            self.parts.append(text if isinstance(text, bytes) else text.encode())
            self.at += timedelta(seconds=self.rng.choice((0, 1, 4, 9, 10, 11, 45)))
        return b"".join(self.parts)

    def text_of(self, kind: str) -> str | bytes:
        rng = self.rng
        if kind == "check":
            return self.check()
        if kind == "chatter":
            return "".join(self.line(f"[Dbg] [{n:x}] Portal heartBeat: {n}") for n in range(rng.randrange(30)))
        if kind == "answered late":  # a thread goes on with what another record of it began
            thread = rng.choice(("1b50", "9b8"))
            self.parts.append(
                self.line(f"[Dbg] [{thread}] SecPkt secRcvThrd: [10.0.0.1 : 9019] sent me 4 bytes.").encode()
            )
            self.at += timedelta(seconds=rng.choice((0, 2, 3, 4, 10)))
            return self.line(f"[Dbg] [{thread}] SecPkt secDataProc: The type is {rng.choice((2, 3, 4))}")
        if kind == "cut body":
            text = self.check()
            return text[: rng.randrange(len(text))] + "\n"
        if kind == "gb18030":
            return self.line("[Cmn] [1] 认证").encode("gb18030")
        if kind == "notice":
            return self.line("[Cmn] [13a8] 安全认证失败，未收到策略服务器回应。即将强行下线")
        if kind == "wrapped":
            return wrapped(self.check(), rng.choice((40, 77)))
        if kind == "set back":
            self.at -= timedelta(seconds=rng.choice((2, 3, 4, 10, 60)))
            return ""
        if kind == "interleaved":
            return self.interleaved()
        if kind == "huge":
            return self.line("[DtlCmn] [9b8] SecPkt secPushInner: out-pkt [3]") + '<i n="a">b</i>\n' * 700
        if kind == "capitals":
            return self.line("[L_DEBUG] [0x12] MsgTYPE is 47#") + self.line("[FATAL] [7] secPush: out-pkt [1]")
        return {"stray": "nobody's\n\n", "no such day": "[2026-13-45 09:00:01] [Dbg] [1] x\n"}[kind]

    def line(self, text: str) -> str:
        return f"[{self.at:%Y-%m-%d %H:%M:%S}] {text}\n"

    def interleaved(self) -> str:
        """Records of two checks in any order: the clocks of two terminals in one file."""
        logs = [re.split(r"\n(?=\[)", self.check()) for _ in range(2)]
        mixed = []
        while any(logs):
            mixed.append(self.rng.choice([log for log in logs if log]).pop(0).rstrip("\n"))
        return "\n".join(mixed) + "\n"

    def check(self) -> str:
        n = self.rng.randrange(6)
        check = Check(
            user=f"user{n}", mac=f"02:00:00:00:00:{n:02X}", event=f"e{self.rng.randrange(9)}",
            patches=["KB1", f"KB{n}"], sends=self.rng.randrange(1, 5), message_id=self.rng.randrange(100, 104),
        )  # fmt: skip
        began, self.at = self.at, self.at + timedelta(seconds=20 + 5 * check.sends)

        def later(match: re.Match[str]) -> str:
            minutes, seconds = match.groups()
            return f"[{began + timedelta(minutes=int(minutes), seconds=int(seconds)):%Y-%m-%d %H:%M:%S}]"

        return TIME.sub(later, written(records(check)))


def cut_of(window: bytes, start: int) -> int | None:
    try:
        return cut_at(window, start)
    except WindowTooShort:
        return None


def cuts_of(data: bytes, shift: int) -> list[int]:
    ends = range(3 * PIECE + shift, len(data), PIECE)
    found = [cut_of(data[end - PIECE + 1 : end], end - PIECE + 1) for end in ends]
    return [cut for cut in found if cut is not None]


def read_in_parts(data: bytes, cuts: list[int], shift: int) -> LogFacts:
    """Raises NotOneReading."""
    bodies = BodyReader()
    parts = []
    for start, end in zip([0, *cuts], [*cuts, None], strict=True):
        stop = len(data) if end is None else min((end - shift) // PIECE * PIECE + PIECE + shift, len(data))
        first_end = start + PIECE - (start - shift) % PIECE
        ends = [*range(first_end, stop, PIECE), stop]
        blocks = [data[a:b] for a, b in zip([start, *ends], ends, strict=False)]
        parts.append(parse_inode_part(blocks, "a.log", start, end, bodies))
        parts[-1].table.frozen()  # as another process would send it
    return facts_of(joined(parts, "a.log"))


def plain(facts: LogFacts) -> LogFacts:
    return replace(facts, events=tuple(facts.events))


@given(
    st.integers(0, 1 << 30).map(random.Random),
    st.lists(st.sampled_from(HARD_KINDS), min_size=8, max_size=30),
    st.booleans(),
)
@settings(max_examples=60)
def test_parts_are_the_whole_or_say_that_they_are_not(rng: random.Random, kinds: list[str], has_mark: bool) -> None:
    data = b"\xef\xbb\xbf" * has_mark + Writer(rng).write(kinds)
    shift = 3 * has_mark
    cuts = [cut for cut in cuts_of(data, shift) if rng.random() < 0.7]
    whole = plain(parse_inode_log([data], "a.log"))
    assert whole.lines == whole.record_lines + whole.rejected_lines
    assume(cuts)
    try:
        facts = read_in_parts(data, cuts, shift)
    except NotOneReading:
        assert set(kinds) & {"wrapped", "set back", "interleaved", "cut body"}
    else:
        assert plain(facts) == whole


@given(st.integers(0, 1 << 30).map(random.Random), st.lists(st.sampled_from(QUIET_KINDS), min_size=20, max_size=40))
@settings(max_examples=20)
def test_a_log_of_sound_checks_can_be_cut_in_many_places(rng: random.Random, kinds: list[str]) -> None:
    data = Writer(rng).write(["check" if kind == "cut body" else kind for kind in kinds] + 12 * ["check", "chatter"])
    cuts = cuts_of(data, 0)
    assert len(cuts) > 2
    assert plain(read_in_parts(data, cuts, 0)) == plain(parse_inode_log([data], "a.log"))


def test_there_is_no_cut_while_a_message_is_told() -> None:
    text = written(records(Check(patches=["KB1"]))).encode()
    heads = [match.start() for match in re.finditer(rb"(?m)^\[", text)]
    window = b"[2026-03-05 09:00:00] [Cmn] [1] x\n" + text
    first = len(window) - len(text)
    for head, following in zip(heads, [*heads[1:], len(text)], strict=True):
        cut = cut_of(b"\n" + window[: first + following], 0)
        second = int(text[head + 18 : head + 20])
        # Only the first send of message 3, after 17 s of local checking, begins where nothing is being told.
        assert (cut is not None) == (second == 20 and b"out-pkt [3]" in text[head:following]), text[head:following]
