"""How fast and in how much memory an iNode log is read, against a plain `re.finditer` and against lnav, in one run.

    python -m bench.logs [--megabytes 300] [--folder DIR] [--skip-lnav]
    apt-get install lnav

Writes the logs itself: `chatty` (most lines have nothing to do with EAD), `dense` (EAD sessions only, bodies over many
lines and on one) and `terminals` (5,000 terminals, their sessions one after the other). Every contestant is a process
of its own, and `all cores` some more: the time is both what passed and what the processors spent; the memory is what
all its processes held together at the worst moment.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.core.parsers.inode_log import parse_inode_log
from app.core.records import LogFacts
from app.log_parts import blocks, parse_inode_file

BLOCK_BYTES = 1 << 20
SAMPLE_SECONDS = 0.05
MEGABYTE = 1_000_000
HEAD = rb"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\] \[(\w+)\] \[([0-9a-f]+)\] "
CHATTER = (
    "[Dbg] [{thread}] 8021X OnTimer: state {n}, no frame in the last second",
    "[DtlCmn] [{thread}] Portal heartBeat: send pkt to 10.0.0.{n}, waiting for the answer of the access device",
    "[Cmn] [{thread}] CfgMgr reload: item {n} unchanged",
    "[Dbg] [{thread}] NetMon adapter {n}: link up, speed 1000, media connected, address kept",
)
LNAV_FORMAT = {
    "$schema": "https://lnav.org/schemas/format-v1.schema.json",
    "inode_log": {
        "title": "iNode",
        "description": "iNode client log",
        "regex": {
            "std": {
                "pattern": r"^\[(?<timestamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\] "
                r"\[(?<level>\w+)\] \[(?<thread>[0-9a-f]+)\] "
                r"(?:(?<module>\w+) )?(?<body>.*)$"
            }
        },
        "timestamp-format": ["%Y-%m-%d %H:%M:%S"],
        "level-field": "level",
        "level": {"warning": "Warn", "debug": "Dbg"},
        "value": {"thread": {"kind": "string"}, "module": {"kind": "string"}},
        "sample": [{"line": "[2017-07-12 11:14:20] [DtlCmn] [1394] SecPkt secPushInner: out-pkt [1]"}],
    },
}

# What our parse looks for in every line; lnav has to take the line apart for it too.
LNAV_SAME_EVENTS = (
    ";SELECT count(*), count(DISTINCT thread) FROM inode_log WHERE module = 'SecPkt' AND (log_body LIKE '%out-pkt%' "
    "OR log_body LIKE '%sent me%' OR log_body LIKE '%transfer [%' OR log_body LIKE '%pushSecRslt%')"
)


@dataclass(frozen=True, slots=True)
class Run:
    name: str
    elapsed_s: float
    spent_s: float
    peak_megabytes: float
    answer: str


def session(rng: random.Random, at: datetime, terminal: int, number: int, patches: str) -> Iterator[str]:
    """The records of one failed security check: 1, 2 and 3 four times."""
    user, mac = (
        f"{7_000_000 + terminal}@bench",
        ":".join(f"{terminal >> shift & 255:02X}" for shift in (40, 32, 24, 16, 8, 0)),
    )
    event = f"e{terminal:x}x{number:x}"

    def head(seconds: int, level: str, thread: str) -> str:
        return f"[{at + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}] [{level}] [{thread}] SecPkt "

    who = f'<i n="userName">{user}</i>\n<i n="hwAddr">{mac}</i>\n'
    yield head(0, "DtlCmn", "1394") + f'secPushInner: out-pkt [1]\n<data>\n{who}<i n="eventSeqID">{event}</i></data>\n'
    yield head(0, "DtlCmn", "1394") + "secPushInner: the state send before is 3\n"
    yield head(0, "Dbg", "1b50") + "secRcvThrd: [10.9.8.7 : 9019] sent me 569 bytes.\n"
    for line in ("The head id is ad878", "The type is 2", f"The id is {rng.randrange(65536)}"):
        yield head(0, "Dbg", "1b50") + f"secDataProc: {line}\n"
    policy = "".join(f'<i n="option{at}">false</i>\n' for at in range(28))
    yield head(0, "DtlCmn", "1b50") + (
        f'sndSecMsg: transfer [2] [{rng.randrange(65536)}]\n<data>\n{policy}<i n="damProxyIp">168364039</i>\n'
        f'<i n="damProxyPort">9029</i>\n<i n="checkList">Virus-Def-Version;Windows</i>\n'
        f'<i n="eventSeqID">{event}</i></data>\n'
    )
    result = (
        f'<data>{who.replace(chr(10), "")}<i n="eventSeqID">{event}</i>'
        f'<i n="checkResult">Windows|7 Enterprise Service Pack 1|0x0804|'
        f'{patches}</i><i n="checkResult">Virus-Def-Version|2017-07-10</i><i n="FWcheckResult"></i></data>'
    )
    for attempt in range(4):
        text = result.replace("><i ", ">\n  <i ") if attempt == 0 else result
        yield (
            head(23 + 5 * attempt, "DtlCmn", "9b8")
            + f"secPushInner: out-pkt [3]{chr(10) if attempt == 0 else ' '}{text}\n"
        )
    yield head(43, "Warn", "13a8") + "pushSecRslt(3) returned 4.\n"


def write_log(path: Path, megabytes: int, chatter_lines: int, terminals: int) -> None:
    """A log of about that size; `chatter_lines` lines of other modules before each session."""
    rng = random.Random(megabytes)
    lists = [";".join(f"KB{rng.randrange(2_000_000, 5_000_000)}" for _ in range(200)) for _ in range(terminals)]
    at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    written = number = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        while written < megabytes * MEGABYTE:
            lines = []
            for _ in range(chatter_lines):
                text = rng.choice(CHATTER).format(thread=f"{rng.randrange(4096, 8192):x}", n=rng.randrange(200))
                lines.append(f"[{at:%Y-%m-%d %H:%M:%S}] {text}\n")
            terminal = number % terminals
            lines += session(rng, at, terminal, number // terminals, lists[terminal])
            block = "".join(lines)
            written += file.write(block)
            number += 1
            at += timedelta(seconds=60)


def measure(name: str, arguments: list[str]) -> Run:
    """A program, with all that it starts. Looking must not slow down what is looked at: little is asked of the kernel,
    and only of these processes."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(arguments, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        peak = 0
        ended = os.pidfd_open(child.pid)
        while not select.select([ended], [], [], SAMPLE_SECONDS)[0]:
            peak = max(peak, held_by(child.pid))
        elapsed = time.monotonic() - began
        os.close(ended)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        answer = " ".join(out.read().split())[-80:]
    if child.returncode:
        answer = f"FAILED ({child.returncode}) {answer}"
    return Run(name, elapsed, usage.ru_utime + usage.ru_stime, peak / 1024, answer)


