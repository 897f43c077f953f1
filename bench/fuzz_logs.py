"""Feeds the log parsers with damaged, glued and hostile input: no exception, every line accounted for, no slow input.

    python -m bench.fuzz_logs [--inputs 100000] [--seed 1]

Each input is a few pieces of logs, bodies and rubbish, damaged at random. It is read as one file, and as the files
that a rotation made of it by cutting it anywhere, which go on to the analysis. Now and then one is repeated up to some
300 kB and read again: the time for each byte must not grow with the size. Prints the slowest inputs; stops at the first
failure, which it writes to `fuzz-failure.bin`.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from app.core.analysis import Source, SourceKind
from app.core.parsers.inode_log import parse_inode_log, sniff_inode_log
from app.core.parsers.log_choice import sniff_server_log
from app.core.parsers.safe_pattern import MAX_MATCHED_CHARACTERS, PatternRefused, compile_safely
from app.core.parsers.server_log import parse_server_log
from app.core.pipeline import ParsedSource, analyze
from app.core.records import LogFacts
from app.core.sessions.cut_bodies import with_whole_bodies
from app.log_formats import load_formats
from bench.logs import session

GROWN_BYTES = 300_000
GROWTH = 4
MAX_SLOWDOWN = (
    3.0  # of the time for each byte when an input grows fourfold; above a floor where the clock is too coarse
)
FLOOR_SECONDS_PER_MEGABYTE = 3.0
MAX_MATCH_SECONDS = 1.0

AT = b"[2026-03-05 09:00:01] "
PIECES = [
    b"<data>", b"</data>", b'<i n="userName">a', b'<i n="eventSeqID">e1</i>', b'<i n="x"/>', b"KB30351\n32;",
    b'<i n="checkResult">Windows|7 Pack 1|0x0804|KB1;KB2;KB3</i>', b"\n", b"\r\n", b"\r", b"\n\n", b"```\n", b">",
    b">>", b" ", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"[" * 50, b"<i " * 30, b" " * 200, b"9" * 300, b"(" * 40,
    AT + b"[Dbg] [1b50] SecPkt secRcvThrd: [10.0.0.1 : 9019] sent me 569 bytes.\n",
    AT + b"[Dbg] [1b50] SecPkt secDataProc: The head id is ad878\n",
    AT + b"[Dbg] [1b50] SecPkt secDataProc: The type is 2\n",
    AT + b"[Dbg] [1b50] SecPkt secDataProc: The id is 99999999999\n",
    AT + b"[DtlCmn] [9b8] SecPkt secPushInner: out-pkt [3] ",
    AT + b"[Warn] [13a8] SecPkt pushSecRslt(3) returned -4.\n",
    b"[2026-13-45 09:00:01] [Dbg] [1] x\n",
    b"[2026-03-05 09:00:01.123] [L_DEBUG] [0x12] MsgTYPE is 47#\n",
    b"The packet to send  is 3, length is 4294967296\n",
    "安全认证失败，未收到策略服务器回应。".encode(), "安全检查通过".encode("gb18030"),
    "[2026-03-05 09:00:01] [Cmn] [1] 下线".encode("utf-16-le"),
    b"%% 2026-03-05 09:00:01.123 ; [LDBG] ; [44] ; EAD ; recv: packet type [3] from [10.0.0.1 : 99999] "
    b"mac=00251122aabb\n",
    b"2026-03-05 09:00:01 user=a packet type=0xffffffffff length is 12 eventSeqID=",
]  # fmt: skip
PATTERN_PIECES = [
    "a", ".", "\\d", "\\w", "\\s", "[^;]", "[a-c]", "*", "+", "?", "{0,30}", "{2,}", "*?", "+?", "(", ")", "(?:", "|",
    "^", "$", ";", "=", "(?=", "(?P<x>", "\\1", "x",
]  # fmt: skip


def make_input(rng: random.Random, logs: list[bytes]) -> bytes:
    parts = []
    for _ in range(rng.randrange(1, 8)):
        if rng.random() < 0.4:
            log = rng.choice(logs)
            start = rng.randrange(len(log))
            parts.append(log[start : start + rng.randrange(1, 3000)])
        else:
            parts.append(rng.choice(PIECES) * rng.choice((1, 1, 1, 2, 20)))
    data = bytearray(b"".join(parts))
    for _ in range(rng.randrange(0, 6)):
        damage(rng, data)
    if rng.random() < 0.05:
        return bytes(data).decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-16-be", "gb18030")), "replace")
    return bytes(data)


def damage(rng: random.Random, data: bytearray) -> None:
    if not data:
        return
    at = rng.randrange(len(data))
    kind = rng.randrange(5)
    if kind == 0:
        data[at] = rng.randrange(256)
    elif kind == 1:
        del data[at : at + rng.randrange(1, 200)]
    elif kind == 2:
        data[at:at] = rng.choice(PIECES)
    elif kind == 3:
        data[at:at] = data[at : at + rng.randrange(1, 500)]
    else:
        width = rng.randrange(2, 120)
        data[:] = b"\n".join(bytes(data[start : start + width]) for start in range(0, len(data), width))


def parse_all(data: bytes, rng: random.Random) -> None:
    formats = load_formats()
    size = rng.choice((1 << 20, 4096, 37, 1)) if len(data) < 2000 else 1 << 20
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    sniff_inode_log(data)
    sniff_server_log(data, formats)
    for parse in (
        parse_inode_log,
        lambda b, s: parse_server_log(b, s, formats, rng.choice((None, "family", "generic"))),
    ):
        check(parse(blocks, "x"), len(data))


def analyse_rotated(data: bytes, rng: random.Random) -> None:
    """The input as two to four files of one folder, in any order; now and then a server's log lies beside them."""
    formats = load_formats()
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(1, 4)))
    parts = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    sources = []
    for number, part in enumerate(parts):
        name = f"client/iNode.log{f'.{number}' if number else ''}"
        sources.append(source_of(name, part, SourceKind.INODE_LOG, parse_inode_log([part], name)))
    if rng.random() < 0.2:
        part = rng.choice(parts)
        sources.append(
            source_of("server.log", part, SourceKind.SERVER_LOG, parse_server_log([part], "server.log", formats))
        )
    rng.shuffle(sources)
    whole = with_whole_bodies(sources)
    for source in whole:
        assert source.log is not None
        check(source.log, source.size_bytes)
    analyze([ParsedSource(source) for source in whole])


