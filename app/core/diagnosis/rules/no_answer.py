"""A request was sent and not answered, and nothing shows why: what can be said, and which file would settle it."""

from __future__ import annotations

from app.core.analysis import Fate, Finding, Message, Outcome, Role, Session, Severity, SourceKind
from app.core.diagnosis.advice import (
    Scene,
    capture_step,
    comware_count,
    firewall_step,
    fix_step,
    ping_step,
    scene,
    settle_with_both_ends,
)
from app.core.diagnosis.arrivals import REQUESTS
from app.core.diagnosis.case_view import COMPRESSION_BYTES, CaseView
from app.core.diagnosis.evidence import of_attempts, of_marks, unique
from app.core.diagnosis.facts import MISS, Hit, Judgement, TerminalRule
from app.core.diagnosis.terminal_view import NO_ANSWER_CODE, REPORT, TerminalView, answers_of
from app.core.diagnosis.wording import joined
from app.core.records import Confidence, Direction, Text

CODE = "no-answer"
# Findings that say why the captures cannot tell; with one of them this finding is no longer the first thing to read.
BLOCKERS = ("capture-gap", "fragments-hidden")


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    explained = terminal.explained_messages()
    if None in explained or terminal.has_found("check-failed"):
        return MISS
    findings: list[Finding] = []
    done = {(f.message or 0) - 1 for f in terminal.found if f.code == "reply-lost" and f.severity == "error"}
    for session in terminal.sessions:
        message = _unanswered(session)
        if message is None or message.number in explained or message.number in done:
            continue
        finding = _finding(case, terminal, session, message)
        if finding is not None:
            findings.append(finding)
            done.add(message.number)  # one finding a message: the other sessions of this terminal fail alike
    return Hit(tuple(findings)) if findings else MISS


def _unanswered(session: Session) -> Message | None:
    """The last request without an answer, where the session failed or at least went on asking."""
    if session.outcome is Outcome.PASSED:
        return None
    open_ones = [
        m
        for m in session.messages
        if m.direction is Direction.TO_SERVER and m.number in REQUESTS and not answers_of(session, m.number)
    ]
    message = open_ones[-1] if open_ones else None
    if message is None or (session.outcome is not Outcome.FAILED and len(message.attempts) < 2):
        return None
    return message


def _finding(case: CaseView, terminal: TerminalView, session: Session, message: Message) -> Finding | None:
    gave_up = [m for m in session.marks if m.side == "client" and (m.code == NO_ANSWER_CODE or m.kind == "notice")]
    evidence = unique((*of_attempts(message.attempts), *of_marks(gave_up)))
    if not evidence:
        return None
    sends, size = len(message.attempts), message.plain_bytes
    last_whole = _last_whole(terminal, message)
    in_band = message.number == REPORT and size is not None and case.is_in_band(size)
    at = scene(case, terminal, message.attempts)
    log_silent = case.has_kind(SourceKind.SERVER_LOG) and not any(a.server_log_time_ns for a in message.attempts)
    steps = [_settle(at, last_whole), ping_step(at)]
    if in_band:
        steps += [firewall_step(), comware_count(at), fix_step(case, size)]
    return Finding(
        code=CODE,
        severity=Severity.WARNING if terminal.has_found(*BLOCKERS) else Severity.ERROR,
        confidence=Confidence.LIKELY if in_band or len(gave_up) > 0 else Confidence.POSSIBLE,
        summary=joined(
            _what(message, sends),
            _where(last_whole, log_silent),
            _size(case, message, size),
            _reason(case, terminal, last_whole),
        ),
        evidence=evidence,
        message=message.number,
        counts={"datagrams": sends},
        against=_against(session, message, in_band),
        next_steps=tuple(steps),
        details={
            "plain_bytes": size,
            "lower_edge": case.lower_edge,
            "upper_edge": COMPRESSION_BYTES,
            "last_seen_whole": last_whole,
        },
    )


def _last_whole(terminal: TerminalView, message: Message) -> str | None:
    """The farthest point that has a send of this message whole."""
    names = terminal.names.of(Direction.TO_SERVER)
    seen = [
        i
        for a in message.attempts
        if a.datagram is not None
        for i, name in enumerate(names)
        if a.datagram.fate.get(name) is Fate.WHOLE
    ]
    return names[max(seen)] if seen else None


