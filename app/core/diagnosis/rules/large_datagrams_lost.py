"""A device that drops everything over a size, fragmented or not."""

from __future__ import annotations

from dataclasses import replace

from app.core.analysis import Finding
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import Hit, Judgement, TerminalRule
from app.core.diagnosis.loss_findings import forward_losses, loss_finding
from app.core.diagnosis.losses import LegLoss
from app.core.diagnosis.needs import nothing_lost
from app.core.diagnosis.tallies import Pattern
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import span
from app.core.records import Direction, Text

CODE = "large-datagrams-lost"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    losses = forward_losses(case, terminal, Pattern.LARGE)
    if not losses:
        return nothing_lost(terminal, Direction.TO_SERVER)
    return Hit(tuple(_finding(case, terminal, loss) for loss in losses))


def _finding(case: CaseView, terminal: TerminalView, loss: LegLoss) -> Finding:
    place, t = span(loss.between), loss.tally
    largest = max(t.largest_passed, loss.others.largest_passed)
    claim = Text(
        f"Message {loss.message}: {place.en} datagrams of {largest} bytes and less pass, those of "
        f"{t.smallest_lost} bytes and more are lost, unfragmented ones too: a limit on size lies between.",
        f"{loss.message} 号报文：{place.zh}，{largest} 字节及以下的报文能通过，{t.smallest_lost} "
        f"字节及以上的全部丢失，"
        "不分片的也丢：该段存在长度限制。",
    )
    against = (
        Text(
            "datagrams lost without being fragmented speak against a rule on fragments only",
            "不分片的报文也丢失，说明不只是针对分片的规则",
        ),
    )
    made = loss_finding(case, terminal, loss, claim, against)
    return replace(made, details={**made.details, "passes_up_to": largest, "lost_from": t.smallest_lost})


RULE = TerminalRule(
    CODE,
    Text("datagrams over a size are lost, smaller ones pass", "超过某一长度的报文全部丢失，较小的能通过"),
    Text("datagrams of several sizes at two or more capture points", "多种长度的报文在两个及以上抓包点的情况"),
    judge,
)
