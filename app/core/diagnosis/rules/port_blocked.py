"""What goes to one port of the server is lost; what goes to another passes."""

from __future__ import annotations

from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import Hit, Judgement, TerminalRule
from app.core.diagnosis.loss_findings import forward_losses, loss_finding
from app.core.diagnosis.losses import LegLoss
from app.core.diagnosis.needs import nothing_lost
from app.core.diagnosis.tallies import Pattern
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import listed, span
from app.core.records import Direction, Text

CODE = "port-blocked"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    losses = forward_losses(case, terminal, Pattern.PORT)
    if not losses:
        return nothing_lost(terminal, Direction.TO_SERVER)
    return Hit(tuple(loss_finding(case, terminal, x, _claim(x), AGAINST) for x in losses))


AGAINST = (
    Text(
        "unfragmented datagrams are lost as well, so this is not about fragments; other ports of the same server pass",
        "不分片的报文同样丢失，因此与分片无关；同一服务器的其他端口能通过",
    ),
)


def _claim(loss: LegLoss) -> Text:
    place = span(loss.between)
    lost, passed = listed(sorted(loss.tally.ports_lost)), listed(sorted(loss.tally.ports_passed))
    return Text(
        f"Message {loss.message}: {place.en} nothing to port {lost.en} passes, while port {passed.en} does.",
        f"{loss.message} 号报文：{place.zh}，发往端口 {lost.zh} 的报文全部丢失，而端口 {passed.zh} 能通过。",
    )


RULE = TerminalRule(
    CODE,
    Text("datagrams to one port are lost, those to another pass", "发往某端口的报文全部丢失，其他端口能通过"),
    Text("datagrams to several ports at two or more capture points", "发往多个端口的报文在两个及以上抓包点的情况"),
    judge,
)
