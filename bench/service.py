"""The service under load: workers side by side, and a long mix of bundles.

    python -m bench.service workers [BUNDLES]     bundles a minute with one worker process and with two, in turn
    python -m bench.service soak [SECONDS]        bundles of every kind to two workers, and readers: errors, memory
    python -m bench.service browse [SECONDS]      20 people browse a big case while two workers analyse
    python -m bench.service cost [REQUESTS]       processor time of each kind of page, on however busy a machine

Each makes its own database, files and bundles, and cleans up.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.config import ROOT, Settings
from app.db.migrate import migrate
from app.db.models import Analysis, Case
from app.db.session import make_engine, make_sessions
from app.demo import write_bundle
from app.embedded import EmbeddedPostgres
from app.storage import open_storage
from bench import pages
from tests.jobs.test_jobs import files_of, upload

SCENARIOS = ("article", "hops", "ok", "nat", "vlan")
AT_ONCE = 6  # bundles that wait or run during the soak
RATIO = 1.7
USERS, PAGE_P95_MS = 20, 200
GROWTH = 1.05  # of memory, from the begin to the end of the soak


@contextmanager
def service() -> Iterator[tuple[Settings, sessionmaker[Session]]]:
    with tempfile.TemporaryDirectory(prefix="eadscope-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = EmbeddedPostgres(folder / "postgres")
        migrate(postgres.url)
        engine = make_engine(postgres.url)
        try:
            options = Settings(DATABASE_URL=postgres.url, var=folder / "var")
            open_storage(options).prepare()
            yield options, make_sessions(engine)
        finally:
            engine.dispose()
            postgres.stop()


@contextmanager
def workers(options: Settings, number: int) -> Iterator[list[psutil.Popen]]:
    environment = {
        **os.environ, "DATABASE_URL": options.database_url or "", "EADSCOPE_VAR": str(options.var),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    command = [sys.executable, "-P", "-m", "app.commands.worker"]
    started = [psutil.Popen(command, env=environment, stdin=subprocess.DEVNULL) for _ in range(number)]
    try:
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


def bundles(folder: Path) -> list[dict[str, bytes]]:
    made = []
    for name in SCENARIOS:
        try:
            write_bundle(name, folder / name)
        except (KeyError, ValueError):
            continue  # no scenario of this version
        made.append(files_of(folder / name))
    return made


def add(sessions: sessionmaker[Session], options: Settings, files: dict[str, bytes], number: int) -> int:
    with sessions() as session:
        case = Case(title=f"bundle {number}")
        session.add(case)
        session.commit()
    return upload(sessions, options, case.id, {**files, "bundle/n.txt": b"%d" % number})


def counts(sessions: sessionmaker[Session]) -> dict[str, int]:
    with sessions() as session:
        rows = session.execute(select(Analysis.state, func.count()).group_by(Analysis.state)).all()
    return {row[0]: row[1] for row in rows}


def waiting(sessions: sessionmaker[Session]) -> int:
    now = counts(sessions)
    return now.get("queued", 0) + now.get("running", 0)


def compare(total: int) -> None:
    """One worker, two, one again: so that what else the machine does meets both."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    with service() as (options, sessions):
        made, serial = bundles(options.var), 0
        for number in (1, 2, 1, 2):
            with workers(options, number):
                warm = [add(sessions, options, made[0], (serial := serial + 1)) for _ in range(number)]
                while waiting(sessions):
                    time.sleep(0.05)
                begin = time.monotonic()
                for _ in range(total):
                    add(sessions, options, made[serial % len(made)], (serial := serial + 1))
                while waiting(sessions):
                    time.sleep(0.05)
                rates[number].append(total / (time.monotonic() - begin) * 60)
            print(f"{number} worker(s): {rates[number][-1]:6.1f} bundles a minute ({len(warm)} to warm up)", flush=True)
    ratio = sum(rates[2]) / sum(rates[1])
    print(f"ratio {ratio:.2f} (wanted {RATIO})")


def memory_mib(processes: list[psutil.Process]) -> float:
    """What workers and their servers of forks, or the web process, hold for themselves, without analyses under way."""
    kept = 0
    for process in processes:
        for one in (process, *process.children()):
            kept += one.memory_full_info().uss
    return kept / (1 << 20)


def read_on(link: str, stop: threading.Event, answers: list[int]) -> None:
    """Lists, cases and terminals in turn, as their links lead; the status of each answer."""
    cookies, start_page = pages.entry(link)
    dice = random.Random(2)
    origin = httpx.URL(start_page).copy_with(path="/", query=None)
    with httpx.Client(base_url=origin, cookies=cookies, trust_env=False, timeout=60) as client:
        waiting = ["/cases"]
        while not stop.wait(0.1):
            answer = client.get(waiting.pop())
            answers.append(answer.status_code)
            found = re.findall(r'href="(/cases/\d+(?:/terminals/[^"?#]+)?)"', answer.text)
            waiting += dice.sample(found, min(2, len(found)))
            if not waiting or len(waiting) > 20:
                waiting = ["/cases"]


