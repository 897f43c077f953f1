"""A device that filters by port, or inspects the payload, drops first fragments and lets the rest through."""

from __future__ import annotations

from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import Hit, Judgement, TerminalRule
from app.core.diagnosis.loss_findings import forward_losses, loss_finding
from app.core.diagnosis.losses import LegLoss
from app.core.diagnosis.needs import nothing_lost
from app.core.diagnosis.tallies import Pattern
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import span
from app.core.records import Direction, Text

CODE = "first-fragment-lost"

AGAINST = (
    Text(
        "fragments with an offset of the same datagrams arrive, so the path is up and fragments as such pass",
        "同一报文的非首片分片能够到达，因此链路可达，分片本身也能通过",
    ),
    Text(
        "only first fragments carry ports and the message's first bytes: look for rules on ports, payload inspection "
        "or a "
        "size limit that only the longer first fragment exceeds",
        "只有首片带端口和报文开头内容：请查端口规则、载荷检测，以及只有较长的首片才会超过的长度限制",
    ),
)


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    losses = forward_losses(case, terminal, Pattern.FIRST)
    if not losses:
        return nothing_lost(terminal, Direction.TO_SERVER)
    return Hit(tuple(loss_finding(case, terminal, x, _claim(x), AGAINST) for x in losses))


def _claim(loss: LegLoss) -> Text:
    place, n = span(loss.between), loss.counts["datagrams"]
    return Text(
        f"Message {loss.message}: {place.en} first fragments are dropped and fragments with an offset pass, in {n} "
        f"of {n} "
        "fragmented datagrams. Without the first fragment the server can neither reassemble nor complain (ICMP 11/1).",
        f"{loss.message} 号报文：{place.zh}，首片被丢弃而非首片分片能通过，{n} 个分片报文均如此。"
        "缺少首片，服务器既无法重组，也不会回应 ICMP 11/1。",
    )


RULE = TerminalRule(
    CODE,
    Text("fragments with an offset pass, first fragments do not", "非首片分片能通过，首片不能通过"),
    Text("fragments of one datagram at two or more capture points", "同一报文的分片在两个及以上抓包点的情况"),
    judge,
)
