"""The evidence packet as a zip: extracts of the case's files, and documents that speak of those extracts only."""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO

from app import __version__
from app.captures.capture import CaptureError
from app.core.analysis import CapturePoint, CaseAnalysis, Source, SourceKind, Terminal
from app.core.evidence.choice import Choice, choose, find_terminals, identities_of_others
from app.core.evidence.manifest import NAME, Extract, Manifest, capture_counts, write_manifest
from app.core.evidence.statement import write_statement
from app.core.evidence.tables import attempts_csv, sightings_csv
from app.core.network.naming import stem
from app.core.records import Text
from app.core.verdict import to_document
from app.evidence.anonymous import Mask
from app.evidence.captures import extract_capture, merge, to_pcapng
from app.evidence.formats import FOLDER as FORMATS
from app.evidence.formats import taught_formats
from app.evidence.kept import Kept
from app.evidence.logs import extract_log
from app.evidence.readme import Original, Packet, write_readme
from app.evidence.secrets import Secrets
from app.intake import AnalysisSettings, analyze_paths
from app.reports.report import ReportMeta, write_report
from app.sources import BundleFile, parse_log

FOLDER = "evidence"
MERGED = "merged.pcapng"
LOGS = (SourceKind.INODE_LOG, SourceKind.SERVER_LOG)
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class EvidenceOptions:
    """`terminals`: keys, users, MACs or addresses; none means all. `meta` is what the report is headed with."""

    terminals: tuple[str, ...] = ()
    lang: str = "en"
    meta: ReportMeta = field(default_factory=ReportMeta)
    archive_name: str = "evidence.zip"  # as the statement's command names it
    secrets: Secrets | None = None  # given: everything is anonymised; it learns what stands for what


def write_evidence(
    output: IO[bytes],
    analysis: CaseAnalysis,
    files: Sequence[BundleFile],
    settings: AnalysisSettings,
    options: EvidenceOptions,
    progress: Progress = lambda step, fraction: None,
) -> tuple[Text, ...]:
    """Write the packet into a seekable file; returns what the receiver should know of it.

    `files` are those that gave `analysis`, `settings` what was said then. The documents come from analysing the
    packet's own extracts, so every line and frame number in them can be looked up in the packet; where that analysis
    judges otherwise than the whole case did, it is said. Raises NoSuchTerminal, OSError.
    """
    choice = choose(analysis, find_terminals(analysis, options.terminals))
    kept = _gather(analysis, files, settings, choice, lambda done: progress("extract", done))
    meta = options.meta
    if options.secrets is not None:
        mask = Mask(options.secrets, analysis, kept)
        kept = mask.kept()
        meta = replace(meta, title=mask.text(meta.title), site=mask.text(meta.site), bundle_hash="")
        settings = replace(settings, order=tuple(map(mask.path, settings.order)))
    content = kept.formats | dict(kept.files) | {path: to_pcapng(extract) for path, extract in kept.captures.items()}
    manifest = _manifest(kept, content, settings)
    progress("analyse", 0.0)
    with tempfile.TemporaryDirectory(prefix="eadscope-evidence-") as name:
        again = _analyze(Path(name), {**content, NAME: manifest}, settings)
    progress("report", 0.0)
    mine = mask.terminals(choice.terminals) if options.secrets is not None else choice.terminals
    kept.problems.extend(differences(mine, again.terminals))
    documents = _documents(again, kept, replace(options, meta=meta), lambda done: progress("report", done))
    packet = {**documents, NAME: manifest, **content}
    if options.secrets is not None:
        kept.problems.extend(mask.leaks(packet))
        packet["README.md"] = _readme(kept, replace(options, meta=meta))
    _zip(output, packet)
    progress("report", 1.0)
    return tuple(kept.problems)


# ---------------------------------------------------------------- extracts


