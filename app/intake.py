"""From files on disk to one analysis: unpack, sniff, parse (in several processes), analyse. No database, no server."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from app import log_parts
from app.collector import collector_paused
from app.core.analysis import CaseAnalysis, Source, SourceKind
from app.core.pipeline import DEFAULT_PORTS, ParsedSource, PipelineSettings, analyze, announced_ports
from app.core.records import Text
from app.core.sessions.cut_bodies import with_whole_bodies
from app.evidence.repeat import find_packets
from app.readers import Job, read_captures, read_files, tshark_kept
from app.sources import BundleFile, SniffedKind, parse_device, parse_log, sniff
from app.unpacking.bundles import Unpacked, unpack

Progress = Callable[[str, float], None]
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
    captures = by_kind.get(SourceKind.CAPTURE, ())
    with tshark_kept(files, captures):
        _keep("logs", read_files(log_jobs, settings.processes), len(log_jobs), progress, done)
        whole = with_whole_bodies(one.source for one in done.values())
        done = {source.path: replace(done[source.path], source=source) for source in whole}
        ports = settings.ports | announced_ports([p.source.log for p in done.values() if p.source.log is not None])
        _keep("captures", read_captures(captures, ports, settings.processes), len(captures), progress, done)
    return [done[f.name] for f in files]


def _keep(
    step: str, parsed: Generator[ParsedSource], expected: int, progress: Progress, done: dict[str, ParsedSource]
) -> None:
    progress(step, 0.0)
    with closing(parsed):  # also where nobody wants to hear of it any more
        for number, one in enumerate(parsed, start=1):
            done[one.source.path] = one
            progress(step, number / expected)


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


def _unused(file: BundleFile, sniffed: SniffedKind) -> ParsedSource:
    """A file that is listed but not analysed, with the reason."""
    notes = file.notes + ((sniffed.reason,) if sniffed.reason is not None else ())
    source = Source(path=file.name, sha256=file.sha256, size_bytes=file.size_bytes, kind=SourceKind.OTHER, notes=notes)
    return ParsedSource(source)
