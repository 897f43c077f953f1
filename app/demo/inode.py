"""Writes an iNode client log: heads as the client writes them, bodies in one of its styles.

Times are integer nanoseconds UTC on the writer's clock; the log shows local time, to the second, without a zone.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Literal

from app.demo.bodies import Fields, one_line

NS = 1_000_000_000
CHINA_S = 8 * 3600
EPOCH = datetime.datetime(1970, 1, 1)

NO_ANSWER = "安全认证失败，未收到策略服务器回应。即将强行下线"
PASSED = "安全检查通过"
NOT_PASSED = "安全检查未通过，请修复后重新认证"


@dataclass(frozen=True, slots=True)
class InodeStyle:
    """How the file looks. `wrap_columns` breaks long lines hard, in mid-word, as mail and chat do.

    `has_stray_marks` writes `>>false` and blank lines between the elements of received bodies, as some versions do.
    """

    newline: str = "\r\n"
    encoding: str = "utf-8"
    body: Literal["lines", "indented", "one-line"] = "lines"
    wrap_columns: int | None = None
    has_stray_marks: bool = False


PLAIN_STYLE = InodeStyle()


def local_time(time_ns: int, zone_s: int) -> datetime.datetime:
    return EPOCH + datetime.timedelta(seconds=zone_s, microseconds=time_ns // 1000)


@dataclass(slots=True)
class InodeLog:
    """Collects records in the order of writing; `to_bytes` gives the file."""

    style: InodeStyle = field(default_factory=InodeStyle)
    zone_s: int = CHINA_S
    _lines: list[str] = field(default_factory=list)

    def note(self, time_ns: int, thread: str, text: str, module: str = "Cmn") -> None:
        self._lines.append(f"[{local_time(time_ns, self.zone_s):%Y-%m-%d %H:%M:%S}] [{module}] [{thread}] {text}")

    def sent(self, time_ns: int, thread: str, number: int, fields: Fields, is_again: bool = False) -> None:
        """`out-pkt [number]`; a message that is sent again stands on one line with its head."""
        head = f"SecPkt secPushInner: out-pkt [{number}]"
        if is_again:
            self.note(time_ns, thread, f"{head} {one_line(fields)}", "DtlCmn")
            return
        self.note(time_ns, thread, head, "DtlCmn")
        self._body(fields, is_received=False)
        self.note(
            time_ns, thread, f"SecPkt secPushInner: the state send before is {3 if number == 1 else 11}", "DtlCmn"
        )

    def received(
        self, time_ns: int, thread: str, peer: tuple[str, int], size: int, header: tuple[int, int, int], fields: Fields
    ) -> None:
        """A message of `size` bytes of UDP payload; `header` is (head id, message id, type)."""
        head_id, message_id, number = header
        self.note(time_ns, thread, f"SecPkt secRcvThrd: [{peer[0]} : {peer[1]}] sent me {size} bytes.", "Dbg")
        self.note(time_ns, thread, f"SecPkt secDataProc: The head id is {head_id:x}", "Dbg")
        self.note(time_ns, thread, f"SecPkt secDataProc: The type is {number}", "Dbg")
        self.note(time_ns, thread, f"SecPkt secDataProc: The id is {message_id}", "Dbg")
        self.note(time_ns, thread, f"SecPkt sndSecMsg: transfer [{number}] [{message_id}]", "DtlCmn")
        self._body(fields, is_received=True)

    def result(self, time_ns: int, thread: str, number: int, code: int, notice: str) -> None:
        """`pushSecRslt(number) returned code` and the sentence that the user reads."""
        self.note(time_ns, thread, f"SecPkt pushSecRslt({number}) returned {code}.", "Warn" if code else "Cmn")
        self.note(time_ns, thread, notice, "Cmn")

    def _body(self, fields: Fields, is_received: bool) -> None:
        if self.style.body == "one-line":
            self._lines.append(one_line(fields))
            return
        is_stray = self.style.has_stray_marks and is_received
        indent = "  " if self.style.body == "indented" else ""
        self._lines.append("<data>")
        for name, value in fields:
            if is_stray and not value:
                self._lines.append(f'{indent}<i n="{name}"/>')
            else:
                stray = ">" if is_stray and value == "false" else ""
                self._lines.append(f'{indent}<i n="{name}">{stray}{value}</i>')
            if is_stray:
                self._lines.append("")
        self._lines.append("</data>")

    def to_bytes(self) -> bytes:
        lines = self._lines
        if self.style.wrap_columns:
            lines = [piece for line in lines for piece in _wrapped(line, self.style.wrap_columns)]
        return "".join(line + self.style.newline for line in lines).encode(self.style.encoding)


def _wrapped(line: str, columns: int) -> list[str]:
    return [line[start : start + columns] for start in range(0, len(line), columns)] or [""]
