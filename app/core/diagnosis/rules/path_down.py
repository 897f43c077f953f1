"""Nothing of this terminal crosses a leg: no route, a closed port of a switch, an ACL on the terminal."""

from __future__ import annotations

from dataclasses import replace

from app.core.analysis import Evidence, Fate, Finding, Severity
from app.core.diagnosis.advice import RUN_SECONDS, capture_step, halve, ping_step, scene
from app.core.diagnosis.blind_spots import CLOCK_UNKNOWN, NOT_CAPTURING, BlindSpot, blind_spots
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts, unique
from app.core.diagnosis.facts import Hit, Judgement, TerminalRule
from app.core.diagnosis.loss_findings import forward_losses, loss_finding
from app.core.diagnosis.losses import LegLoss
from app.core.diagnosis.needs import nothing_lost
from app.core.diagnosis.tallies import Pattern
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import plural, span
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
    quiet = [] if sure or also else _perhaps_quiet(case, terminal)
    if not sure and not also and not quiet:
        return nothing_lost(terminal, Direction.TO_SERVER)
    return Hit((*sure, *also, *quiet))


def _finding(case: CaseView, terminal: TerminalView, loss: LegLoss) -> Finding:
    place, n = span(loss.between), loss.counts["datagrams"]
    if loss.tally.passed:
        claim = Text(
            f"Nothing of this terminal crosses {place.en} any more: {plural(loss.tally.passed, 'datagram')} "
            f"passed at first, then all {n} were lost, fragmented or not.",
            f"该终端的报文在 {place.zh}中断：起初有 {loss.tally.passed} 个报文通过，其后 {n} 个全部丢失，"
            "无论是否分片。",
        )
    else:
        claim = Text(
            f"Nothing of this terminal crosses {place.en}: {n} of {n} datagrams are lost, small ones too.",
            f"该终端的报文在 {place.zh}完全不通：{n} 个报文全部丢失，小报文也不例外。",
        )
    against = (
        Text(
            f"{plural(loss.others.passed, 'datagram')} of other terminals or times crossed the same leg"
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
        against=(
            Text(
                "anything of anybody crossing this leg after the losses began would disprove it",
                "若丢失开始之后有任何报文通过该段，则本结论不成立",
            ),
        ),
        summary=Text(
            f"Possible as well: the path {place.en} went down after the first datagrams had passed. Nothing else was "
            f"sent "
            "afterwards that could tell.",
            f"另一种可能：最初的报文通过之后，{place.zh}链路中断。其后没有其他报文可供判别。",
        ),
        next_steps=_steps(case, terminal, loss),
    )


def _perhaps_quiet(case: CaseView, terminal: TerminalView) -> list[Finding]:
    """A capture ends with its last frame: one that fell silent before the sends may have been stopped, or nothing may
    have come by there any more."""
    sends = [a for _, _, a in terminal.sends(Direction.TO_SERVER) if a.datagram is not None]
    if not sends or any(terminal.sends(Direction.TO_CLIENT)) or any(a.server_log_time_ns for a in sends):
        return []
    names = terminal.names.to_server
    fates = [a.datagram.fate for a in sends if a.datagram is not None]
    reached = max((i for i, name in enumerate(names) if any(f.get(name) is Fate.WHOLE for f in fates)), default=None)
    if reached is None:
        return []
    spots = {s.point: s for code in (NOT_CAPTURING, CLOCK_UNKNOWN) for s in blind_spots(case, terminal, code)}
    for name in names[reached + 1 :]:
        spot = spots.get(name)
        if spot is not None and len(spot.attempts) == len(sends) and not _starts_later(case, spot):
            return [_quiet(case, terminal, spot, (names[reached], name))]
    return []


def _starts_later(case: CaseView, spot: BlindSpot) -> bool:
    """Whether the capture's frames are all from after the sends."""
    times = [a.time_ns for a in spot.attempts if a.time_ns is not None]
    starts = [start for start, _ in case.points[spot.point].observed_ns]
    return bool(times and starts) and min(starts) > max(times)


def _quiet(case: CaseView, terminal: TerminalView, spot: BlindSpot, between: tuple[str, str]) -> Finding:
    near, far = between
    n, at = len(spot.attempts), scene(case, terminal, spot.attempts)
    sources = [s for path in case.points[far].sources if (s := case.source(path)) is not None]
    frames = sum(source.records for source in sources)
    last = tuple(Evidence(s.path, frame=s.records, text=f"{far}: {s.records}") for s in sources[:1] if s.records)
    numbers = {number for number in spot.numbers if number is not None}
    if frames:
        what = Text(
            f"the capture at {far} ends with its frame {frames}, before these sends as far as its clock tells, and has "
            "nothing of this terminal",
            f"{far} 的抓包止于第 {frames} 帧，按其时钟早于这些报文，且其中没有该终端的任何报文",
        )
    else:
        what = Text(f"the capture at {far} holds no frame at all", f"{far} 的抓包中没有任何帧")
    return Finding(
        code=CODE,
        severity=Severity.WARNING,
        confidence=Confidence.POSSIBLE,
        summary=Text(
            f"Possible: nothing of this terminal crosses between {near} and {far}. {plural(n, 'datagram')} "
            f"reached {near} whole; {what.en}. It may already have been stopped then, or it ran on and nothing "
            "came by: a capture file does not say until when it ran.",
            f"可能：该终端的报文在 {near} 与 {far} 之间完全不通。{n} 个报文在 {near} 处完整；{what.zh}。"
            "当时抓包可能已停止，也可能仍在进行而没有报文经过：抓包文件并不记录抓到何时为止。",
        ),
        evidence=unique((*last, *of_attempts(spot.attempts, (near,)))),
        message=next(iter(numbers)) if len(numbers) == 1 else None,
        between=between,
        counts={"datagrams": n},
        against=(
            Text(
                f"if the capture at {far} had been stopped before the sends, nothing would follow from it",
                f"若 {far} 的抓包在这些报文发送之前已停止，则由它得不出任何结论",
            ),
        ),
        next_steps=(
            Text(
                f"Ask who took the capture at {far} whether it still ran then; a pcapng of dumpcap or Wireshark notes "
                "its end itself.",
                f"询问抓包人 {far} 的抓包当时是否仍在进行；用 dumpcap 或 Wireshark 保存的 pcapng 会自行记录结束时间。",
            ),
            capture_step(
                at,
                Text(
                    f"at {far} once more, for {RUN_SECONDS} s over a whole attempt, while the terminal pings the "
                    "server: the pings show that the capture is alive",
                    f"在 {far} 重新抓包，覆盖一次完整的认证，持续 {RUN_SECONDS} 秒，期间终端持续 ping 服务器，"
                    "以证明抓包有效",
                ),
            ),
            ping_step(at),
        ),
    )


RULE = TerminalRule(
    CODE,
    Text("nothing of this terminal crosses", "该终端的报文完全不通"),
    Text("datagrams at two or more capture points", "报文在两个及以上抓包点的情况"),
    judge,
)
