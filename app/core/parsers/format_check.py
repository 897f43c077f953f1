"""What a format makes of single lines: for the command line, and for the page where people paste lines and see them
parsed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from app.core.parsers.log_format import LogFormat, Sample
from app.core.parsers.log_lines import LineFacts, LineReader, missing_fields
from app.core.records import NS, Text

MESSAGE = Text("message", "报文")
RECORD = Text("record", "记录")
NO_SUCH_TIME = Text("begins a record, but its time does not exist", "是记录开头，但时间不存在")
NO_MATCH = Text(
    "begins no record (continues the one before, or is rejected)", "不是记录开头（属于上一条记录，或被拒绝）"
)


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """`line` counts from 1. `found` holds the fields that were found, as text, in the order of the format."""

    line: int
    text: str
    result: Text
    is_match: bool
    found: Mapping[str, str]


def check_lines(log_format: LogFormat, lines: Iterable[str]) -> Iterator[CheckedLine]:
    reader = LineReader(log_format)
    return (_check_line(reader, number, line.rstrip("\r\n")) for number, line in enumerate(lines, 1))


def _check_line(reader: LineReader, number: int, line: str) -> CheckedLine:
    begin = reader.match(line)
    if begin is None:
        return CheckedLine(number, line, NO_MATCH, False, {})
    facts = reader.read(begin)
    if facts is None:
        return CheckedLine(number, line, NO_SUCH_TIME, False, {"time": begin.group("time")})
    result = MESSAGE if facts.is_message else _record_without(facts, reader.format.needs)
    return CheckedLine(number, line, result, True, _found(facts))


def _record_without(facts: LineFacts, needs: tuple[str, ...]) -> Text:
    """A record that is no message says what it lacks for one."""
    lacks = missing_fields(facts, needs)
    en = ", ".join("event_id/mac/user/peer" if name == "identity" else name for name in lacks)
    return Text(f"{RECORD.en}, no message: lacks {en}", f"{RECORD.zh}，不是报文：缺少 {en}")


def _found(facts: LineFacts) -> dict[str, str]:
    moment = datetime.fromtimestamp(facts.time_ns // NS, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = facts.time_ns % NS
    found = {"time": f"{moment}.{fraction:09d}".rstrip("0") if fraction else moment}
    for name in ("level", "thread", "direction", "number", "message_id", "user", "mac", "event_id", "peer", "size"):
        value = getattr(facts, name)
        if value not in (None, ""):
            found[name] = str(value)
    return found


@dataclass(frozen=True, slots=True)
class CheckedSample:
    """`wrong` maps each expected field that came out otherwise to (expected, found)."""

    checked: CheckedLine
    wrong: Mapping[str, tuple[str, str]]

    @property
    def is_right(self) -> bool:
        return self.checked.is_match and not self.wrong


def check_samples(log_format: LogFormat) -> tuple[CheckedSample, ...]:
    """The format's own samples: they are its test."""
    reader = LineReader(log_format)
    return tuple(_check_sample(reader, number, sample) for number, sample in enumerate(log_format.samples, 1))


def _check_sample(reader: LineReader, number: int, sample: Sample) -> CheckedSample:
    checked = _check_line(reader, number, sample.line)
    wrong = {
        name: (str(expected), checked.found.get(name, ""))
        for name, expected in sample.expect.items()
        if checked.found.get(name, "") != str(expected)
    }
    return CheckedSample(checked, wrong)
