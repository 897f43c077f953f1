"""Two witnesses that cannot both be right: a log and a capture."""

from __future__ import annotations

from app.core.analysis import Attempt, Fate, Finding, Message, Role, Session, Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts
from app.core.diagnosis.facts import MISS, Hit, Judgement, NotRun, TerminalRule
from app.core.diagnosis.needs import has_client_log, has_server_log
from app.core.diagnosis.terminal_view import TerminalView, answers_of
from app.core.diagnosis.wording import NO_CLIENT_LOG, NO_SERVER_LOG, NO_TWO_CAPTURES, plural
from app.core.records import Confidence, Direction, Text

CODE = "contradiction"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    if not terminal.has_captures:
        return NotRun((NO_TWO_CAPTURES,))
    if not has_client_log(terminal) and not has_server_log(terminal):
        return NotRun((NO_CLIENT_LOG, NO_SERVER_LOG))
    findings = [
        finding
        for session in terminal.sessions
        for message in session.messages
        if (finding := _judge(case, session, message))
    ]
    return Hit(tuple(findings[:8])) if findings else MISS


def _judge(case: CaseView, session: Session, message: Message) -> Finding | None:
    """More sends in the receiver's log than its own capture can have let through."""
    to_server = message.direction is Direction.TO_SERVER
    points = case.points_of(Role.SERVER if to_server else Role.CLIENT)
    told = [a for a in message.attempts if (a.server_log_time_ns if to_server else a.log_time_ns) is not None]
    judged = [a for a in message.attempts if a.datagram is not None and points & a.datagram.fate.keys()]
    denied = [
        a
        for a in judged
        if a.datagram is not None
        and all(a.datagram.fate.get(p) in (Fate.PARTIAL, Fate.ABSENT) for p in points if p in a.datagram.fate)
    ]
    possible = len(message.attempts) - len(denied)
    answered = to_server and bool(answers_of(session, message.number)) and possible == 0
    if not denied or (len(told) <= possible and not answered):
        return None
    return _finding(message, told, denied, to_server, bool(told))


def _finding(message: Message, told: list[Attempt], denied: list[Attempt], to_server: bool, is_logged: bool) -> Finding:
    who, who_zh = ("policy server", "策略服务器") if to_server else ("client", "客户端")
    number = message.number
    says = (
        Text(
            f"The {who}'s log has message {number} as received {plural(len(told), 'time')}",
            f"{who_zh}日志记录收到 {number} 号报文 {len(told)} 次",
        )
        if is_logged
        else Text(f"Message {number} was answered", f"{number} 号报文得到了应答")
    )
    return Finding(
        code=CODE,
        severity=Severity.WARNING,
        confidence=Confidence.CERTAIN,
        summary=Text(
            f"{says.en}, and the capture there does not have it whole ({plural(len(denied), 'send')}): both "
            f"cannot be right. No loss is "
            f"claimed from that capture. Certain: both stand in the evidence.",
            f"{says.zh}，而该处抓包中并不完整（{len(denied)} 次发送）：两者不可能同时成立。不据此抓包断定丢失。"
            f"结论确定：两者均见于证据。",
        ),
        evidence=of_attempts([*told, *denied]),
        message=number,
        counts={"logged": len(told), "datagrams": len(denied)},
        against=(
            Text(
                "a second network path, another host of a cluster, or a capture that lost packets explains both",
                "另有网络路径、集群中的另一台主机，或抓包自身丢包，均可解释这一矛盾",
            ),
        ),
        next_steps=(
            Text(
                f"Check that the capture was taken on the very host and interface that the {who} uses, on all its "
                f"cards, and "
                "without losing packets (dumpcap prints how many it dropped).",
                f"确认抓包所在主机和网卡正是{who_zh}所用的，覆盖其全部网卡，且抓包自身没有丢包（dumpcap "
                f"结束时会显示丢弃数）。",
            ),
        ),
    )


RULE = TerminalRule(
    CODE,
    Text("a log and a capture contradict each other", "日志与抓包互相矛盾"),
    Text("a log and a capture of the same end", "同一端的日志与抓包"),
    judge,
)