def _what(message: Message, sends: int) -> Text:
    gaps = [a.gap_s for a in message.attempts if a.gap_s]
    pace = f", {sum(gaps) / len(gaps):.0f} s apart" if gaps else ""
    pace_zh = f"，间隔约 {sum(gaps) / len(gaps):.0f} 秒" if gaps else ""
    times = {1: "once", 2: "twice"}.get(sends, f"{_words(sends)} times")
    return Text(
        f"Message {message.number} was sent {times}{pace}, and no answer came.",
        f"{message.number} 号报文发送 {sends} 次{pace_zh}，均未收到应答。",
    )


def _words(count: int) -> str:
    return {3: "three", 4: "four", 5: "five", 6: "six"}.get(count, str(count))


def _where(last_whole: str | None, log_silent: bool) -> Text:
    parts: list[Text] = []
    if last_whole is not None:
        parts.append(
            Text(
                f"It is whole at {last_whole}; beyond that nothing is known: it was lost behind {last_whole}, or at "
                f"the server.",
                f"报文在 {last_whole} 处完整；其后情况未知：丢在 {last_whole} 之后，或问题在服务器。",
            )
        )
    if log_silent:
        parts.append(Text("The policy server's log does not have it.", "策略服务器日志中没有该报文。"))
    return joined(*parts)


def _size(case: CaseView, message: Message, size: int | None) -> Text:
    if message.number != REPORT or size is None:
        return Text("", "")
    edge = case.lower_edge
    if case.is_in_band(size):
        return Text(
            f"With {size} bytes of plaintext it lies in the band from {edge + 1} to {COMPRESSION_BYTES} in which it "
            f"is sent plain "
            "and in fragments: most likely a device on the way drops fragments.",
            f"其明文长度 {size} 字节，落在 {edge + 1}–{COMPRESSION_BYTES} 字节区间内，会以明文分片发送："
            f"很可能途中有设备丢弃分片。",
        )
    if size <= edge:
        return Text(
            f"With {size} bytes of plaintext it is not fragmented, so fragments are not the cause.",
            f"其明文长度 {size} 字节，不会分片，因此与分片无关。",
        )
    return Text(
        f"With {size} bytes of plaintext it is compressed where the server asks for it; whether it was fragmented "
        f"only a "
        "capture tells.",
        f"其明文长度 {size} 字节，若服务器启用加密压缩则会压缩发送；是否分片须看抓包。",
    )


def _reason(case: CaseView, terminal: TerminalView, last_whole: str | None) -> Text:
    if last_whole is None and case.points:
        return Text(
            "Not certain: no capture of this case shows it; captures on the terminal and on the policy server that run "
            "during the whole authentication would settle it.",
            "尚不能确定：本案例的抓包中都没有该报文；在终端与策略服务器两侧全程抓包即可定论。",
        )
    if last_whole is None:
        return Text(
            "Not certain: logs alone cannot show what left the terminal and what arrived; a capture on the terminal "
            "and one on "
            "the policy server, taken at the same time, would settle it.",
            "尚不能确定：仅凭日志看不出报文是否发出、是否到达；终端与策略服务器两侧同时抓包即可定论。",
        )
    if case.points_of(Role.SERVER) and terminal.has_captures:
        return Text(
            "Not certain: the server's capture cannot tell what arrived.", "尚不能确定：服务器侧抓包无法说明是否到达。"
        )
    return Text(
        "Not certain: a capture on the policy server would settle it.", "尚不能确定：补一份策略服务器侧抓包即可定论。"
    )


def _settle(at: Scene, last_whole: str | None) -> Text:
    if last_whole is None:
        return settle_with_both_ends(at)
    return capture_step(at, Text("on the policy server (one file settles it)", "策略服务器侧（一份抓包即可定论）"))


def _against(session: Session, message: Message, in_band: bool) -> tuple[Text, ...]:
    result: list[Text] = []
    if message.number == REPORT and any(m.number == 2 for m in session.messages):
        result.append(
            Text(
                "messages 1 and 2 went through just before, so terminal, path and service were up",
                "1、2 号报文此前刚刚交互成功，说明终端、链路和服务当时均正常",
            )
        )
    if in_band:
        result.append(
            Text(
                "a silent server would look the same in the client's log; terminals of other sizes that pass speak "
                "against it",
                "服务器不应答时客户端日志现象相同；若其他长度的终端能通过，则可排除",
            )
        )
    return tuple(result)


RULE = TerminalRule(
    CODE,
    Text(
        "a request was sent and not answered; what can be known and what would settle it",
        "请求已发送而没有应答；目前能知道什么、补充什么可以定论",
    ),
    Text("the iNode log or a capture near the client", "iNode 日志，或靠近客户端的抓包"),
    judge,
)
