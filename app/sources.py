"""One file: what it is (its content decides, never its name), and its parser's result with everything that went wrong.

A file that cannot be read is listed with the reason; it never takes the rest of the bundle with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from app.captures.capture import CaptureError, read_capture, sniff_capture_file
from app.captures.dissector import Dissector
from app.collector import collector_paused
from app.core.analysis import Source, SourceKind
from app.core.evidence.manifest import IS_MERGED, is_merged
from app.core.fragmentation.reassembly import reassemble
from app.core.parsers.devices import parse_device_output, sniff_device_output
from app.core.parsers.inode_log import sniff_inode_log
from app.core.parsers.log_choice import has_times, sniff_server_log
from app.core.parsers.log_format import LogFormat
from app.core.parsers.server_log import parse_server_log
from app.core.pipeline import ParsedSource
from app.core.records import CaptureFacts, LogFacts, Side, Text
from app.device_formats import load_device_formats
from app.log_formats import load_formats
from app.log_parts import blocks, parse_inode_file

HEAD_BYTES = 256 << 10
SAMPLES, SAMPLE_BYTES = 16, 32 << 10
SURE = 0.25  # below this score a text is nobody's log

EMPTY = Text("The file is empty.", "文件为空。")
NOT_KNOWN = Text(
    "Neither a capture nor a log of the EAD exchange, judged by its content; not used.",
    "按内容判断，既不是抓包文件，也不是 EAD 相关日志，未使用。",
)
NO_EXCHANGE = Text(
    "A text with times, but no line of it names both a message number of the exchange and a terminal (event id, MAC, "
    "user or address); not used. If it is the policy server's log, teach its format.",
    "带时间的文本，但没有任何一行同时给出 EAD 报文编号和终端（事件标识、MAC、用户名或地址），未使用。"
    "若它是策略服务器日志，请为其定义日志格式。",
)
BINARY = Text(
    "Binary content that is no capture (pcap, pcapng); not used. If this should be a log, export it again as text.",
    "内容为二进制，且不是抓包文件（pcap、pcapng），未使用。若它应为日志，请重新以文本形式导出。",
)


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file to look at: where it lies, and the path within the bundle that everybody reads."""

    path: Path
    name: str
    sha256: str
    size_bytes: int
    notes: tuple[Text, ...] = ()
    is_readable: bool = True


@dataclass(frozen=True, slots=True)
class SniffedKind:
    kind: SourceKind
    reason: Text | None = None  # why it is not used


