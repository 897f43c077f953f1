"""Frozen facts: what a log line or a frame says, before anybody judges it.

Units stand in the names. `time_ns` is integer nanoseconds since 1970-01-01; for packets it is UTC as the
capturing host believed it, for log records it is the written local time read as if it were UTC
(the zone is not in the log; `clocks` infers it). Offsets and lengths of fragments are bytes (RFC 791 counts
eights on the wire).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from operator import attrgetter

NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence for people in both languages; neither is a translation to be looked up later."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Locator:
    """Where a fact was read: a source (its path within the bundle) and a line, or a frame number.

    `line` and `frame` count from 1. The byte range is half-open, in bytes of the stored file.
    """

    source: str
    line: int | None = None
    frame: int | None = None
    byte_start: int | None = None
    byte_end: int | None = None


class Direction(StrEnum):
    TO_SERVER = "to_server"
    TO_CLIENT = "to_client"


class Confidence(StrEnum):
    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


# ---------------------------------------------------------------- logs


class Side(StrEnum):
    """Whose log, or whose end of the path."""

    CLIENT = "client"
    SERVER = "server"


class EventKind(StrEnum):
    MESSAGE = "message"  # an EAD message sent or received
    RESULT = "result"  # pushSecRslt(n) returned code
    NOTICE = "notice"  # a sentence that the user saw (认证失败, 安全检查通过 …)
    SEND_ERROR = "send_error"  # sendto failed: a local fault
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Endpoint:
    ip: str
    port: int | None = None

    def __str__(self) -> str:
        if self.port is None:
            return self.ip
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What message 3 reports: operating system, patches, antivirus."""

    system: str = ""  # "Windows|7 Enterprise Service Pack 1"
    language: str = ""  # "0x0804"
    patches: int = 0  # entries, repeated ones included
    distinct_patches: int = 0
    repeated: tuple[str, ...] = ()
    antivirus: tuple[tuple[str, str], ...] = ()  # ("Virus-Engine-Version", "5800.7501")


@dataclass(frozen=True, slots=True)
class Body:
    """The `<data>` block of a message, mended.

    `fields` keeps every name and value in order, except that a patch list (the one long value) is kept as its
    `check` summary only: the text itself stays in the file, found through the event's locator.
    `plain_bytes` is the length in UTF-8 bytes of the body as the client sends it: one line, without the line breaks
    and indentation that the log adds. `is_exact` is False where damage (a lost line, a cut) makes it an estimate.
    `deflated_bytes` is what zlib makes of that text (None where it was not tried).
    `digest` is equal for equal bodies (retransmissions) however the log wrapped them.
    """

    fields: tuple[tuple[str, str], ...]
    plain_bytes: int
    is_exact: bool = True
    is_complete: bool = True
    digest: str = ""
    deflated_bytes: int | None = None
    check: CheckResult | None = None

    def first(self, name: str) -> str | None:
        return next((value for key, value in self.fields if key == name), None)


@dataclass(frozen=True, slots=True)
class Rest:
    """Where a record goes on: in the next file of a rotation that cut it. `text` is how that begins."""

    locator: Locator
    text: str


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One thing that a log tells of the EAD exchange.

    For `MESSAGE`: `direction` as seen from the terminal (TO_SERVER: 1, 3, 17 …), `number` the EAD type.
    In a client log TO_SERVER means sent, in a server log it means received. `wire_bytes` is the UDP payload.
    """

    locator: Locator
    side: Side
    kind: EventKind
    time_ns: int
    resolution_ns: int = NS
    thread: str = ""
    text: str = ""  # the head line without its time, at most 300 characters
    direction: Direction | None = None
    number: int | None = None
    message_id: int | None = None
    head_id: int | None = None
    user: str | None = None
    mac: str | None = None  # "00:25:11:E9:55:B9"
    event_id: str | None = None
    peer: Endpoint | None = None
    wire_bytes: int | None = None
    body: Body | None = None
    result_code: int | None = None
    rest: Rest | None = None


MAX_EDGE_BYTES = 256 << 10  # longer ones are no halves of a record


@dataclass(frozen=True, slots=True)
class LogEdges:
    """What stands at both ends of a log and may be halves of records that a rotation cut: the lines before the first
    record, as text (`lead_places`: the byte of the file where each of them begins, and where the last one ends), the
    last record where it tells of a message without a whole body (`tail_row` is its event), and the last line where it
    has no end and may be part of a record's head (`line_start`: its byte)."""

    lead: bytes = b""
    lead_places: tuple[int, ...] = (0,)
    tail: bytes = b""
    tail_row: int = -1
    line: bytes = b""
    line_start: int = 0

    def file_offset(self, at: int) -> int:
        """A place in the text of the lead → in the file: exact to the line, and to the byte in lines that are as long
        in the file as in text. In others a place inside a line is the line's end."""
        line_start = self.lead.rfind(b"\n", 0, at) + 1
        line = self.lead.count(b"\n", 0, at)
        if at == line_start or line + 1 >= len(self.lead_places):
            return self.lead_places[line]
        line_end = self.lead.find(b"\n", at) + 1 or len(self.lead)
        start, end = self.lead_places[line : line + 2]
        return start + at - line_start if end - start == line_end - line_start else end


