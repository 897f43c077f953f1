"""The server answered, and the answer did not reach the client."""

from __future__ import annotations

from app.core.analysis import Attempt, Evidence, Finding, Message, Outcome, Role, Session, Severity
from app.core.diagnosis.advice import loss_steps, scene, settle_with_both_ends
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts, unique
from app.core.diagnosis.facts import Hit, Judgement, TerminalRule
from app.core.diagnosis.loss_findings import loss_finding, losses_of
from app.core.diagnosis.losses import LegLoss
from app.core.diagnosis.needs import nothing_lost
from app.core.diagnosis.tallies import Pattern
from app.core.diagnosis.terminal_view import TerminalView, got_by_client
from app.core.diagnosis.wording import plural, span
from app.core.records import Confidence, Direction, Text

CODE = "reply-lost"

_PATTERNS = {
    Pattern.LATER: Text("first fragments come, fragments with an offset do not", "首片能到，非首片分片不能到"),
    Pattern.FIRST: Text("fragments with an offset come, first fragments do not", "非首片分片能到，首片不能到"),
    Pattern.FRAGMENTED: Text("fragmented answers are lost whole", "分片的应答全部丢失"),
    Pattern.LARGE: Text("answers over a size are lost", "超过某一长度的应答丢失"),
    Pattern.PORT: Text("answers from one port are lost", "来自某端口的应答丢失"),
    Pattern.RANDOM: Text("some answers pass and some do not", "有的应答通过，有的丢失"),
    Pattern.DOWN: Text("no answer passes", "没有应答能通过"),
}


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    losses = [x for x in losses_of(case, terminal) if x.direction is Direction.TO_CLIENT]
    findings = [_finding(case, terminal, loss) for loss in losses if not loss.is_part_of_random]
    lost = {passage.number for loss in losses for passage in loss.tally.lost}
    findings += _by_logs(case, terminal, lost)
    return Hit(tuple(findings)) if findings else nothing_lost(terminal, Direction.TO_CLIENT)


def _finding(case: CaseView, terminal: TerminalView, loss: LegLoss) -> Finding:
    place, pattern, c = span(loss.between), _PATTERNS[loss.pattern], loss.counts
    claim = Text(
        f"Answer {loss.message} left the server and was lost {place.en}: {pattern.en} "
        f"({plural(c['datagrams'], 'datagram')}, {c['fragments_lost']} of {c['fragments_sent']} pieces). "
        "To the client it looks as if the server were silent.",
        f"服务器的 {loss.message} 号应答已发出，在 {place.zh}丢失：{pattern.zh}（{c['datagrams']} 个报文，"
        f"{c['fragments_sent']} 个分片中丢失 {c['fragments_lost']} 个）。在客户端看来如同服务器没有回应。",
    )
    against = (
        Text(
            "the request arrived and was answered: the way to the server is not the fault",
            "请求已到达并得到应答：去往服务器方向没有问题",
        ),
    )
    return loss_finding(case, terminal, loss, claim, against, code=CODE)


def _by_logs(case: CaseView, terminal: TerminalView, lost: set[int]) -> list[Finding]:
    """The server logged an answer that the client's log, though it runs on, does not have."""
    clients = case.points_of(Role.CLIENT)
    result: list[Finding] = []
    for session in terminal.sessions:
        if session.outcome is Outcome.PASSED or not _log_runs_on(session):
            continue
        for message in session.messages:
            if message.direction is Direction.TO_SERVER or message.number in lost or got_by_client(message, clients):
                continue
            told = [a for a in message.attempts if a.server_log_time_ns is not None]
            if told:
                result.append(_told_only(case, terminal, session, message, told))
                lost.add(message.number)
    return result


def _log_runs_on(session: Session) -> bool:
    """The client's own word on how the session ended: its log was not cut before an answer could come."""
    return any(mark.side == "client" and mark.kind in ("result", "notice") for mark in session.marks)


def _told_only(
    case: CaseView, terminal: TerminalView, session: Session, message: Message, told: list[Attempt]
) -> Finding:
    at = scene(case, terminal, message.attempts)
    end: tuple[Evidence, ...] = tuple(m.evidence for m in session.marks if m.side == "client")[:2]
    return Finding(
        code=CODE,
        severity=Severity.ERROR,
        confidence=Confidence.LIKELY,
        summary=Text(
            f"The server logged answer {message.number} as sent ({plural(len(told), 'time')}), and the client's "
            "log never has it. Likely, not certain: both are logs, no capture shows where it was lost.",
            f"服务器日志记录已发出 {message.number} 号应答（{len(told)} 次），而客户端日志中始终没有。"
            "很可能是应答丢失，尚不能确定：两者都只是日志，没有抓包说明丢在何处。",
        ),
        evidence=unique((*of_attempts(told), *end)),
        message=message.number,
        counts={"datagrams": len(told)},
        against=(Text("a host firewall on the terminal would look the same", "终端本机防火墙拦截也会有同样现象"),),
        next_steps=(settle_with_both_ends(at), *loss_steps(case, at, None, Direction.TO_CLIENT, None)[1:4]),
    )


RULE = TerminalRule(
    CODE,
    Text("a message of the server left it and did not reach the client", "服务器发出的报文未能到达客户端"),
    Text("answers at the server and nearer the client, or both logs", "应答在服务器侧与客户端侧的抓包，或两侧日志"),
    judge,
)
