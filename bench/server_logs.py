"""How fast and in how much memory a policy server's log is read, against a plain `re.finditer` of its record heads.

    python -m bench.server_logs [--megabytes 100]

Writes the logs itself: each style with few messages of the exchange among much chatter, and with many. Every contestant
is a process of its own, measured by the processor time that it spent.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.core.parsers.server_log import parse_server_log
from app.log_formats import load_formats
from bench.logs import BLOCK_BYTES, MEGABYTE, measure

STYLES = {
    "family": "%% {at:%Y-%m-%d %H:%M:%S}.{ms:03} ; [LDBG] ; [{thread}] ; EAD ; {text}\n",
    "generic": "{at:%Y-%m-%d %H:%M:%S},{ms:03} DEBUG [worker-{thread}] policy.Server - {text}\n",
    "syslog": "<134>{at:%b %d %H:%M:%S} srv1 policyd[44]: {text}\n",
}
MESSAGE_SHARES = {"chatty": 0.02, "dense": 0.6}
CHATTER = (
    "user cache refreshed, {n} entries in {m} ms",
    "thread pool size {m}, queue {n}, header length {m}",
    "radius access request code=1 len={m} nas=10.0.0.{m}",
    "session {n} changed to ONLINE, security policy {m} read",
)
MESSAGES = (
    "SecPkt recv: packet type [3] id [{n}] from [10.2.3.4 : 40001] {m} bytes, userName=u{m}@corp, "
    "hwAddr=00:25:11:aa:bb:cc, eventSeqID=k3Js{n}",
    "SecPkt send: packet type [4] id [{n}] to [10.2.3.4 : 40001] {m} bytes, eventSeqID=k3Js{n}",
)
HEAD = re.compile(rb"(?m)^[^\n]{0,6}(?:\d{4}-\d\d-\d\d|[A-Z][a-z]{2} \d\d) \d\d:\d\d:\d\d")


def run_write(path: Path) -> None:
    style, kind, megabytes = path.stem.split("-")
    rng = random.Random(7)
    at = datetime(2026, 3, 5, 9, tzinfo=UTC)
    written = 0
    with path.open("w", encoding="utf-8") as file:
        while written < int(megabytes) * MEGABYTE:
            at += timedelta(milliseconds=rng.randrange(30))
            text = rng.choice(MESSAGES if rng.random() < MESSAGE_SHARES[kind] else CHATTER)
            text = text.format(n=rng.randrange(99_999), m=rng.randrange(1, 900))
            thread, ms = rng.randrange(40), at.microsecond // 1_000
            written += file.write(STYLES[style].format(at=at, ms=ms, thread=thread, text=text))


def run_finditer(path: Path) -> None:
    print(sum(1 for _ in HEAD.finditer(path.read_bytes())), "heads")


def run_parse(path: Path) -> None:
    with path.open("rb") as file:
        facts = parse_server_log(iter(lambda: file.read(BLOCK_BYTES), b""), path.name, load_formats())
    print(facts.format, facts.records, "records", len(facts.events), "messages", facts.rejected_lines, "rejected lines")


def run_nothing(path: Path) -> None:
    """What a start of Python costs with the same imports."""
    print(path.stat().st_size, "bytes")


RUNS: dict[str, Callable[[Path], None]] = {
    "write": run_write,
    "nothing": run_nothing,
    "finditer": run_finditer,
    "parse": run_parse,
}


def compare(path: Path) -> None:
    me = [sys.executable, "-m", "bench.server_logs", "--run"]
    measure("write", [*me, "write", str(path)])
    start = measure("start", [*me, "nothing", str(path)]).spent_s
    runs = [measure("re.finditer", [*me, "finditer", str(path)]), measure("eadscope", [*me, "parse", str(path)])]
    size = path.stat().st_size / MEGABYTE
    yardstick = runs[0].spent_s - start
    for run in runs:
        seconds = run.spent_s - start
        print(
            f"{path.stem:20} {run.name:12} {seconds:6.2f} s {size / seconds:6.1f} MB/s {seconds / yardstick:6.2f} x "
            f"finditer  peak {run.peak_megabytes:4.0f} MB   {run.answer}",
            flush=True,
        )
    path.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--run", choices=list(RUNS), help=argparse.SUPPRESS)
    parser.add_argument("file", type=Path, nargs="?", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        RUNS[arguments.run](arguments.file)
        return
    with tempfile.TemporaryDirectory() as folder:
        for style in STYLES:
            for kind in MESSAGE_SHARES:
                compare(Path(folder) / f"{style}-{kind}-{arguments.megabytes}.log")


if __name__ == "__main__":
    main()
