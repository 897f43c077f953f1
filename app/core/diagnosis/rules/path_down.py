"""Nothing of this terminal crosses a leg: no route, a closed port of a switch, an ACL on the terminal."""

from __future__ import annotations

from dataclasses import replace

from app.core.analysis import Finding, Severity
from app.core.diagnosis.advice import halve, scene
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import Hit, Judgement, TerminalRule
from app.core.diagnosis.loss_findings import forward_losses, loss_finding
from app.core.diagnosis.losses import LegLoss
from app.core.diagnosis.needs import nothing_lost
from app.core.diagnosis.tallies import Pattern
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import span
from app.core.records import Confidence, Direction, Text

CODE = "path-down"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    sure = [_finding(case, terminal, loss) for loss in forward_losses(case, terminal, Pattern.DOWN)]
    also = [
        _possible(case, terminal, loss)
        for pattern in (Pattern.FRAGMENTED, Pattern.PORT)
        for loss in forward_losses(case, terminal, pattern)
        if not loss.is_path_alive
    ]
    if not sure and not also:
        return nothing_lost(terminal, Direction.TO_SERVER)
    return Hit((*sure, *also))


def _finding(case: CaseView, terminal: TerminalView, loss: LegLoss) -> Finding:
    place, n = span(loss.between), loss.counts["datagrams"]
    if loss.tally.passed:
        claim = Text(
            f"Nothing of this terminal crosses {place.en} any more: {loss.tally.passed} datagram(s) passed at first, "
            f"then "
            f"all {n} were lost, fragmented or not.",
            f"该终端的报文在{place.zh}中断：起初有 {loss.tally.passed} 个报文通过，其后 {n} 个全部丢失，无论是否分片。",
        )
    else:
        claim = Text(
            f"Nothing of this terminal crosses {place.en}: {n} of {n} datagrams are lost, small ones too.",
            f"该终端的报文在{place.zh}完全不通：{n} 个报文全部丢失，小报文也不例外。",
        )
    against = (
        Text(
            f"{loss.others.passed} datagram(s) of other terminals or times crossed the same leg"
            if loss.others.passed > loss.tally.passed
            else "no datagram of any other terminal is known to cross this leg",
            f"其他终端或其他时间有 {loss.others.passed} 个报文通过同一段"
            if loss.others.passed > loss.tally.passed
            else "未见其他终端的报文通过该段",
        ),
    )
    made = loss_finding(case, terminal, loss, claim, against)
    return replace(made, next_steps=_steps(case, terminal, loss))


def _steps(case: CaseView, terminal: TerminalView, loss: LegLoss) -> tuple[Text, ...]:
    at = scene(case, terminal, loss.attempts)
    target = at.server or "SERVER"
    check = Text(
        f"From the terminal: ping {target} and tracert {target}; on the devices of that leg: display ip routing-table "
        f"{target}, display arp, the VLAN and the state of the port, ACLs that name {at.client or 'the terminal'}.",
        f"在终端上 ping {target}、tracert {target}；在该段设备上查 display ip routing-table {target}、display arp、"
        f"VLAN 与端口状态，以及涉及 {at.client or '该终端'} 的 ACL。",
    )
    return (check, halve(at, loss.between)) if loss.between else (check,)


def _possible(case: CaseView, terminal: TerminalView, loss: LegLoss) -> Finding:
    """The same sightings with a second reading: from one moment on everything was lost."""
    place = span(loss.between)
    made = loss_finding(case, terminal, loss, Text("", ""), code=CODE)
    return replace(
        made,
        severity=Severity.WARNING,
        confidence=Confidence.POSSIBLE,
        summary=Text(
            f"Possible as well: the path {place.en} went down after the first datagrams had passed. Nothing else was "
            f"sent "
            "afterwards that could tell.",
            f"另一种可能：最初的报文通过之后，{place.zh}链路中断。其后没有其他报文可供判别。",
        ),
        next_steps=_steps(case, terminal, loss),
    )


RULE = TerminalRule(
    CODE,
    Text("nothing of this terminal crosses", "该终端的报文完全不通"),
    Text("datagrams at two or more capture points", "报文在两个及以上抓包点的情况"),
    judge,
)
