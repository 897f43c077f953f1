"""From files on disk to one analysis: unpack, sniff, parse (in several processes), analyse. No database, no server."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.util import Finalize
from pathlib import Path
from threading import local

from app import log_parts
from app.captures.capture import CaptureLimits
from app.captures.dissector import Dissector
from app.collector import collector_paused
from app.core.analysis import CaseAnalysis, Source, SourceKind
from app.core.pipeline import DEFAULT_PORTS, ParsedSource, PipelineSettings, analyze, announced_ports
from app.core.records import Text
from app.core.sessions.cut_bodies import with_whole_bodies
from app.evidence.repeat import find_packets
from app.sources import BundleFile, SniffedKind, parse_capture, parse_device, parse_log, sniff
from app.unpacking.bundles import Unpacked, unpack

Progress = Callable[[str, float], None]
Job = tuple[Callable[..., ParsedSource], tuple[object, ...]]
# Starting more readers takes a second, in which one reads some 300 MB of captures (bench/bundle.py); far less where
# all frames are of the exchange.
SMALL_BYTES = 64 << 20
READERS_NEED = ("app.sources", "app.captures.frames")
UNREADABLE = SniffedKind(SourceKind.OTHER)  # the unpacker has said why


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """What the user said about the case. Keys of mappings are source paths unless named otherwise."""

    ports: frozenset[int] = DEFAULT_PORTS
    point_names: dict[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()  # point names, client first
    manual_offset_s: dict[str, float] = field(default_factory=dict)
    zones: dict[str, int] = field(default_factory=dict)  # seconds east of UTC
    encodings: dict[str, str] = field(default_factory=dict)
    log_formats: dict[str, str] = field(default_factory=dict)
    formats_folders: tuple[Path, ...] = ()
    processes: int = 0  # 0: one for each core


def analyze_paths(
    paths: Sequence[Path], settings: AnalysisSettings | None = None, progress: Progress = lambda step, fraction: None
) -> CaseAnalysis:
    """Archives, folders or loose files → the analysis. `progress` hears a step's name and its fraction (0..1)."""
    progress("unpack", 0.0)
    with tempfile.TemporaryDirectory(prefix="eadscope-") as folder:
        unpacked = unpack([Path(path) for path in paths], Path(folder))
        progress("unpack", 1.0)
        return analyze_files(bundle_files(unpacked), settings, progress)


def bundle_files(unpacked: Unpacked) -> list[BundleFile]:
    """The unpacker's files, and the ones it had to leave out, by name: the order of an upload must change nothing."""
    files = [BundleFile(f.path, f.name, f.sha256, f.size, f.notes) for f in unpacked.files]
    refused = [BundleFile(Path(), r.name, "", r.size, (r.reason,), is_readable=False) for r in unpacked.refused]
    return sorted(files + refused, key=lambda file: file.name)


def analyze_files(
    files: Sequence[BundleFile],
    settings: AnalysisSettings | None = None,
    progress: Progress = lambda step, fraction: None,
) -> CaseAnalysis:
    """The same for files that are already unpacked; nothing is written."""
    settings = settings or AnalysisSettings()
    packets = find_packets(files)
    if packets is not None:
        settings = packets.settings(settings)
    parsed = _parse_all(files, settings, progress, packets.unused if packets is not None else {})
    if packets is not None:
        parsed = [packets.completed(one) for one in parsed]
    pipeline = PipelineSettings(
        ports=settings.ports,
        point_names=settings.point_names,
        order=settings.order,
        manual_offset_s=settings.manual_offset_s,
        zones=settings.zones,
    )
    with collector_paused():
        return analyze(parsed, pipeline, progress)