def _gather(
    analysis: CaseAnalysis,
    files: Sequence[BundleFile],
    settings: AnalysisSettings,
    choice: Choice,
    progress: Callable[[float], None],
) -> Kept:
    by_name = {file.name: file for file in files if file.is_readable}
    ports = settings.ports | _ports(choice.terminals)
    foreign = identities_of_others(analysis, choice)
    points = {point.name: point for point in analysis.capture_points}
    kept = Kept()
    for number, source in enumerate(analysis.sources):
        progress(number / len(analysis.sources))
        file = by_name.get(source.path)
        if file is None or source.kind is SourceKind.OTHER:
            continue
        try:
            if source.kind is SourceKind.CAPTURE:
                _take_capture(kept, source, file, settings, choice, ports, points)
            elif source.kind in LOGS:
                _take_log(kept, source, file, settings, choice, foreign)
            else:
                _keep(kept, source, file.path.read_bytes(), is_whole=True)
        except (CaptureError, OSError) as error:
            kept.problems.append(
                Text(f"{source.path} could not be read again: {error}", f"无法再次读取 {source.path}：{error}")
            )
    progress(1.0)
    return kept


def _ports(terminals: Sequence[Terminal]) -> frozenset[int]:
    """Ports of the policy servers that the chosen terminals spoke with."""
    found: set[int] = set()
    for terminal in terminals:
        for session in terminal.sessions:
            for message in session.messages:
                for attempt in message.attempts:
                    if attempt.datagram is not None:
                        ends = (attempt.datagram.source, attempt.datagram.destination)
                        server = ends[1 if message.direction == "to_server" else 0].rpartition(":")[2]
                        found |= {int(server)} if server.isdecimal() and 0 < int(server) < 65536 else set()
    return frozenset(found)


def _take_capture(
    kept: Kept,
    source: Source,
    file: BundleFile,
    settings: AnalysisSettings,
    choice: Choice,
    ports: frozenset[int],
    points: Mapping[str, CapturePoint],
) -> None:
    """A capture with none of the chosen frames is kept too: that it is empty may be what matters."""
    point = points.get(source.capture_point or "")
    if source.capture is None or point is None:
        return
    extract = extract_capture(file.path, source.path, point, choice, ports)
    path = _free(f"{FOLDER}/{_with_suffix(source.path)}", kept)
    kept.captures[path] = extract
    kept.extracts[path] = Extract(
        sha256="",
        point=point.name,
        capture=capture_counts(source.capture),
        manual_offset_s=settings.manual_offset_s.get(source.path),
    )
    kept.originals.append(
        Original(path, source.path, source.sha256, source.size_bytes, len(extract.frames), source.records)
    )


def _take_log(
    kept: Kept,
    source: Source,
    file: BundleFile,
    settings: AnalysisSettings,
    choice: Choice,
    foreign: frozenset[str],
) -> None:
    given = settings.log_formats.get(source.path), settings.encodings.get(source.path)
    facts = parse_log(file, source.kind, *given, settings.formats_folders).source.log
    extract = extract_log(file.path, facts, choice, foreign) if facts is not None else None
    if extract is not None and facts is not None:
        _keep(kept, source, extract.content, is_whole=extract.is_whole, settings=settings)
        kept.formats |= taught_formats(settings.formats_folders, [facts.format])


def _keep(
    kept: Kept, source: Source, content: bytes, *, is_whole: bool, settings: AnalysisSettings | None = None
) -> None:
    path = _free(f"{FOLDER}/{_safe(source.path)}", kept)
    kept.files[path] = content
    span = {"first_ns": source.first_ns, "last_ns": source.last_ns}
    kept.extracts[path] = Extract(
        sha256="",
        log={} if is_whole else {name: at for name, at in span.items() if at is not None},
        zone_offset_s=settings.zones.get(source.path) if settings else None,
        manual_offset_s=settings.manual_offset_s.get(source.path) if settings else None,
        encoding=settings.encodings.get(source.path) if settings else None,
        log_format=settings.log_formats.get(source.path) if settings else None,
    )
    kept.originals.append(Original(path, source.path, source.sha256, source.size_bytes, len(content), None))


