"""A device that drops fragments of every kind; what is not fragmented passes."""

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

CODE = "fragmented-datagrams-lost"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    losses = forward_losses(case, terminal, Pattern.FRAGMENTED)
    if not losses:
        return nothing_lost(terminal, Direction.TO_SERVER)
    return Hit(tuple(loss_finding(case, terminal, x, _claim(x), _against(x)) for x in losses))


def _claim(loss: LegLoss) -> Text:
    place, n = span(loss.between), loss.counts["datagrams"]
    return Text(
        f"Message {loss.message}: {place.en} every fragment of fragmented datagrams is lost ({n} of {n}), while "
        "unfragmented datagrams pass.",
        f"{loss.message} 号报文：{place.zh}，分片报文的所有分片全部丢失（{n}/{n}），而不分片的报文能通过。",
    )


def _against(loss: LegLoss) -> tuple[Text, ...]:
    if loss.is_path_alive:
        return (
            Text(
                "other datagrams crossed this leg after the losses began: the path did not go down",
                "丢失开始之后仍有其他报文通过该段：链路并未中断",
            ),
        )
    return (
        Text(
            "the unfragmented datagrams crossed before the losses began: a path that went down just then would look "
            "the same; "
            "a long ping during the authentication decides",
            "不分片的报文是在丢失开始之前通过的：若链路恰在此时中断，现象相同；认证过程中长 ping 即可判别",
        ),
    )


RULE = TerminalRule(
    CODE,
    Text(
        "every fragment of fragmented datagrams is lost, unfragmented datagrams pass",
        "分片报文的所有分片全部丢失，不分片的报文能通过",
    ),
    Text(
        "fragmented and unfragmented datagrams at two or more capture points",
        "分片与不分片报文在两个及以上抓包点的情况",
    ),
    judge,
)