def held_by(process: int) -> int:
    """The kilobytes that a process and its children hold; what they share is counted once."""
    folder = Path("/proc", str(process))
    try:
        told = re.search(rb"Pss:\s+(\d+)", (folder / "smaps_rollup").read_bytes())
        children = b" ".join(path.read_bytes() for path in folder.glob("task/*/children")).split()
    except OSError:
        return 0  # it has just ended
    return (int(told[1]) if told is not None else 0) + sum(held_by(int(child)) for child in children)


def run_finditer(path: Path) -> None:
    """Record heads alone, over the whole file in memory: the yardstick."""
    data = path.read_bytes()
    print(sum(1 for _ in re.finditer(HEAD, data)), "heads")


def run_parse(path: Path) -> None:
    tell(parse_inode_log(blocks(path), path.name))


def run_parts(path: Path) -> None:
    tell(parse_inode_file(path, path.name, processes=os.cpu_count() or 1))


def tell(facts: LogFacts) -> None:
    assert facts.record_lines + facts.rejected_lines == facts.lines
    print(facts.records, "records", len(facts.events), "events", facts.rejected_lines, "rejected lines")


def run_nothing(path: Path) -> None:
    """What a start of Python costs with the same imports."""
    print(path.stat().st_size, "bytes")


def run_write(path: Path) -> None:
    kind, _, megabytes = path.stem.partition("-")
    chatter_lines, terminals = KINDS[kind]
    write_log(path, int(megabytes), chatter_lines, terminals)


def lnav_arguments(path: Path, folder: Path, query: str) -> list[str]:
    installed = folder / "lnav" / "formats" / "bench"
    installed.mkdir(parents=True, exist_ok=True)
    (installed / "format.json").write_text(json.dumps(LNAV_FORMAT))
    return ["lnav", "-n", "-I", str(folder / "lnav"), "-c", query, str(path)]


def compare(path: Path, folder: Path, with_lnav: bool) -> None:
    me = [sys.executable, "-m", "bench.logs", "--run"]
    measure("write", [*me, "write", str(path)])
    size = path.stat().st_size
    start = measure("start", [*me, "nothing", str(path)])
    runs = [
        measure("re.finditer", [*me, "finditer", str(path)]),
        measure("one core", [*me, "parse", str(path)]),
        measure("all cores", [*me, "parts", str(path)]),
    ]
    if with_lnav:
        runs.append(measure("lnav, index", lnav_arguments(path, folder, ";SELECT count(*) FROM inode_log")))
        runs.append(measure("lnav, find", lnav_arguments(path, folder, LNAV_SAME_EVENTS)))
    print(f"\n{path.name}: {size / MEGABYTE:.0f} MB, without the {start.elapsed_s:.2f} s that Python takes to start")
    yardstick = None
    for run in runs:
        is_ours = not run.name.startswith("lnav")
        elapsed = run.elapsed_s - (start.elapsed_s if is_ours else 0)
        spent = run.spent_s - (start.spent_s if is_ours else 0)
        yardstick = yardstick or (elapsed, spent)
        print(
            f"  {run.name:12} {elapsed:7.2f} s {size / MEGABYTE / elapsed:7.1f} MB/s {elapsed / yardstick[0]:5.2f} x"
            f" finditer; processors {spent:7.2f} s {spent / yardstick[1]:5.2f} x; peak {run.peak_megabytes:6.0f} MB"
            f"   {run.answer}",
            flush=True,
        )
    path.unlink()


KINDS = {"chatty": (150, 1), "dense": (0, 20), "terminals": (0, 5_000)}  # lines of chatter a session, terminals
RUNS: dict[str, Callable[[Path], None]] = {
    "finditer": run_finditer,
    "parse": run_parse,
    "parts": run_parts,
    "nothing": run_nothing,
    "write": run_write,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="where the logs are written; a temporary folder without it")
    parser.add_argument("--skip-lnav", action="store_true")
    parser.add_argument("--only", choices=list(KINDS))
    parser.add_argument("--run", choices=list(RUNS), help=argparse.SUPPRESS)
    parser.add_argument("file", type=Path, nargs="?", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        RUNS[arguments.run](arguments.file)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with_lnav = not arguments.skip_lnav and shutil.which("lnav") is not None
        for kind in KINDS if arguments.only is None else [arguments.only]:
            # Twice for the many terminals: the time must grow with the size and no faster.
            sizes = [arguments.megabytes // 4, arguments.megabytes] if kind == "terminals" else [arguments.megabytes]
            for size in sizes:
                compare(folder / f"{kind}-{size}.log", folder, with_lnav)


if __name__ == "__main__":
    main()
