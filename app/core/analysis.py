"""The one model that the pages, the PDF, the JSON and the API render.

Built by `pipeline.analyze`, frozen afterwards. Mirrors the verdict document; `verdict.to_document` prints it.
Times are `time_ns`, UTC on the reference clock, unless a name says raw. Mappings are tuples of pairs or dicts that
nobody edits after construction; keys of per-point dicts are capture point names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from app.core.records import CaptureFacts, CheckResult, Confidence, Direction, LogFacts, Text


class SourceKind(StrEnum):
    INODE_LOG = "inode_log"
    SERVER_LOG = "server_log"
    CAPTURE = "capture"
    DEVICE = "device"  # pasted or uploaded output of a network device
    OTHER = "other"


class Role(StrEnum):
    CLIENT = "client"
    MIDDLE = "middle"
    SERVER = "server"


class Seen(StrEnum):
    SEEN = "seen"
    MISSING = "missing"
    UNKNOWN = "unknown"


class Fate(StrEnum):
    WHOLE = "whole"
    PARTIAL = "partial"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One log line or one frame that a claim rests on."""

    source: str
    line: int | None = None
    frame: int | None = None
    text: str = ""  # what stands there, at most 300 characters


@dataclass(frozen=True, slots=True)
class Source:
    """Every file of the bundle, used or not."""

    path: str
    sha256: str
    size_bytes: int
    kind: SourceKind
    capture_point: str | None = None
    records: int = 0
    rejected: int = 0
    first_ns: int | None = None  # raw, on its own clock
    last_ns: int | None = None
    clock_offset_s: float | None = None
    encoding: str | None = None
    log_format: str | None = None
    log_format_score: float | None = None
    zone_offset_s: int | None = None  # log zone east of UTC: inferred or given
    notes: tuple[Text, ...] = ()
    log: LogFacts | None = None
    capture: CaptureFacts | None = None


NOT_KNOWN = Text("not known", "未知")


@dataclass(frozen=True, slots=True)
class Clock:
    """Offset of a clock against the reference, as a band: true offset in [lower_s, upper_s]."""

    offset_s: float = 0.0  # that clock minus the reference clock, at the middle of the matched datagrams
    lower_s: float | None = None  # None: unbounded on that side
    upper_s: float | None = None
    drift_ppm: float = 0.0
    uncertainty_s: float | None = None  # half the band's width
    quality: str = "unknown"  # "reference" | "both ways" | "one way" | "log" | "given" | "unknown"
    reference: str | None = None
    method: Text = NOT_KNOWN
    middle_ns: int = 0  # raw time at which offset_s holds; drift counts from here
    steps: tuple[tuple[int, float], ...] = ()  # (raw time_ns, jump in s) where the clock was set
    matched: int = 0  # datagrams it rests on
    manual_s: float = 0.0  # offset added by hand, included in offset_s
    step_frames: tuple[int, ...] = ()  # of each step, the first frame after it; 0 where only its time is known

    def converter(self) -> Callable[[int, int], int]:
        """`to_reference`, for many times."""
        if self.steps:
            return self.to_reference
        offset_ns, drift, middle_ns = self.offset_s * 1e9, self.drift_ppm if self.middle_ns else 0.0, self.middle_ns
        return lambda raw_ns, frame: raw_ns - round(offset_ns + (raw_ns - middle_ns) * drift * 1e-6)

    def to_reference(self, raw_ns: int, frame: int = 0) -> int:
        """Raw time of this clock → time on the reference clock.

        Where a clock was set back, a raw time can mean two instants: the frame number tells which.
        """
        offset_ns = self.offset_s * 1e9
        if self.middle_ns:
            offset_ns += (raw_ns - self.middle_ns) * self.drift_ppm * 1e-6
        if self.steps:
            offset_ns += sum(
                jump * 1e9
                for (at_ns, jump), first in zip(self.steps, self.step_frames or (0,) * len(self.steps), strict=True)
                if (frame >= first if frame and first else raw_ns >= at_ns)
            )
        return raw_ns - round(offset_ns)


@dataclass(frozen=True, slots=True)
class CapturePoint:
    name: str
    role: Role
    order: int  # 0 = nearest the client
    order_by: str  # "named" | "ttl" | "clock" | "given"
    sources: tuple[str, ...]
    clock: Clock = field(default_factory=Clock)
    source_clocks: dict[str, Clock] = field(default_factory=dict)  # each capture file has its own clock
    observed_ns: tuple[tuple[int, int], ...] = ()  # when it was capturing, reference clock
    notes: tuple[Text, ...] = ()