def source_of(name: str, data: bytes, kind: SourceKind, log: LogFacts) -> Source:
    return Source(path=name, sha256="0" * 64, size_bytes=len(data), kind=kind, log=log)


def check(facts: LogFacts, size: int) -> None:
    assert facts.record_lines + facts.rejected_lines == facts.lines, "lines do not add up"
    assert facts.record_lines >= 0
    for event in facts.events:
        locator = event.locator
        assert locator.line is not None and 1 <= locator.line <= facts.lines
        assert locator.byte_start is not None and locator.byte_end is not None
        assert 0 <= locator.byte_start <= size
        assert event.body is None or event.body.plain_bytes >= 0
    for rejected in facts.rejected:
        assert rejected.locator.line is not None and 1 <= rejected.locator.line <= facts.lines


def grow(data: bytes, rng: random.Random) -> float:
    """Seconds for a megabyte of the input repeated; fails where a longer one takes more time for each byte."""
    rates = []
    for size in (GROWN_BYTES // GROWTH, GROWN_BYTES):
        grown = data * (size // len(data) + 1)
        rates.append(timed(lambda grown=grown: parse_all(grown, rng)) / (len(grown) / 1e6))
    small, large = rates
    assert large < max(MAX_SLOWDOWN * small, FLOOR_SECONDS_PER_MEGABYTE), (
        f"{small:.2f}, then {large:.2f} s for a megabyte"
    )
    return large


def fuzz_pattern(rng: random.Random) -> float:
    """A random expression: refused, or quick on the lines that hurt expressions most."""
    pattern = "".join(rng.choice(PATTERN_PIECES) for _ in range(rng.randrange(1, 12)))
    try:
        compiled = compile_safely(pattern)
    except PatternRefused:
        return 0.0
    began = time.process_time()
    for line in (
        "a" * MAX_MATCHED_CHARACTERS,
        "ax;=" * (MAX_MATCHED_CHARACTERS // 4),
        "a1 " * (MAX_MATCHED_CHARACTERS // 3),
    ):
        compiled.match(line)
        compiled.search(line + "\n")
    spent = time.process_time() - began
    assert spent < MAX_MATCH_SECONDS, f"{pattern!r} took {spent:.1f} s"
    return spent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    logs = make_logs(rng)
    slowest = worst_rate = slowest_pattern = 0.0
    for number in range(arguments.inputs):
        data = make_input(rng, logs)
        try:
            slowest = max(slowest, timed(lambda data=data: parse_all(data, rng)))
            analyse_rotated(data, rng)
            if number % 100 == 0 and data:
                worst_rate = max(worst_rate, grow(data, rng))
            if number % 10 == 0:
                slowest_pattern = max(slowest_pattern, fuzz_pattern(rng))
        except Exception:
            Path("fuzz-failure.bin").write_bytes(data)
            print(f"input {number} of seed {arguments.seed} failed; it is in fuzz-failure.bin", file=sys.stderr)
            raise
        if number % 10_000 == 9_999:
            done = f"{number + 1} inputs, slowest {slowest * 1e3:.0f} ms, worst {worst_rate:.2f} s/MB"
            print(f"{done}, expression {slowest_pattern:.3f} s", flush=True)
    return 0


def make_logs(rng: random.Random) -> list[bytes]:
    from datetime import UTC, datetime

    at = datetime(2026, 3, 5, 9, tzinfo=UTC)
    patches = ";".join(f"KB{3_000_000 + n}" for n in range(60))
    return ["".join(session(rng, at, n, n, patches)).encode() for n in range(5)]


def timed(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
