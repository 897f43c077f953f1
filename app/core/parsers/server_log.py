"""Policy-server logs in any format that a TOML file describes, streamed: blocks of bytes → `LogFacts` of side SERVER.

    %% 2017-07-12 11:14:20.123 ; [LDBG] ; [4400] ; EAD ; SecPkt recv: packet type [1] id [7] from [10.2.3.4 : 40000]
    123 bytes

is one MESSAGE to the server. Which format fits is found by trying all on the first lines; the score is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from app.core.parsers import server_notes
from app.core.parsers.accounts import BEFORE_FIRST, NO_RECORD, NO_SUCH_TIME, LineAccount
from app.core.parsers.body import BodyReader
from app.core.parsers.event_row import NONE
from app.core.parsers.event_table import EventTable
from app.core.parsers.inode_phrases import BODY
from app.core.parsers.lead_lines import LeadLines
from app.core.parsers.log_choice import LINE_BYTES, sample_records, score_of, sniff_server_log
from app.core.parsers.log_format import LogFormat
from app.core.parsers.log_lines import LineFacts, LineReader
from app.core.parsers.log_text import TextStream, chosen_codec, decode
from app.core.parsers.log_times import Moment
from app.core.parsers.server_records import ServerRecord
from app.core.parsers.worded_lines import WordedLines
from app.core.records import MAX_EDGE_BYTES, NS, EventKind, LogEdges, LogFacts, Side, Text

MAX_RECORD_BYTES = 1 << 20
_KEPT_CHARACTERS = 300


def parse_server_log(
    blocks: Iterable[bytes],
    source: str,
    formats: Sequence[LogFormat],
    chosen: str | None = None,
    encoding: str | None = None,
    not_after_ns: int | None = None,
) -> LogFacts:
    """`chosen` forces the format of that name; `encoding` the text encoding; `not_after_ns` (when the file was there)
    gives times without a year theirs. Never raises on content."""
    stream = TextStream(blocks, encoding)
    pieces = iter(stream)
    first = next(pieces, b"")
    notes: list[Text] = []
    log_format = next((item for item in formats if item.name == chosen), None)
    if chosen is not None and log_format is None:
        notes.append(server_notes.no_such_format(chosen))
    if log_format is None:
        _, name = sniff_server_log(first, formats)
        log_format = next((item for item in formats if item.name == name), None)
    if log_format is None:
        return _nothing(source, stream, encoding)
    parser = _Parser(source, stream, log_format, not_after_ns)
    parser.run(first, pieces)
    score = score_of(sample_records(first), log_format)
    return parser.facts(score, chosen_codec(encoding) or stream.encoding, notes)


class _Parser:
    def __init__(self, source: str, stream: TextStream, log_format: LogFormat, not_after_ns: int | None) -> None:
        self._source = source
        self._stream = stream
        self._reader = LineReader(log_format, not_after_ns)
        self._worded = WordedLines(self._reader.number_words)
        self._table = EventTable(source, Side.SERVER)
        self._account = LineAccount(source)
        self._bodies = BodyReader()
        self._current: ServerRecord | None = None
        self._records = 0
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        self._told: dict[tuple[object, ...], int] = {}
        self._zone_s: int | None = None
        self._supposed_years = 0
        self._lead = LeadLines(stream.file_offset)
        self._tail = b""  # the last record
        self._tail_row = -1
        self._wordless = 0  # records without the words that a message number stands by
        self._lacks: Counter[str] = Counter()

    def run(self, first: bytes, pieces: Iterator[bytes]) -> None:
        offset = dropped = 0
        rest = b""
        for piece in chain((first,), pieces):
            data = rest + piece
            lines = data.split(b"\n")
            rest = lines.pop()
            for line, has_words in zip(lines, self._worded.of(data, len(lines)), strict=True):
                self._take(line, offset, has_words)
                offset += len(line) + 1 + dropped
                dropped = 0
            if len(rest) > MAX_RECORD_BYTES:
                # A line without end: its beginning is read, the rest is dropped with it.
                dropped += len(rest) - MAX_RECORD_BYTES
                rest = rest[:MAX_RECORD_BYTES]
        if rest:
            self._take(rest, offset, has_words=True, line_end=b"")
        self._end(b"" if rest else b"\n")

    def _end(self, line_end: bytes) -> None:
        """The last record may be cut by rotation: its rest is in the next file."""
        last, rows = self._current, len(self._table)
        self._flush()
        if last is not None and len(self._table) > rows and self._table.lacks_body(rows):
            self._tail, self._tail_row = bytes(last.raw) + line_end, rows

    def _take(self, raw: bytes, offset: int, has_words: bool, line_end: bytes = b"\n") -> None:
        account = self._account
        account.lines += 1
        begin = None
        if raw:
            line = raw if len(raw) <= LINE_BYTES else raw[:LINE_BYTES]
            begin = self._reader.match(line.strip(b"\r").decode() if line.isascii() else _text_of(line))
        if begin is None:
            if not self._records and self._current is None:
                self._lead.add(raw + line_end, offset)
            self._continue(raw, offset, has_words)
            return
        if self._current is not None:
            self._flush()
        self._current = ServerRecord(begin, account.lines, offset, raw, has_words)

    def _continue(self, raw: bytes, offset: int, has_words: bool) -> None:
        current = self._current
        if current is not None:
            current.expect_more()
        if not raw.strip():
            if current is not None:
                current.is_closed = not current.has_open_body
            return
        if current is None or current.is_closed:
            reason = NO_RECORD if self._records else BEFORE_FIRST
            self._account.reject(self._account.lines, 1, self._stream.file_offset(offset), raw, reason)
        elif len(current.raw) < MAX_RECORD_BYTES:
            current.add(raw)
            current.has_words = current.has_words or has_words

    def _flush(self) -> None:
        record, self._current = self._current, None
        if record is None:
            return
        moment = self._reader.time(record.begin)
        if moment is None:
            lines = record.raw.count(b"\n") + 1
            self._account.reject(
                record.line, lines, self._stream.file_offset(record.offset), bytes(record.raw), NO_SUCH_TIME
            )
            return
        moment = self._in_one_zone(moment)
        self._note_time(moment)
        if not record.has_words:
            self._wordless += 1
            return
        more = record.further_lines() if isinstance(record.raw, bytearray) else ""
        facts = self._reader.read_at(moment, record.begin, more)
        if not facts.is_message:
            self._lacks["number" if facts.number is None else "others"] += 1
        elif not self._is_told(facts):
            self._add(record, facts)

    def _note_time(self, moment: Moment) -> None:
        self._records += 1
        self._supposed_years += not moment.has_year
        if self._first_ns is None or moment.time_ns < self._first_ns:
            self._first_ns = moment.time_ns
        if self._last_ns is None or moment.time_ns > self._last_ns:
            self._last_ns = moment.time_ns

    def _in_one_zone(self, moment: Moment) -> Moment:
        """The zone of the first line that names one is the log's; lines of another (summer time) are moved into it."""
        if moment.zone_s is None or moment.zone_s == self._zone_s:
            return moment
        if self._zone_s is None:
            self._zone_s = moment.zone_s
            return moment
        return moment._replace(time_ns=moment.time_ns + (self._zone_s - moment.zone_s) * NS)

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

    def _add(self, record: ServerRecord, facts: LineFacts) -> None:
        table = self._table
        text = f"[{facts.level}] {facts.text}" if facts.level else facts.text
        identity = (_encoded(facts.user), _encoded(facts.mac), _encoded(facts.event_id))
        peer = facts.peer
        row = table.add(
            EventKind.MESSAGE,
            facts.time_ns,
            record.line,
            self._stream.file_offset(record.offset),
            len(record.raw),
            facts.thread.encode(),
            text[:_KEPT_CHARACTERS].encode("utf-8", "replace"),
            facts.resolution_ns,
            facts.direction,
            facts.number,
            facts.size if facts.size is not None and facts.size < NONE else NONE,
            facts.message_id if facts.message_id is not None and facts.message_id < NONE else NONE,
            identity,
            b"%s\x00%s" % (peer.ip.encode(), b"" if peer.port is None else b"%d" % peer.port) if peer else None,
        )
        body = BODY.search(record.raw)
        if body is not None:
            table.set_body(row, self._bodies.read(bytes(record.raw[body.start() :])))
            table.set_missing_identity(row, identity)

    def facts(self, score: float, encoding: str, notes: list[Text]) -> LogFacts:
        account = self._account
        notes.extend(self._notes())
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
            zone_offset_s=self._zone_s,
            edges=self._edges(),
        )

    def _edges(self) -> LogEdges | None:
        lead = self._lead.half
        is_cut = self._tail_row >= 0 and len(self._tail) <= MAX_EDGE_BYTES
        tail, row = (self._tail, self._tail_row) if is_cut else (b"", -1)
        return LogEdges(lead, self._lead.places, tail, row) if lead or tail else None

    def _notes(self) -> Iterator[Text]:
        if not self._records:
            yield server_notes.NO_BEGINNING
        elif not len(self._table):
            without_number = self._lacks["number"] + self._wordless
            yield server_notes.why_no_message(self._records, without_number, self._reader.format.needs)
        if self._supposed_years:
            yield server_notes.supposed_years(self._supposed_years)


def _nothing(source: str, stream: TextStream, encoding: str | None) -> LogFacts:
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
        notes=(server_notes.NO_FORMAT,),
    )


def _encoded(text: str | None) -> bytes | None:
    return text.encode() if text else None


def _text_of(line: bytes) -> str:
    return decode(line.strip(b"\r")).removeprefix("\ufeff")