class Sighting(NamedTuple):
    """One fragment (byte range) at one capture point, with the ground for the judgement.

    A tuple, as there may be millions and nothing else that is frozen is made so fast.
    """

    state: Seen
    source: str | None = None
    frames: tuple[int, ...] = ()  # every frame that carries part of it there, duplicates too
    raw_time_ns: int | None = None  # first frame, on that capture's own clock
    time_ns: int | None = None  # same, reference clock
    reason: Text | None = None  # why missing is allowed, or why nothing can be said
    # "not-capturing" "filtered" "dropped" "off-path" "cut" "offload" "other-terminal" "ambiguous" "able" …
    reason_code: str = ""
    line: int | None = None  # where a device's own line tells of it, which is no frame


class FragmentFate(NamedTuple):
    offset: int
    length: int
    sightings: dict[str, Sighting]


NOWHERE: dict[str, Any] = {}  # shared: nobody edits what hangs on a point


class DatagramFate(NamedTuple):
    """One datagram on its way, over all capture points in path order."""

    identification: int | None
    source: str  # "10.1.1.1:39942"
    destination: str
    ip_version: int
    wire_bytes: int | None  # UDP payload
    fragments: tuple[FragmentFate, ...]  # as sent: the fragmentation at the first point that saw it
    fate: dict[str, Fate]
    lost_between: tuple[str, str] | None
    coding: str | None = None  # "plain" | "zlib" | "encrypted"
    match_reason: Text | None = None
    match_confidence: Confidence | None = None
    translations: dict[str, tuple[str, str]] = NOWHERE  # point → (source, destination) seen there
    # point → its own fragmentation, where other
    split_at: dict[str, tuple[tuple[int, int], ...]] = NOWHERE
    duplicates: dict[str, int] = NOWHERE  # point → frames seen again
    anomalies: dict[str, tuple[str, ...]] = NOWHERE
    tunnels: dict[str, tuple[str, ...]] = NOWHERE
    ttl: dict[str, int] = NOWHERE


@dataclass(frozen=True, slots=True)
class Attempt:
    attempt: int
    time_ns: int | None
    gap_s: float | None
    plain_bytes: int | None
    wire_bytes: int | None
    evidence: tuple[Evidence, ...]  # client log line, server log line, frames
    datagram: DatagramFate | None = None
    log_time_ns: int | None = None  # raw client-log time
    server_log_time_ns: int | None = None  # raw server-log time
    tied_by: Text | None = None  # why log line and datagram belong together
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    number: int
    direction: Direction
    attempts: tuple[Attempt, ...]
    check: CheckResult | None = None  # message 3
    fields: tuple[tuple[str, str], ...] = ()  # of its body
    plain_bytes: int | None = None
    deflated_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A log record that belongs to a session and is no message: result codes, what the user read, spans."""

    kind: str  # "result" | "notice" | "send_error"
    side: str  # "client" | "server"
    time_ns: int
    raw_time_ns: int
    text: str
    evidence: Evidence
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    event_id: str | None
    outcome: Outcome
    start_ns: int | None
    end_ns: int | None
    messages: tuple[Message, ...]
    marks: tuple[Mark, ...] = ()
    server_ip: tuple[str, ...] = ()
    zone_known: bool = True  # False: times are local wall-clock times of the log
    key: str = ""  # stable within the case: "s1", "s2" …

    def message(self, number: int) -> Message | None:
        return next((message for message in self.messages if message.number == number), None)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's claim. Cannot be built without evidence."""

    code: str
    severity: Severity
    confidence: Confidence
    summary: Text
    evidence: tuple[Evidence, ...]
    message: int | None = None
    between: tuple[str, str] | None = None  # in the direction of travel
    counts: dict[str, int] = field(default_factory=dict)
    against: tuple[Text, ...] = ()
    next_steps: tuple[Text, ...] = ()
    details: dict[str, object] = field(default_factory=dict)  # JSON-able numbers for pages: band edges, MTU …

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError(f"finding {self.code} has no evidence")


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one rule."""

    code: str
    result: str  # "hit" | "miss" | "not-run"
    missing: tuple[Text, ...] = ()  # what it lacked


@dataclass(frozen=True, slots=True)
class Terminal:
    user: str | None
    mac: str | None
    ip: tuple[str, ...]
    outcome: Outcome
    sessions: tuple[Session, ...]
    findings: tuple[Finding, ...] = ()
    checks: tuple[Check, ...] = ()
    key: str = ""  # stable within the case: "t1", "t2" …
    client_version: str | None = None


@dataclass(frozen=True, slots=True)
class CaseAnalysis:
    sources: tuple[Source, ...]
    capture_points: tuple[CapturePoint, ...]  # in path order, client first
    terminals: tuple[Terminal, ...]
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    notes: tuple[Text, ...] = ()

    @property
    def is_usable(self) -> bool:
        return bool(self.terminals)
