"""A device that wants ports, or a broken reassembly, lets first fragments through and drops the others."""

from __future__ import annotations

from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import Hit, Judgement, TerminalRule
from app.core.diagnosis.loss_findings import forward_losses, loss_finding
from app.core.diagnosis.losses import LegLoss
from app.core.diagnosis.needs import nothing_lost
from app.core.diagnosis.tallies import Pattern, Way
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import joined, span
from app.core.records import Direction, Text

CODE = "later-fragments-lost"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    losses = forward_losses(case, terminal, Pattern.LATER)
    if not losses:
        return nothing_lost(terminal, Direction.TO_SERVER)
    return Hit(tuple(loss_finding(case, terminal, x, _claim(x), _against(x)) for x in losses))


def _claim(loss: LegLoss) -> Text:
    place, counts = span(loss.between), loss.counts
    n = counts["datagrams"]
    whole = loss.tally.count(Way.WHOLE)
    main = Text(
        f"Message {loss.message}: {place.en} first fragments pass and fragments with an offset do not, in {n} of "
        f"{n + whole} fragmented datagrams ({counts['fragments_lost']} of {counts['fragments_sent']} fragments lost).",
        f"{loss.message} 号报文：{place.zh}，首片能通过，非首片分片（偏移不为 0）被丢弃，{n + whole} 个分片报文中有 "
        f"{n} 个如此"
        f"（发出 {counts['fragments_sent']} 个分片，丢失 {counts['fragments_lost']} 个）。",
    )
    return joined(main, Text("The server can never reassemble it.", "服务器因此无法重组。"))


def _against(loss: LegLoss) -> tuple[Text, ...]:
    result = [
        Text(
            "first fragments of the same datagrams arrive, so the path is up and the port is open",
            "同一报文的首片能够到达，因此链路可达、端口未被封",
        )
    ]
    if not loss.tally.count(Way.WHOLE):
        result.append(
            Text(
                "chance loss would take first fragments too: not one of them was lost here",
                "若是随机丢包，首片也会丢失，而此处首片一个未丢",
            )
        )
    if loss.tally.count(Way.SOME_LATER):
        result.append(
            Text(
                "some fragments with an offset do pass: a limit on number, size or order is possible as well",
                "也有部分非首片分片通过：不排除对分片数量、长度或顺序的限制",
            )
        )
    return tuple(result)


RULE = TerminalRule(
    CODE,
    Text("first fragments pass, fragments with an offset do not", "首片能通过，非首片分片不能通过"),
    Text("fragments of one datagram at two or more capture points", "同一报文的分片在两个及以上抓包点的情况"),
    judge,
)