def sniff(path: Path, formats_folders: tuple[Path, ...] = ()) -> SniffedKind:
    """What a file is, by its first bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        return SniffedKind(SourceKind.OTHER, _unreadable(error))
    if not head:
        return SniffedKind(SourceKind.OTHER, EMPTY)
    if sniff_capture_file(path) is not None:
        return SniffedKind(SourceKind.OTHER, IS_MERGED) if is_merged(head) else SniffedKind(SourceKind.CAPTURE)
    formats = load_formats(formats_folders)
    kind = _kind_of_text(head, formats, formats_folders)
    if kind is None and has_times(head, formats):
        # A long log may tell of something else for a while: look into its middle too.
        kind = _kind_of_text(_samples(path), formats, formats_folders)
        return SniffedKind(SourceKind.OTHER, NO_EXCHANGE) if kind is None else SniffedKind(kind)
    if kind is not None:
        return SniffedKind(kind)
    return SniffedKind(SourceKind.OTHER, BINARY if b"\x00" in head and not _is_utf16(head) else NOT_KNOWN)


def _kind_of_text(text: bytes, formats: tuple[LogFormat, ...], formats_folders: tuple[Path, ...]) -> SourceKind | None:
    scores = {
        SourceKind.INODE_LOG: sniff_inode_log(text),
        SourceKind.SERVER_LOG: sniff_server_log(text, formats)[0],
        SourceKind.DEVICE: sniff_device_output(text, load_device_formats(formats_folders)),
    }
    best = max(scores, key=lambda kind: scores[kind])
    return best if scores[best] >= SURE else None


def _samples(path: Path) -> bytes:
    """Whole lines from places spread over the file."""
    size = path.stat().st_size
    parts: list[bytes] = []
    with path.open("rb") as file:
        for number in range(SAMPLES):
            file.seek(size * number // SAMPLES)
            _, _, whole = file.read(SAMPLE_BYTES).partition(b"\n")
            parts.append(whole.rpartition(b"\n")[0])
    return b"\n".join(parts)


def _is_utf16(head: bytes) -> bool:
    return head[:2] in (b"\xff\xfe", b"\xfe\xff")


def _unreadable(error: OSError) -> Text:
    return Text(f"The file cannot be read: {error.strerror}.", f"无法读取文件：{error.strerror}。")


def _base(file: BundleFile, kind: SourceKind) -> Source:
    return Source(path=file.name, sha256=file.sha256, size_bytes=file.size_bytes, kind=kind, notes=file.notes)


def parse_log(
    file: BundleFile,
    kind: SourceKind,
    chosen: str | None,
    encoding: str | None,
    formats_folders: tuple[Path, ...],
    processes: int = 1,
) -> ParsedSource:
    """An iNode log or a server log; `chosen` forces a server-log format, `encoding` a text encoding. A large iNode log
    is read by so many processes."""
    try:
        if kind is SourceKind.INODE_LOG and chosen is None:
            facts = parse_inode_file(file.path, file.name, encoding, processes)
        else:
            facts = parse_server_log(
                blocks(file.path), file.name, load_formats(formats_folders), chosen=chosen, encoding=encoding,
                not_after_ns=file.path.stat().st_mtime_ns,
            )  # fmt: skip
    except OSError as error:
        return ParsedSource(_refused(file, _unreadable(error)))
    return ParsedSource(_log_source(_base(file, kind), facts))


def _log_source(base: Source, facts: LogFacts) -> Source:
    return replace(
        base,
        kind=SourceKind.INODE_LOG if facts.side is Side.CLIENT else SourceKind.SERVER_LOG,
        records=facts.records,
        rejected=facts.rejected_lines,
        first_ns=facts.first_ns,
        last_ns=facts.last_ns,
        encoding=facts.encoding,
        log_format=facts.format,
        log_format_score=facts.format_score,
        notes=base.notes + facts.notes,
        log=facts,
    )


def parse_device(file: BundleFile, formats_folders: tuple[Path, ...]) -> ParsedSource:
    """Pasted or uploaded output of a network device."""
    try:
        facts = parse_device_output(blocks(file.path), file.name, load_device_formats(formats_folders))
    except OSError as error:
        return ParsedSource(_refused(file, _unreadable(error)))
    base = _base(file, SourceKind.DEVICE)
    source = replace(
        base,
        records=sum(len(part.records) for part in facts),
        rejected=max(max((p.lines for p in facts), default=0) - sum(p.used_lines for p in facts), 0),
        log_format=", ".join(part.format for part in facts) or None,
    )
    return ParsedSource(source, devices=facts)


def parse_capture(file: BundleFile, ports: frozenset[int], dissector: Dissector | None = None) -> ParsedSource:
    """A capture: its own facts, and the datagrams that may have to do with EAD. `dissector`: see `read_capture`."""
    try:
        capture = read_capture(file.path, file.name, ports=ports, dissector=dissector)
    except CaptureError as error:
        return ParsedSource(_refused(file, error.text))
    except OSError as error:
        return ParsedSource(_refused(file, _unreadable(error)))
    source = _capture_source(_base(file, SourceKind.CAPTURE), capture.facts)
    quotes = tuple(packet for packet in capture.packets if packet.quote is not None)
    with collector_paused():
        return ParsedSource(source, reassemble(capture.packets), quotes)


def _capture_source(base: Source, facts: CaptureFacts) -> Source:
    return replace(
        base,
        records=facts.frames,
        first_ns=facts.first_ns,
        last_ns=facts.last_ns,
        notes=base.notes + facts.notes,
        capture=facts,
    )


def _refused(file: BundleFile, reason: Text) -> Source:
    return replace(_base(file, SourceKind.OTHER), notes=(*file.notes, reason))
