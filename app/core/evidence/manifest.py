"""What an evidence packet says of itself, so that analysing it again gives the verdict of the whole case.

An extract holds a few frames of a capture. Whether that capture was filtered, when it ran and what else it had is what
lets an analysis call a fragment missing; those counts are taken along here, each bound to the extract's own SHA-256.
Everything that is read is checked: the manifest may come from anybody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.core.records import CaptureFacts, LogFacts, Text

NAME = "eadscope-evidence.json"
MARK = "eadscope_evidence"
VERSION = 1
MERGED_MARK = "EADScope merged"  # how the comment of a merged capture's section begins
LONGEST_BYTES = 8 << 20
LIMIT = 2**62

IS_MANIFEST = Text(
    "Says what this evidence packet is an extract of; used, not analysed.",
    "证据包自身的说明文件，已用于分析，不作为数据分析。",
)
IS_MERGED = Text(
    "Captures of several points merged by EADScope, with corrected times: for people to look at. Not analysed, since "
    "merging makes datagrams whole that no point saw whole.",
    "EADScope 合并的多点抓包（时间已校正），仅供查看；不参与分析，因为合并会使任何一点都未完整见到的报文显得完整。",
)
IS_GENERATED = Text("Written by EADScope about this case; not analysed.", "EADScope 为本案例生成的文件，不参与分析。")
COUNTS_TAKEN = Text(
    "An extract: what the whole capture held, and when it ran, is taken from the evidence packet's manifest.",
    "该文件为摘录：完整抓包的计数与起止时间取自证据包的说明文件。",
)
LOG_TAKEN = Text(
    "An extract: when the whole log begins and ends is taken from the evidence packet's manifest.",
    "该文件为摘录：完整日志的起止时间取自证据包的说明文件。",
)

# Of a whole capture, what an extract of it cannot show.
SPANS = ("quiet_spans", "unread_spans")
COUNTS = (
    "cut_frames",
    "non_ip_frames",
    "tcp_frames",
    "other_frames",
    "udp_frames",
    "first_fragments",
    "later_fragments",
    "oversize_frames",
    "steps_back",
)


@dataclass(frozen=True, slots=True)
class Extract:
    """One file of the packet. `capture` are fields of CaptureFacts, `log` of LogFacts."""

    sha256: str
    point: str | None = None
    capture: dict[str, Any] = field(default_factory=dict)
    log: dict[str, int] = field(default_factory=dict)
    zone_offset_s: int | None = None
    manual_offset_s: float | None = None
    encoding: str | None = None
    log_format: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """Keys are paths beside the manifest."""

    extracts: dict[str, Extract] = field(default_factory=dict)
    generated: frozenset[str] = frozenset()
    ports: tuple[int, ...] = ()
    order: tuple[str, ...] = ()


def capture_counts(facts: CaptureFacts) -> dict[str, Any]:
    """What `with_counts` gives back to an extract's own facts."""
    counts: dict[str, Any] = {name: getattr(facts, name) for name in COUNTS}
    return counts | {
        "first_ns": facts.first_ns,
        "last_ns": facts.last_ns,
        "shortest_cut_bytes": facts.shortest_cut_bytes,
        "is_truncated": facts.is_truncated,
        "udp_ports": list(facts.udp_ports),
        **{name: [list(span) for span in getattr(facts, name)] for name in SPANS},
    }


def with_counts(facts: CaptureFacts, extract: Extract) -> CaptureFacts:
    return replace(facts, **extract.capture, notes=(*facts.notes, COUNTS_TAKEN)) if extract.capture else facts


def with_span(facts: LogFacts, extract: Extract) -> LogFacts:
    if not extract.log:
        return facts
    first, last = extract.log.get("first_ns", facts.first_ns), extract.log.get("last_ns", facts.last_ns)
    return replace(facts, first_ns=first, last_ns=last, notes=(*facts.notes, LOG_TAKEN))


