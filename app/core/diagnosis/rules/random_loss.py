"""Congestion, a bad cable, a duplex mismatch: fragments and whole datagrams are lost alike."""

from __future__ import annotations

from dataclasses import replace

from app.core.analysis import Finding
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import Hit, Judgement, TerminalRule
from app.core.diagnosis.loss_findings import loss_finding, losses_of
from app.core.diagnosis.losses import LegLoss
from app.core.diagnosis.needs import nothing_lost
from app.core.diagnosis.tallies import Pattern
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import span
from app.core.records import Direction, Text

CODE = "random-loss"

STEPS = (
    Text(
        "Look for what loses at random on that leg: `display interface` (CRC, input errors, giants, output drops, "
        "duplex "
        "and speed on both sides), `display packet-drop interface`, queue and bandwidth limits, the CPU of the "
        "firewall. "
        "A long ping with large and small packets gives the rate: ping -n 500 -l 64 and ping -n 500 -l 1400.",
        "排查该段随机丢包的原因：display interface（CRC、input errors、giants、出方向丢弃、两端双工与速率）、"
        "display packet-drop interface、队列与限速、防火墙 CPU。用大小包长 ping 可得丢包率：ping -n 500 -l 64 与 "
        "ping -n 500 -l 1400。",
    ),
)


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    losses = [x for x in losses_of(case, terminal) if x.pattern is Pattern.RANDOM]
    forward = [x for x in losses if x.direction is Direction.TO_SERVER]
    back = [x for x in losses if x.direction is Direction.TO_CLIENT]
    alone = [x for x in back if x.is_part_of_random and not any(_is_same_leg(x, y) for y in forward)]
    if not forward and not alone:
        return nothing_lost(terminal, Direction.TO_SERVER)
    return Hit(tuple(_finding(case, terminal, x, _way_back(x, back)) for x in (*forward, *alone)))


def _is_same_leg(one: LegLoss, other: LegLoss) -> bool:
    return frozenset(one.between or ()) == frozenset(other.between or ())


def _way_back(loss: LegLoss, back: list[LegLoss]) -> LegLoss | None:
    return next((x for x in back if x is not loss and _is_same_leg(x, loss)), None)


def _finding(case: CaseView, terminal: TerminalView, loss: LegLoss, back: LegLoss | None) -> Finding:
    place, t = span(loss.between), loss.tally
    passed = t.passed
    claim = Text(
        f"{place.en[:1].upper()}{place.en[1:]} datagrams are lost without a pattern: "
        f"{len(t.lost)} lost in whole or in part, {passed} "
        f"passed; {t.fragments_lost} of {t.fragments_sent} pieces of the lost ones are missing"
        + (f"; {_answers(len(back.tally.lost))} lost on the same leg." if back else "."),
        f"{place.zh}存在无规律丢包：{len(t.lost)} 个报文全部或部分丢失，{passed} 个完整通过；"
        f"丢失报文的 {t.fragments_sent} 个分片中缺 {t.fragments_lost} 个"
        + (f"；同一段上应答报文也丢失 {len(back.tally.lost)} 个。" if back else "。"),
    )
    against = (
        Text(
            "a rule on fragments or on size would treat equal datagrams alike; here some pass and some do not",
            "若是针对分片或长度的规则，相同的报文应得到相同处理；此处有的通过、有的丢失",
        ),
    )
    made = loss_finding(case, terminal, loss, claim, against)
    counts = {**made.counts, "passed": passed}
    if back is not None:
        counts["answers_lost"] = len(back.tally.lost)
    return replace(made, counts=counts, next_steps=(*STEPS, *made.next_steps[:3]))


def _answers(count: int) -> str:
    return "1 answer was" if count == 1 else f"{count} answers were"


RULE = TerminalRule(
    CODE,
    Text(
        "fragments and whole datagrams are lost alike, some of each pass",
        "分片与完整报文都有丢失，也都有通过，无规律",
    ),
    Text("datagrams at two or more capture points", "报文在两个及以上抓包点的情况"),
    judge,
)
