"""Writes an iNode log of one security check, and damages logs the way mail, chat and editors do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

SYSTEM = "Windows|10 Professional Service Pack 2|0x0804"


@dataclass(frozen=True)
class Check:
    """What one written security check is made of."""

    user: str = "li.lei@branch"
    mac: str = "00:1C:42:0A:5B:7E"
    event: str = "q7XwPe2d"
    server: str = "172.20.3.9"
    patches: Sequence[str] = field(default_factory=lambda: [f"KB{4_100_000 + 37 * at}" for at in range(120)])
    sends: int = 4
    wire_bytes: int = 433
    message_id: int = 31207
    code: int = 4
    notice: str = "安全认证失败，未收到策略服务器回应。即将强行下线"


def elements(pairs: Sequence[tuple[str, str]]) -> list[str]:
    return [f'<i n="{name}">{value}</i>' for name, value in pairs]


def start_body(check: Check) -> list[str]:
    return elements([("userName", check.user), ("hwAddr", check.mac), ("eventSeqID", check.event)])


def policy_body(check: Check) -> list[str]:
    return elements(
        [
            ("strategyMode", "autoAdapt"),
            ("userMessage", ""),
            ("antiProxy", "false"),
            ("damProxyIp", "2886992649"),
            ("damProxyPort", "9029"),
            ("heartBeatInterval", "600"),
            ("checkList", "Virus-Def-Version;Windows"),
            ("patchLevel", "Critical,monitor;Low,remind"),
            ("eventSeqID", check.event),
            ("serverVersion", "V700R003"),
        ]
    )


def result_body(check: Check) -> list[str]:
    return elements(
        [
            ("userName", check.user),
            ("hwAddr", check.mac),
            ("dictionaryDigest", ""),
            ("eventSeqID", check.event),
            ("checkResult", f"{SYSTEM}|{';'.join(check.patches)}"),
            ("checkResult", "Virus-Def-Version|2026-02-11"),
            ("checkResult", "AV-Software|Kaspersky"),
            ("FWcheckResult", ""),
        ]
    )


def one_line(body: Sequence[str]) -> str:
    return "<data>" + "".join(body) + "</data>"


def records(check: Check = Check(), day: str = "2026-03-05", hour: int = 9) -> list[str]:
    """The records of one check, in order, bodies over many lines, and on one line when sent again."""

    def at(second: int, level: str, thread: str, text: str) -> str:
        return (
            f"[{day} {hour + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}] [{level}] [{thread}] {text}"
        )

    def lines(body: Sequence[str]) -> str:
        return "\n<data>\n" + "\n".join(body) + "\n</data>"

    log = [
        at(1, "Cmn", "1394", "8021X authentication success, 身份认证成功"),
        at(2, "DtlCmn", "1394", "SecPkt secPushInner: out-pkt [1]" + lines(start_body(check))),
        at(2, "DtlCmn", "1394", "SecPkt secPushInner: the state send before is 3"),
        at(3, "Dbg", "1b50", f"SecPkt secRcvThrd: [{check.server} : 9019] sent me {check.wire_bytes} bytes."),
        at(3, "Dbg", "1b50", "SecPkt secDataProc: The head id is ad878"),
        at(3, "Dbg", "1b50", "SecPkt secDataProc: The type is 2"),
        at(3, "Dbg", "1b50", f"SecPkt secDataProc: The id is {check.message_id}"),
        at(3, "DtlCmn", "1b50", f"SecPkt sndSecMsg: transfer [2] [{check.message_id}]" + lines(policy_body(check))),
    ]
    for attempt in range(check.sends):
        body = (
            lines(["  " + item for item in result_body(check)]) if attempt == 0 else " " + one_line(result_body(check))
        )
        log.append(at(20 + 5 * attempt, "DtlCmn", "9b8", "SecPkt secPushInner: out-pkt [3]" + body))
    last = 20 + 5 * check.sends
    log.append(at(last, "Warn", "13a8", f"SecPkt pushSecRslt(3) returned {check.code}."))
    log.append(at(last, "Cmn", "13a8", check.notice))
    return log


def written(log: Sequence[str], line_end: str = "\n") -> str:
    return ("\n".join(log) + "\n").replace("\n", line_end)


def wrapped(text: str, column: int) -> str:
    """Every line cut hard at the column, as a terminal or a ticket system does."""
    out = []
    for line in text.split("\n"):
        out += [line[at : at + column] for at in range(0, len(line), column)] or [""]
    return "\n".join(out)
