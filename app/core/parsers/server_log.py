"""Policy-server logs in any format that a TOML file describes, streamed: blocks of bytes → `LogFacts` of side SERVER.

    %% 2017-07-12 11:14:20.123 ; [LDBG] ; [4400] ; EAD ; SecPkt recv: packet type [1] id [7] from [10.2.3.4 : 40000]
    123 bytes

is one MESSAGE to the server. Which format fits is found by trying all on the first lines; the score is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from app.core.parsers.accounts import BEFORE_FIRST, NO_RECORD, NO_SUCH_TIME, LineAccount
from app.core.parsers.body import BodyReader
from app.core.parsers.event_table import MESSAGE_ID, WIRE, EventTable
from app.core.parsers.inode_phrases import BODY
from app.core.parsers.log_format import FormatError, LineFacts, LineReader, LogFormat, build_formats
from app.core.parsers.log_text import TextStream, as_narrow, chosen_codec, decode
from app.core.parsers.safe_pattern import MAX_MATCHED_CHARACTERS
from app.core.records import NS, EventKind, LogFacts, Side, Text

__all__ = ["FormatError", "LogFormat", "build_formats", "parse_server_log", "sniff_server_log"]

MAX_RECORD_BYTES = 1 << 20
_SNIFFED_LINES = 400
_SNIFFED_LINE_BYTES = 4 * MAX_MATCHED_CHARACTERS
_DOMAIN_WORDS = (
    "eventSeqID",
    "hwAddr",
    "SecPkt",
    "EAD",
    "policy server",
    "策略服务器",
    "安全检查",
    "号报文",
    "event_id",
    "eventid",
)
_CLIENT_WORDS = ("secPushInner", "pushSecRslt", "secRcvThrd", "sndSecMsg")  # functions of the client
_SURE_MESSAGES = 3
_MESSAGES_WEIGHT = 0.75  # at most: a format that fits any line needs more than messages to win
_CONTINUATIONS = (b" ", b"\t", b"<")
_KEPT_CHARACTERS = 300


def sniff_server_log(head: bytes, formats: Sequence[LogFormat]) -> tuple[float, str]:
    """The best format's score, 0 (no such log) to 1, and its name ("" without formats)."""
    text = as_narrow(head)
    if text.count(b"\x00") * 10 > len(text):
        return 0.0, formats[0].name if formats else ""
    lines = _sample_lines(text)
    return max(((_score(lines, item), item.name) for item in formats), key=lambda scored: scored[0], default=(0.0, ""))