def write_manifest(manifest: Manifest, tool_version: str) -> bytes:
    document = {
        MARK: VERSION,
        "tool": f"EADScope {tool_version}",
        "ports": list(manifest.ports),
        "order": list(manifest.order),
        "generated": sorted(manifest.generated),
        "files": {
            path: {name: value for name, value in _fields(extract).items() if value not in (None, {})}
            for path, extract in sorted(manifest.extracts.items())
        },
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _fields(extract: Extract) -> dict[str, Any]:
    return {name: getattr(extract, name) for name in Extract.__dataclass_fields__}


def is_manifest(head: bytes) -> bool:
    return f'"{MARK}"'.encode() in head[:64] and head.lstrip()[:1] == b"{"


def is_merged(head: bytes) -> bool:
    """Whether a capture begins as the packet's merged one: its section's comment says so."""
    return head.startswith(b"\n\r\r\n") and MERGED_MARK.encode() in head[:64]


def read_manifest(content: bytes) -> Manifest | None:
    """The manifest that the bytes hold; entries that make no sense are left out. None where it is none of ours."""
    if len(content) > LONGEST_BYTES:
        return None
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get(MARK) != VERSION:
        return None
    files = document.get("files")
    extracts = files.items() if isinstance(files, dict) else ()
    return Manifest(
        extracts={path: _extract(entry) for path, entry in extracts if isinstance(entry, dict)},
        generated=frozenset(_strings(document.get("generated"))),
        ports=tuple(port for port in _numbers(document.get("ports")) if 0 < port < 65536),
        order=tuple(_strings(document.get("order"))),
    )


def _extract(entry: Mapping[str, Any]) -> Extract:
    capture, log = entry.get("capture"), entry.get("log")
    offset = entry.get("manual_offset_s")
    is_offset = isinstance(offset, int | float) and not isinstance(offset, bool) and abs(offset) < 1e10
    return Extract(
        sha256=_string(entry.get("sha256")) or "",
        point=_string(entry.get("point")),
        capture=_capture(capture) if isinstance(capture, dict) else {},
        log={name: log[name] for name in ("first_ns", "last_ns") if _is_number(log.get(name))}
        if isinstance(log, dict)
        else {},
        zone_offset_s=_number(entry.get("zone_offset_s")),
        manual_offset_s=float(offset) if is_offset and offset is not None else None,
        encoding=_string(entry.get("encoding")),
        log_format=_string(entry.get("log_format")),
    )


def _capture(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Only whole, non-negative counts; one that is missing or wrong leaves what the extract itself shows."""
    found: dict[str, Any] = {name: entry[name] for name in COUNTS if _is_number(entry.get(name)) and entry[name] >= 0}
    first, last = _number(entry.get("first_ns")), _number(entry.get("last_ns"))
    if first is not None and last is not None and first <= last:
        found |= {"first_ns": first, "last_ns": last}
    if _is_number(entry.get("shortest_cut_bytes")):
        found["shortest_cut_bytes"] = entry["shortest_cut_bytes"]
    if isinstance(entry.get("is_truncated"), bool):
        found["is_truncated"] = entry["is_truncated"]
    if isinstance(entry.get("udp_ports"), list):
        found["udp_ports"] = tuple(port for port in _numbers(entry["udp_ports"])[:64] if 0 <= port < 65536)
    for name in SPANS:
        if isinstance(spans := entry.get(name), list):
            pairs = [tuple(_numbers(span)) for span in spans[:1000]]
            found[name] = tuple(pair for pair in pairs if len(pair) == 2)
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < LIMIT


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and _is_number(value) else None


def _numbers(value: object) -> list[int]:
    return [item for item in value if _is_number(item)] if isinstance(value, list) else []


def _string(value: object) -> str | None:
    return value[:1000] if isinstance(value, str) and value else None


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)][:10_000] if isinstance(value, list) else []