def _safe(path: str) -> str:
    """The path with nothing in it that an unpacker would object to."""
    parts = [part for part in PurePosixPath(path.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    return "/".join("".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in part) for part in parts)


def _with_suffix(path: str) -> str:
    safe = PurePosixPath(_safe(path))
    return str(safe.with_name(f"{stem(safe.name)}.pcapng"))


def _free(path: str, kept: Kept) -> str:
    taken, number, place = {*kept.captures, *kept.files}, 1, PurePosixPath(path)
    while str(place) in taken:
        number += 1
        place = PurePosixPath(path).with_name(f"{PurePosixPath(path).stem} ({number}){PurePosixPath(path).suffix}")
    return str(place)


# ---------------------------------------------------------------- the packet's own analysis


def _manifest(kept: Kept, content: dict[str, bytes], settings: AnalysisSettings) -> bytes:
    extracts = {
        path: replace(extract, sha256=hashlib.sha256(content[path]).hexdigest())
        for path, extract in kept.extracts.items()
    }
    return write_manifest(
        Manifest(extracts, frozenset((*GENERATED, *kept.formats)), tuple(sorted(settings.ports)), settings.order),
        __version__,
    )


GENERATED = (
    "README.md", "report.pdf", "verdict.json", "attempts.csv", "sightings.csv", MERGED,
    "statement.en.md", "statement.zh.md",
)  # fmt: skip


def _analyze(folder: Path, files: dict[str, bytes], settings: AnalysisSettings) -> CaseAnalysis:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    # With the formats as they are in the packet, last: they outweigh those of the same name.
    folders = (*settings.formats_folders, folder / FORMATS) if (folder / FORMATS).is_dir() else settings.formats_folders
    return analyze_paths([folder], AnalysisSettings(formats_folders=folders, processes=1))


def differences(before: Sequence[Terminal], after: Sequence[Terminal]) -> list[Text]:
    """Where the packet, analysed alone, judges a terminal otherwise than the whole case did."""
    found = {(t.user, t.mac, t.ip if not (t.user or t.mac) else ()): judged(t) for t in after}
    told = []
    for terminal in before:
        key = (terminal.user, terminal.mac, terminal.ip if not (terminal.user or terminal.mac) else ())
        if found.get(key) != judged(terminal):
            name = terminal.user or terminal.mac or ", ".join(terminal.ip) or terminal.key
            told.append(
                Text(
                    f"{name}: analysed by itself this packet does not give all of what the whole case gave, since that "
                    "rests on other terminals too.",
                    f"{name}：单独分析本证据包得不到整个案例的全部结论，因为部分结论还依据其他终端的数据。",
                )
            )
    return told


def judged(terminal: Terminal) -> tuple[str, frozenset[tuple[str, tuple[str, str] | None]]]:
    """What a verdict says of a terminal: its outcome, and the codes and legs of what went wrong."""
    errors = {(finding.code, finding.between) for finding in terminal.findings if finding.severity == "error"}
    return terminal.outcome.value, frozenset(errors)


def _documents(
    again: CaseAnalysis,
    kept: Kept,
    options: EvidenceOptions,
    progress: Callable[[float], None],
) -> dict[str, bytes]:
    command = _command(kept, options)
    terminals, points, title = again.terminals, again.capture_points, options.meta.title
    verdict = json.dumps(to_document(again), ensure_ascii=False, indent=1)
    tables = {"attempts.csv": attempts_csv(terminals), "sightings.csv": sightings_csv(terminals, points)}
    texts = {
        "verdict.json": verdict + "\n",
        "statement.en.md": write_statement(terminals, points, "en", title, command),
        "statement.zh.md": write_statement(terminals, points, "zh", title, command),
    }
    documents = {name: text.encode("utf-8", "replace") for name, text in texts.items()}
    # Spreadsheets take a table for UTF-8 only where it says so.
    documents |= {name: text.encode("utf-8-sig", "replace") for name, text in tables.items()}
    documents["report.pdf"] = write_report(again, options.lang, options.meta, progress)
    documents[MERGED] = merge(list(kept.captures.values()))
    return documents | {"README.md": _readme(kept, options)}


def _command(kept: Kept, options: EvidenceOptions) -> str:
    name = options.archive_name
    if not kept.formats:
        return f"eadscope analyze {name}"
    folder = PurePosixPath(name).stem
    return f"unzip {name} -d {folder} && eadscope analyze {folder} --formats {folder}/{FORMATS}"


def _readme(kept: Kept, options: EvidenceOptions) -> bytes:
    is_anonymous = options.secrets is not None
    packet = Packet(
        options.meta.title,
        kept.originals,
        kept.problems,
        _command(kept, options),
        __version__,
        is_anonymous=is_anonymous,
    )
    return write_readme(packet).encode("utf-8", "replace")


def _zip(output: IO[bytes], files: dict[str, bytes]) -> None:
    """The same files give the same bytes: no times, one order."""
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(files, key=lambda path: (path.startswith(FOLDER + "/"), path)):
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[path])