def _sample_lines(text: bytes) -> list[str]:
    """Lines spread over the head, most from its beginning: a log may begin with much chatter."""
    # Indented lines and elements continue a record: they speak neither for a format nor against it.
    raw = [line for line in text.split(b"\n") if line.strip() and line[:1] not in _CONTINUATIONS]
    step = max(len(raw) // _SNIFFED_LINES, 1)
    chosen = raw[: _SNIFFED_LINES // 2] + raw[_SNIFFED_LINES // 2 :: step][:_SNIFFED_LINES]
    return [decode(line[:_SNIFFED_LINE_BYTES].strip(b"\r\xef\xbb\xbf")) for line in chosen]


def _score(lines: Sequence[str], log_format: LogFormat) -> float:
    reader = log_format.reader()
    begun = messages = 0
    for line in lines:
        begin = reader.match(line)
        facts = reader.read(begin) if begin is not None else None
        if facts is not None:
            begun += 1
            messages += facts.is_message
    if not begun or not lines:
        return 0.0
    share = begun / len(lines)
    score = log_format.weight * share
    if messages:
        is_domain = any(word in line for line in lines for word in _DOMAIN_WORDS)
        sure = min(messages / _SURE_MESSAGES, 1.0)
        score += (
            min(1 - log_format.weight, _MESSAGES_WEIGHT)
            * (0.5 + 0.25 * share + 0.25 * sure)
            * (0.8 if is_domain else 0.1)
        )
    if any(word in line for line in lines for word in _CLIENT_WORDS):
        score *= 0.4
    return round(min(score, 1.0), 3)


def parse_server_log(
    blocks: Iterable[bytes],
    source: str,
    formats: Sequence[LogFormat],
    chosen: str | None = None,
    encoding: str | None = None,
) -> LogFacts:
    """`chosen` forces the format of that name; `encoding` the text encoding. Never raises on content."""
    stream = TextStream(blocks, encoding)
    pieces = iter(stream)
    first = next(pieces, b"")
    notes: list[Text] = []
    log_format = next((item for item in formats if item.name == chosen), None)
    if chosen is not None and log_format is None:
        notes.append(
            Text(
                f"There is no log format {chosen!r}; the best one was taken.",
                f"不存在日志格式 {chosen!r}，已自动选择最合适的格式。",
            )
        )
    if log_format is None:
        _, name = sniff_server_log(first, formats)
        log_format = next((item for item in formats if item.name == name), None)
    if log_format is None:
        return _nothing(source, stream, encoding)
    parser = _Parser(source, stream, log_format)
    parser.run(first, pieces)
    score = _score(_sample_lines(first), log_format)
    return parser.facts(score, chosen_codec(encoding) or stream.encoding, notes)


def _nothing(source: str, stream: TextStream, encoding: str | None) -> LogFacts:
    note = Text("There is no server-log format to read it with.", "没有可用的服务器日志格式。")
    return LogFacts(
        source=source,
        side=Side.SERVER,
        format="",
        encoding=chosen_codec(encoding) or stream.encoding,
        lines=0,
        records=0,
        record_lines=0,
        rejected_lines=0,
        events=(),
        rejected=(),
        format_score=0.0,
        notes=(note,),
    )


@dataclass(slots=True)
class _Record:
    first: str
    line: int
    offset: int
    raw: bytearray
    has_open_body: bool = False
    is_closed: bool = False  # a blank line came: text after it is nobody's

    def note_body(self, raw: bytes) -> None:
        """Asked of each line once: a record can be long, and blank lines many."""
        if b"</data>" in raw:
            self.has_open_body = False
        elif b"<data" in raw:
            self.has_open_body = True


class _Parser:
    def __init__(self, source: str, stream: TextStream, log_format: LogFormat) -> None:
        self._source = source
        self._stream = stream
        self._reader: LineReader = log_format.reader()
        self._table = EventTable(source, Side.SERVER)
        self._account = LineAccount(source)
        self._bodies = BodyReader()
        self._current: _Record | None = None
        self._records = 0
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        self._told: dict[tuple[object, ...], int] = {}

    def run(self, first: bytes, pieces: Iterator[bytes]) -> None:
        offset = dropped = 0
        rest = b""
        for piece in chain((first,), pieces):
            data = rest + piece
            lines = data.split(b"\n")
            rest = lines.pop()
            for line in lines:
                self._take(line, offset)
                offset += len(line) + 1 + dropped
                dropped = 0
            if len(rest) > MAX_RECORD_BYTES:
                # A line without end: its beginning is read, the rest is dropped with it.
                dropped += len(rest) - MAX_RECORD_BYTES
                rest = rest[:MAX_RECORD_BYTES]
        if rest:
            self._take(rest, offset)
        self._flush()

    def _take(self, raw: bytes, offset: int) -> None:
        account = self._account
        account.lines += 1
        begin = None
        if raw[:1]:
            line = decode(raw[:_SNIFFED_LINE_BYTES].strip(b"\r"))
            if line.startswith("\ufeff"):
                line = line[1:]
            begin = self._reader.match(line)
        if begin is None:
            self._continue(raw, offset)
            return
        self._flush()
        self._current = _Record(line, account.lines, offset, bytearray(raw))
        self._current.note_body(raw)

    def _continue(self, raw: bytes, offset: int) -> None:
        current = self._current
        if not raw.strip():
            if current is not None:
                current.is_closed = not current.has_open_body
            return
        if current is None or current.is_closed:
            reason = NO_RECORD if self._records else BEFORE_FIRST
            self._account.reject(self._account.lines, 1, self._stream.file_offset(offset), raw, reason)
        elif len(current.raw) < MAX_RECORD_BYTES:
            current.raw += b"\n" + raw
            current.note_body(raw)

    def _flush(self) -> None:
        record, self._current = self._current, None
        if record is None:
            return
        begin = self._reader.match(record.first)
        body = BODY.search(record.raw)
        head_end = record.raw.find(b"\n")
        more = ""
        if head_end >= 0:
            more = (
                " "
                + decode(
                    bytes(record.raw[head_end : body.start() if body else head_end + MAX_MATCHED_CHARACTERS])
                ).strip()
            )
        facts = self._reader.read(begin, more) if begin is not None else None
        if facts is None:
            lines = record.raw.count(b"\n") + 1
            self._account.reject(
                record.line, lines, self._stream.file_offset(record.offset), bytes(record.raw), NO_SUCH_TIME
            )
            return
        self._records += 1
        self._first_ns = facts.time_ns if self._first_ns is None else min(self._first_ns, facts.time_ns)
        self._last_ns = facts.time_ns if self._last_ns is None else max(self._last_ns, facts.time_ns)
        if facts.is_message and not self._is_told(facts):
            self._add(record, facts, body.start() if body else -1)

    def _is_told(self, facts: LineFacts) -> bool:
        """Whether a line that names a message without saying recv or send only speaks of one told a moment ago."""
        key = (facts.number, facts.event_id or facts.mac or facts.user or facts.peer)
        last = self._told.get(key)
        is_told = not facts.has_direction_word and last is not None and abs(facts.time_ns - last) <= NS
        if len(self._told) > 4_096:
            self._told.clear()
        if not is_told:
            self._told[key] = facts.time_ns
        return is_told

    def _add(self, record: _Record, facts: LineFacts, body_start: int) -> None:
        table = self._table
        text = f"[{facts.level}] {facts.text}" if facts.level else facts.text
        row = table.add(
            EventKind.MESSAGE,
            facts.time_ns,
            record.line,
            self._stream.file_offset(record.offset),
            len(record.raw),
            facts.thread.encode(),
            text[:_KEPT_CHARACTERS].encode("utf-8", "replace"),
            facts.resolution_ns,
        )
        table.set_message(row, facts.direction, facts.number)
        if body_start >= 0:
            table.set_body(row, self._bodies.read(bytes(record.raw[body_start:])))
        elif facts.user or facts.mac or facts.event_id:
            table.set_identity(row, (_encoded(facts.user), _encoded(facts.mac), _encoded(facts.event_id)))
        if facts.message_id is not None:
            table.put_checked(row, MESSAGE_ID, facts.message_id)
        if facts.size is not None:
            table.put_checked(row, WIRE, facts.size)
        if facts.peer is not None:
            table.set_peer(
                row, facts.peer.ip.encode(), b"%d" % facts.peer.port if facts.peer.port is not None else None
            )

    def facts(self, score: float, encoding: str, notes: list[Text]) -> LogFacts:
        account = self._account
        if not self._records:
            notes.append(Text("No line begins as this format says.", "没有任何一行符合该格式的记录开头。"))
        return LogFacts(
            source=self._source,
            side=Side.SERVER,
            format=self._reader.format.name,
            encoding=encoding,
            lines=account.lines,
            records=self._records,
            record_lines=account.record_lines,
            rejected_lines=account.rejected_lines,
            events=self._table.compact(),
            rejected=tuple(account.rejected),
            first_ns=self._first_ns,
            last_ns=self._last_ns,
            format_score=score,
            notes=tuple(notes),
        )


def _encoded(text: str | None) -> bytes | None:
    return text.encode() if text else None
