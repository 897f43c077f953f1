"""What a web process tells Prometheus: its own requests, and the state of the whole service as the database has it.

Each process is scraped by itself. What is read from the database is the same in all of them: take the maximum over
processes, not the sum.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from app import __version__
from app.config import Settings
from app.db.operations import database_now, ended_since, queue_lengths, queue_wait_s, stored, workers
from app.sandbox import walls

REQUEST_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 120)
ANALYSIS_BUCKETS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
# A run's end is written a moment before it is committed: look back that far, and leave out what was counted.
LATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Disk:
    total: int
    free: int


class Metrics:
    """One process's registry. `collect` is what `/metrics` answers."""

    def __init__(self, sessions: sessionmaker[Session], options: Settings) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self.requests = Histogram(
            "eadscope_request_duration_seconds", "Requests of this process, by the router's template of the address.",
            ("method", "route", "status"), buckets=REQUEST_BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        self.received = Counter(
            "eadscope_received_bytes", "Bytes of request bodies that this process took in (uploads, mostly).",
            ("route",), registry=self.registry,
        )  # fmt: skip
        self.running = Gauge("eadscope_requests_running", "Requests under way.", registry=self.registry)
        # Before what it counts: collectors are asked in this order.
        self.registry.register(_Service(sessions, options, self._count_ended))
        self._analyses = Counter(
            "eadscope_analyses", "Analyses that ended since this process started, by how.",
            ("outcome",), registry=self.registry,
        )  # fmt: skip
        self._durations = Histogram(
            "eadscope_analysis_duration_seconds", "How long those took, from a worker's start to the saved results.",
            ("outcome",), buckets=ANALYSIS_BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        info = Gauge("eadscope_build_info", "Always 1.", ("version",), registry=self.registry)
        info.labels(__version__).set(1)
        around = Gauge("eadscope_tool_walls", "Always 1; what surrounds tshark.", ("kind",), registry=self.registry)
        around.labels(walls().value).set(1)
        self._seen: dict[int, datetime] = {}
        self._since: datetime | None = None
        self._lock = Lock()

    def collect(self) -> bytes:
        return generate_latest(self.registry)

    def _count_ended(self, db: Session) -> None:
        """Analyses that ended since the last time, each once."""
        with self._lock:
            if self._since is None:
                self._since = database_now(db)
                return
            for run in ended_since(db, self._since - LATE):
                if run.id not in self._seen and run.finished_at >= self._since - LATE:
                    self._seen[run.id] = run.finished_at
                    self._analyses.labels(run.state).inc()
                    if run.duration_s is not None:
                        self._durations.labels(run.state).observe(run.duration_s)
            newest = max(self._seen.values(), default=self._since)
            self._since = max(self._since, newest)
            self._seen = {number: at for number, at in self._seen.items() if at >= self._since - 2 * LATE}


class _Service:
    """The service's state, read at each scrape."""

    def __init__(
        self, sessions: sessionmaker[Session], options: Settings, on_session: Callable[[Session], None]
    ) -> None:
        self._sessions, self._options, self._on_session = sessions, options, on_session

    def describe(self) -> list[Metric]:
        return []  # asked at registration, when the database may be away

    def collect(self) -> Iterator[Metric]:
        yield from self._disk()
        up = GaugeMetricFamily("eadscope_database_up", "1 where the database answers.")
        try:
            found = list(self._database())
        except (DBAPIError, PoolTimeout):
            up.add_metric([], 0)
            found = []
        else:
            up.add_metric([], 1)
        yield up
        yield from found

    def _database(self) -> Iterator[Metric]:
        with self._sessions() as db:
            self._on_session(db)
            queue = GaugeMetricFamily("eadscope_queue_analyses", "Analyses that wait or run.", labels=["state"])
            for state, number in queue_lengths(db).items():
                queue.add_metric([state], number)
            yield queue
            yield _gauge("eadscope_queue_wait_seconds", "How long the oldest has waited.", queue_wait_s(db))
            longest = self._options.stalled_after_s
            found = workers(db)
            alive = sum(worker.silent_s <= longest for worker in found)
            yield _gauge("eadscope_workers", "Worker processes that were heard of lately in all their lanes.", alive)
            lanes = sum(lane.silent_s <= longest for worker in found for lane in worker.lanes)
            yield _gauge("eadscope_worker_lanes", "Queues served by workers that were heard of lately.", lanes)
            kept = stored(db)
            yield _gauge("eadscope_stored_files", "Different files in the storage.", kept.files)
            yield _gauge("eadscope_stored_bytes", "Their size together.", kept.size_bytes)

    def _disk(self) -> Iterator[Metric]:
        usage = disk(self._options.var)
        if usage is not None:
            yield _gauge("eadscope_disk_free_bytes", "Where uploads and scratch space lie.", usage.free)
            yield _gauge("eadscope_disk_total_bytes", "The same.", usage.total)


def disk(folder: Path) -> Disk | None:
    """Of the file system that `folder` is on; None where it is away."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return Disk(usage.total, usage.free)


def _gauge(name: str, text: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, text)
    family.add_metric([], value)
    return family
