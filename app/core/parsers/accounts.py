"""The account of a log's lines: every line is a record, part of one, or rejected with its reason."""

from __future__ import annotations

from dataclasses import replace

from app.core.parsers.log_text import decode
from app.core.records import Locator, Rejected, Text

KEPT_REJECTIONS = 1_000
_SAMPLE_BYTES = 400
_SAMPLE_CHARACTERS = 200

BEFORE_FIRST = Text("It stands before the first record that begins with a time.", "位于第一条带时间的记录之前。")
NO_RECORD = Text(
    "It begins with no time and continues neither a record nor a message body.",
    "行首没有时间，也不是上一条记录或报文正文的延续。",
)
NO_SUCH_TIME = Text("Its date or time does not exist.", "日期或时间不存在。")
TOO_LONG = Text("The record is longer than 1 MiB; its rest is not read.", "该记录超过 1 MiB，其余部分未读取。")


class LineAccount:
    """`lines` of the file so far; `rejected_lines` of them rejected; the first thousand rejections with a sample."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.lines = 0
        self.rejected_lines = 0
        self.rejected: list[Rejected] = []
        self._rejected_until = 0

    @property
    def record_lines(self) -> int:
        return self.lines - self.rejected_lines

    def extend(self, part: LineAccount) -> None:
        """What follows in the same log was accounted for apart. The line between was not rejected on both sides."""
        for rejected in part.rejected[: KEPT_REJECTIONS - len(self.rejected)]:
            line = (rejected.locator.line or 0) + self.lines
            self.rejected.append(replace(rejected, locator=replace(rejected.locator, line=line)))
        self.lines += part.lines
        self.rejected_lines += part.rejected_lines

    def reject(self, line: int, lines: int, start: int, raw: bytes, reason: Text) -> None:
        """`lines` lines from `line` (from 1), which begin at byte `start` and read `raw`."""
        # Two records can stand on one line (glued together); a line is rejected once.
        counted = max(self._rejected_until + 1 - line, 0)
        lines -= counted
        line += counted
        if lines <= 0:
            return
        self._rejected_until = line + lines - 1
        self.rejected_lines += lines
        last = self.rejected[-1] if self.rejected else None
        if last is not None and last.reason is reason and (last.locator.line or 0) + last.lines == line:
            # Neighbours with one reason are one entry: a chapter of prose must not use up the list.
            locator = Locator(
                self._source, line=last.locator.line, byte_start=last.locator.byte_start, byte_end=start + len(raw)
            )
            self.rejected[-1] = Rejected(locator, reason, last.lines + lines, last.sample)
        elif len(self.rejected) < KEPT_REJECTIONS:
            locator = Locator(self._source, line=line, byte_start=start, byte_end=start + len(raw))
            sample = decode(raw[:_SAMPLE_BYTES]).replace("\x00", "").strip()[:_SAMPLE_CHARACTERS]
            self.rejected.append(Rejected(locator, reason, lines, sample))