@dataclass(frozen=True, slots=True)
class Rejected:
    """Input that could not be parsed; kept and shown. `lines` consecutive lines from `locator.line`."""

    locator: Locator
    reason: Text
    lines: int = 1
    sample: str = ""


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What one log file gave. `lines == record_lines + rejected_lines` where record_lines counts lines that are a
    record or part of one."""

    source: str
    side: Side
    format: str  # "inode" or the name of a server-log format
    encoding: str
    lines: int
    records: int  # log records (heads)
    record_lines: int
    rejected_lines: int
    events: Sequence[LogEvent]  # a tuple, or for huge logs a compact read-only table of the same events
    rejected: tuple[Rejected, ...]  # the first 1,000; rejected_lines has the whole count
    first_ns: int | None = None
    last_ns: int | None = None
    format_score: float = 1.0
    notes: tuple[Text, ...] = ()
    zone_offset_s: int | None = None  # the zone that the lines themselves name, seconds east of UTC
    edges: LogEdges | None = None  # until the files of a case are put together


# ---------------------------------------------------------------- packets


@dataclass(frozen=True, slots=True)
class Quote:
    """The datagram quoted in an ICMP error: enough to find it again."""

    icmp_type: int
    icmp_code: int
    source_ip: str
    destination_ip: str
    protocol: int
    identification: int | None
    offset_bytes: int
    source_port: int | None = None
    destination_port: int | None = None
    mtu: int | None = None


@dataclass(frozen=True, slots=True)
class Packet:
    """One IP packet (the innermost one) in one frame: an unfragmented datagram or one fragment.

    `offset_bytes`/`length_bytes` is the byte range of the datagram's payload (the part after the IP header, or after
    the IPv6 fragment header) that this packet carries, by its own length field, captured or not.
    `payload` is what was captured of that range (shorter where the snap length cut it; the part beyond the
    kept limit may be absent for packets that have nothing to do with EAD).
    Ports and `udp_length` (header included) are known only where offset_bytes is 0 and they were captured.
    """

    source: str
    frame: int
    time_ns: int
    ip_version: int
    source_ip: str
    destination_ip: str
    protocol: int
    identification: int | None
    offset_bytes: int
    length_bytes: int
    more: bool
    ttl: int
    payload: bytes = b""
    captured_bytes: int = 0  # of length_bytes, how many the capture holds
    source_port: int | None = None
    destination_port: int | None = None
    udp_length: int | None = None
    interface: int = 0
    has_fragment_header: bool = False  # IPv6 atomic fragments have one though they are whole
    tunnels: tuple[str, ...] = ()  # outermost first: "gre", "vxlan" …
    vlans: tuple[int, ...] = ()
    source_mac: str | None = None
    quote: Quote | None = None

    def __reduce__(self) -> tuple[type[Packet], tuple[object, ...]]:
        """As its values: what frozen classes do by themselves takes twice as long, and readers hand over many."""
        return Packet, _packet_values(self)

    @property
    def end_bytes(self) -> int:
        return self.offset_bytes + self.length_bytes

    @property
    def is_fragment(self) -> bool:
        return self.more or self.offset_bytes > 0

    @property
    def is_cut(self) -> bool:
        return self.captured_bytes < self.length_bytes


_packet_values = attrgetter(*(field.name for field in fields(Packet)))


@dataclass(frozen=True, slots=True)
class InterfaceFacts:
    number: int
    name: str
    link_type: int
    snap_length: int | None = None
    recorded_filter: str | None = None
    received: int | None = None
    dropped: int | None = None  # frames the capture itself lost, from the statistics block
    description: str = ""


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """What one capture file says of itself, from a look at every frame (relevant to EAD or not)."""

    source: str
    format: str  # "pcap" | "pcapng"
    interfaces: tuple[InterfaceFacts, ...]
    frames: int
    first_ns: int | None
    last_ns: int | None
    is_truncated: bool = False
    cut_frames: int = 0  # frames with fewer bytes captured than they had
    shortest_cut_bytes: int | None = None
    non_ip_frames: int = 0  # ARP, STP …
    tcp_frames: int = 0
    other_frames: int = 0  # IP, neither TCP nor UDP, nor a fragment with an offset
    udp_frames: int = 0  # with a port to read: unfragmented or first fragments
    udp_ports: tuple[int, ...] = ()  # the distinct lower-numbered "service" ports seen, at most 64
    first_fragments: int = 0
    later_fragments: int = 0  # fragments with an offset, of anybody
    oversize_frames: int = 0  # IP packets longer than 1,500 bytes: offload
    quiet_spans: tuple[tuple[int, int], ...] = ()  # the longest spans without any frame, on its own clock
    unread_spans: tuple[tuple[int, int], ...] = ()  # whose frames were lost by damage in the middle of the file
    comments: tuple[str, ...] = ()
    notes: tuple[Text, ...] = ()
    steps_back: int = 0  # how often its stamps went back by more than a second: its clock was set


@dataclass(frozen=True, slots=True)
class WireMessage:
    """What the first bytes of a UDP payload say about EAD; every part may be unknown."""

    head_id: int | None = None  # 0x000AD877 plain, 0x000AD878 zlib, 0x000AD879 encrypted
    number: int | None = None
    message_id: int | None = None
    coding: str | None = None  # "plain" | "zlib" | "encrypted"
    header_bytes: int | None = None
    plain_bytes: int | None = None  # of the body, where it could be read or inflated whole
    user: str | None = None
    mac: str | None = None
    event_id: str | None = None
    reason: str = ""  # by what it was recognised: "head id", "plain body" …


@dataclass(frozen=True, slots=True)
class Datagram:
    """What one capture saw of one datagram. Never mixes captures.

    `packets` are its distinct pieces by offset; `duplicates` are frames that repeat one of them (mirrored twice).
    `total_bytes` (IP payload) is known when the piece without more-fragments was seen. `holes` are the missing byte
    ranges (RFC 815), open-ended ones with end None. `anomalies` are names out of `anomalies.py`.
    """

    source: str
    packets: tuple[Packet, ...]
    duplicates: tuple[Packet, ...] = ()
    total_bytes: int | None = None
    holes: tuple[tuple[int, int | None], ...] = ()
    anomalies: tuple[str, ...] = ()
    message: WireMessage | None = None

    def __reduce__(self) -> tuple[type[Datagram], tuple[object, ...]]:
        """As its values, like packets."""
        return Datagram, _datagram_values(self)

    @property
    def is_complete(self) -> bool:
        return not self.holes

    @property
    def is_fragmented(self) -> bool:
        return any(packet.is_fragment for packet in self.packets)

    @property
    def time_ns(self) -> int:
        return min(packet.time_ns for packet in self.packets)

    @property
    def first(self) -> Packet | None:
        """The piece at offset 0, the only one with ports; None where it was not seen."""
        return self.packets[0] if self.packets[0].offset_bytes == 0 else None


_datagram_values = attrgetter(*(field.name for field in fields(Datagram)))