def _parse_all(
    files: Sequence[BundleFile], settings: AnalysisSettings, progress: Progress, unused: Mapping[str, Text]
) -> list[ParsedSource]:
    """Logs first: they announce the ports and servers that captures are then read for. `unused`: why not, by name."""
    kinds = {f.name: _kind(f, settings, unused) for f in files}
    by_kind: dict[SourceKind, list[BundleFile]] = {}
    for file in files:
        by_kind.setdefault(kinds[file.name].kind, []).append(file)
    done = {f.name: _unused(f, kinds[f.name]) for f in by_kind.get(SourceKind.OTHER, ())}
    log_jobs: list[Job] = [
        (parse_log, (f, kind, *_said_of_log(f, settings), _processes_for_each(by_kind.get(kind, ()), settings)))
        for kind in (SourceKind.INODE_LOG, SourceKind.SERVER_LOG)
        for f in by_kind.get(kind, ())
    ]
    log_jobs += [(parse_device, (f, settings.formats_folders)) for f in by_kind.get(SourceKind.DEVICE, ())]
    _run(log_jobs, settings, lambda fraction: progress("logs", fraction), done)
    whole = with_whole_bodies(one.source for one in done.values())
    done = {source.path: replace(done[source.path], source=source) for source in whole}
    ports = settings.ports | announced_ports([p.source.log for p in done.values() if p.source.log is not None])
    capture_jobs: list[Job] = [(_parse_capture, (f, ports)) for f in by_kind.get(SourceKind.CAPTURE, ())]
    try:
        _run(capture_jobs, settings, lambda fraction: progress("captures", fraction), done)
    finally:
        _tshark.dissector.close()
    return [done[f.name] for f in files]


def _said_of_log(file: BundleFile, settings: AnalysisSettings) -> tuple[str | None, str | None, tuple[Path, ...]]:
    return settings.log_formats.get(file.name), settings.encodings.get(file.name), settings.formats_folders


def _processes_for_each(files: Sequence[BundleFile], settings: AnalysisSettings) -> int:
    """The large logs share the cores."""
    large = sum(file.size_bytes >= log_parts.SMALL_BYTES for file in files)
    return max((settings.processes or os.cpu_count() or 1) // max(large, 1), 1)


def _kind(file: BundleFile, settings: AnalysisSettings, unused: Mapping[str, Text]) -> SniffedKind:
    if not file.is_readable:
        return UNREADABLE
    if file.name in unused:
        return SniffedKind(SourceKind.OTHER, unused[file.name])
    sniffed = sniff(file.path, settings.formats_folders)
    if sniffed.kind is SourceKind.OTHER and file.name in settings.log_formats:
        return SniffedKind(SourceKind.SERVER_LOG)  # a person knows what its content does not show
    return sniffed


def _run(
    jobs: Sequence[Job],
    settings: AnalysisSettings,
    report: Callable[[float], None],
    done: dict[str, ParsedSource],
) -> None:
    """Runs the parsers, on all cores where the work is worth it."""
    report(0.0)
    jobs = sorted(jobs, key=_size, reverse=True)  # the longest last would leave the other cores idle
    workers = min(settings.processes or os.cpu_count() or 1, len(jobs))
    finished = 0

    def keep(result: ParsedSource) -> None:
        nonlocal finished
        finished += 1
        done[result.source.path] = result
        report(finished / len(jobs))

    if workers < 2 or sum(map(_size, jobs)) < SMALL_BYTES:
        for function, arguments in jobs:
            keep(function(*arguments))
        return
    # Forking a process that has threads (a worker has) is unsafe: a server forks them that has none. What readers need
    # is loaded there once: they begin at once, and share its memory.
    forks = get_context("forkserver")
    forks.set_forkserver_preload(list(READERS_NEED))
    with ProcessPoolExecutor(workers, forks, _begin_reader, (os.getpgrp(),)) as pool:
        futures: list[Future[ParsedSource]] = [pool.submit(function, *arguments) for function, arguments in jobs]
        for future in as_completed(futures):
            keep(future.result())


def _size(job: Job) -> int:
    file = job[1][0]
    return file.size_bytes if isinstance(file, BundleFile) else 0


def _begin_reader(group: int) -> None:
    """The processes of one analysis are one group, whoever forked them, so that they end together."""
    os.setpgid(0, group)
    Finalize(None, _tshark.dissector.close, exitpriority=0)


class _Tshark(local):
    """What a process reads its captures with, one by one: tshark takes as long to start as for 17,000 frames."""

    def __init__(self) -> None:
        self.dissector = Dissector(CaptureLimits().tool, is_kept=True)


_tshark = _Tshark()


def _parse_capture(file: BundleFile, ports: frozenset[int]) -> ParsedSource:
    return parse_capture(file, ports, _tshark.dissector)


def _unused(file: BundleFile, sniffed: SniffedKind) -> ParsedSource:
    """A file that is listed but not analysed, with the reason."""
    notes = file.notes + ((sniffed.reason,) if sniffed.reason is not None else ())
    source = Source(path=file.name, sha256=file.sha256, size_bytes=file.size_bytes, kind=SourceKind.OTHER, notes=notes)
    return ParsedSource(source)