def soak(seconds: float) -> None:
    dice, serial, answers, stop = random.Random(1), 0, list[int](), threading.Event()
    with service() as (options, sessions), web(options) as (link, server):
        made = bundles(options.var)
        reader = threading.Thread(target=read_on, args=(link, stop, answers))
        reader.start()
        with workers(options, 2) as processes:
            begin, samples, of_web = time.monotonic(), list[float](), list[float]()
            while time.monotonic() - begin < seconds:
                while waiting(sessions) < AT_ONCE:
                    add(sessions, options, dice.choice(made), (serial := serial + 1))
                time.sleep(0.2)
                if time.monotonic() - begin > (len(samples) + 1) * seconds / 20:
                    samples.append(memory_mib(processes))
                    of_web.append(memory_mib([server]))
            while waiting(sessions):
                time.sleep(0.2)
            ended = counts(sessions)
            stop.set()
            reader.join()
    errors = sum(number for state, number in ended.items() if state != "done")
    print(
        f"{ended.get('done', 0)} of {serial} bundles done in {time.monotonic() - begin:.0f} s, {errors} errors: {ended}"
    )
    refused = sum(status != 200 for status in answers)
    print(f"{len(answers)} pages read meanwhile, {refused} of them not answered with 200")
    grows = [_grows("workers", samples), _grows("web process", of_web)]
    if errors or refused or any(grows):
        raise SystemExit("not everything ended well" if errors or refused else "memory grows")


def _grows(whose: str, samples: list[float]) -> bool:
    # The first samples are of processes that still load.
    begin_mib, middle_mib, end_mib = (statistics.median(some) for some in (samples[2:6], samples[8:12], samples[-4:]))
    growth = end_mib / begin_mib
    print(f"memory of the {whose}: begin {begin_mib:.0f}, middle {middle_mib:.0f}, end {end_mib:.0f} MiB")
    print(f"growth {growth:.3f}× (wanted at most {GROWTH}): {'grows' if growth > GROWTH else 'does not grow'}")
    return growth > GROWTH


@contextmanager
def web(options: Settings) -> Iterator[tuple[str, psutil.Process]]:
    """The web process alone; gives the link that signs in, and the process."""
    environment = {
        **os.environ, "DATABASE_URL": options.database_url or "", "EADSCOPE_VAR": str(options.var),
        "EADSCOPE_PORT": "0", "EADSCOPE_WORKERS": "0", "EADSCOPE_EXAMPLE": "false", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    command = [sys.executable, "-P", "-m", "app.cli", "serve"]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        link = process.stdout.readline().split()[-1]
        (server,) = psutil.Process(process.pid).children()
        yield link, server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def browse(seconds: float) -> None:
    """The same people without work beside them, and with it."""
    stop, added = threading.Event(), []
    with service() as (options, sessions):
        assert options.database_url is not None
        pages.make(options.database_url)
        made = bundles(options.var)

        def keep_busy() -> None:
            while not stop.wait(0.2):
                while waiting(sessions) < AT_ONCE:
                    added.append(add(sessions, options, made[len(added) % len(made)], len(added)))

        with web(options) as (link, _server):
            cookies, start_page = pages.entry(link)
            print("nobody analyses", flush=True)
            asyncio.run(pages.load(cookies, start_page, 1, USERS, seconds))
            with workers(options, 2):
                feeding = threading.Thread(target=keep_busy)
                feeding.start()
                time.sleep(5)  # until both have loaded
                before = counts(sessions).get("done", 0)
                print("two workers analyse", flush=True)
                asyncio.run(pages.load(cookies, start_page, 1, USERS, seconds))
                done = counts(sessions).get("done", 0) - before
                stop.set()
                feeding.join()
    print(f"{done} bundles analysed meanwhile; wanted: p95 of all under {PAGE_P95_MS} ms")


def cost(requests: int) -> None:
    """What one request of each kind costs the web process, asked for one after the other."""
    with service() as (options, _sessions):
        assert options.database_url is not None
        pages.make(options.database_url)
        with web(options) as (link, server):
            cookies, start_page = pages.entry(link)
            origin = httpx.URL(start_page).copy_with(path="/", query=None)
            kinds: dict[str, list[str]] = {}
            for _ in range(requests):
                for kind, address in (step for visit in pages.visits(1) for step in visit):
                    kinds.setdefault(kind, []).append(address)
            with httpx.Client(base_url=origin, cookies=cookies, trust_env=False, timeout=60) as client:
                for kind, addresses in kinds.items():
                    for address in addresses[:3]:  # until the process has loaded what it needs
                        client.get(address).raise_for_status()
                    begin_s = _used_s(server)
                    for address in addresses:
                        client.get(address).raise_for_status()
                    each_ms = (_used_s(server) - begin_s) / len(addresses) * 1000
                    print(f"{kind:20} {each_ms:6.1f} ms of the processor", flush=True)


def _used_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


KINDS: dict[str, tuple[Callable[[int], None], int]] = {
    "workers": (compare, 24), "soak": (soak, 600), "browse": (browse, 40), "cost": (cost, 50),
}  # fmt: skip

if __name__ == "__main__":
    if not sys.argv[1:] or sys.argv[1] not in KINDS:
        sys.exit(__doc__)
    run, usual = KINDS[sys.argv[1]]
    run(int(sys.argv[2]) if len(sys.argv) > 2 else usual)
