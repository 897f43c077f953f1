"""Losses of one terminal, leg by leg: which pattern they show and how sure that is.

Only sessions with a loss are compared: what passed in another session, before a repair or with a smaller message, says
nothing against a consistent loss in this one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.core.analysis import Attempt, Outcome, Role, Severity
from app.core.diagnosis.case_view import CaseView, named
from app.core.diagnosis.passages import Leg, Passage
from app.core.diagnosis.tallies import UNLIKELY, Pattern, Tally, Way, name_pattern
from app.core.diagnosis.terminal_view import TerminalView, answers_of, got_by_client
from app.core.diagnosis.wording import plural
from app.core.network.device_points import TOLD
from app.core.records import Confidence, Direction, Packet, Text

# So many datagrams with the same fate make a pattern; fewer may be chance.
ENOUGH = 3
ENOUGH_FOR_RANDOM = 5


@dataclass(frozen=True, slots=True)
class LegLoss:
    """What was lost on one leg in one direction. `others`: all terminals of the case on the same leg."""

    direction: Direction
    leg: Leg
    between: tuple[str, str] | None
    far: str  # the point that misses it
    pattern: Pattern
    tally: Tally
    others: Tally
    message: int
    severity: Severity
    confidence: Confidence
    is_path_alive: bool  # something crossed the leg after these losses began
    is_part_of_random: bool = False  # an answer lost where the case loses at random both ways

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(passage.attempt for passage in self.tally.lost)

    @property
    def counts(self) -> dict[str, int]:
        return {
            "datagrams": len(self.tally.lost),
            "fragments_sent": self.tally.fragments_sent,
            "fragments_lost": self.tally.fragments_lost,
        }

    @property
    def plain_bytes(self) -> int | None:
        return max((a.plain_bytes for a in self.attempts if a.plain_bytes), default=None)


def find_losses(case: CaseView, terminal: TerminalView) -> tuple[LegLoss, ...]:
    """All losses that sightings prove, forward ones first, in path order."""
    losses: list[LegLoss] = []
    for direction in (Direction.TO_SERVER, Direction.TO_CLIENT):
        lossy = [p for p in terminal.passages[direction] if p.has_loss and not _is_otherwise_explained(case, p)]
        for leg in narrowest({leg for passage in lossy for leg in passage.legs}):
            loss = _loss_on(case, terminal, direction, leg, lossy)
            if loss is not None:
                losses.append(loss)
    return tuple(_same_fault_back(case, loss, losses) for loss in losses)


def _is_otherwise_explained(case: CaseView, passage: Passage) -> bool:
    """An ICMP error says that this very datagram was too big, or its pieces took several paths past the points."""
    key = id(passage.attempt.datagram)
    traced = case.traced_of.get(key)
    if traced is not None and traced.is_merged_only:
        return True
    return any(is_too_big_error(tie.packet) for tie in case.icmp_of.get(key, ()))


def is_too_big_error(packet: Packet) -> bool:
    quote = packet.quote
    if quote is None:
        return False
    return (quote.icmp_type, quote.icmp_code) == (3, 4) if packet.ip_version == 4 else quote.icmp_type == 2


def narrowest(legs: set[Leg]) -> list[Leg]:
    """Legs that contain no other: a loss known only to lie on a longer stretch is counted on the shorter one in it."""

    def contains(outer: Leg, inner: Leg) -> bool:
        return outer != inner and outer[0] <= inner[0] and inner[1] <= outer[1]

    return sorted(leg for leg in legs if not any(contains(leg, other) for other in legs))


def _loss_on(
    case: CaseView, terminal: TerminalView, direction: Direction, leg: Leg, lossy: list[Passage]
) -> LegLoss | None:
    here = [p for p in lossy if any(piece.is_lost_on(leg) for piece in p.pieces)]
    sessions = frozenset(p.session for p in here)
    own = terminal.tally(direction, leg, sessions)
    if not own.lost:
        return None
    others = case.pooled.get((direction, named(terminal.names, direction, leg)), own)
    is_alive = _is_alive(terminal, direction, leg, own, others)
    pattern = _agreed_pattern(own, others, len(case.facts.terminals))
    if pattern is None:
        return None
    return LegLoss(
        direction=direction,
        leg=leg,
        between=terminal.names.between(direction, leg),
        far=terminal.names.of(direction)[leg[1]],
        pattern=pattern,
        tally=own,
        others=others,
        message=_main_message(own),
        severity=_severity(case, terminal, own),
        confidence=_confidence_back(leg, own)
        if direction is Direction.TO_CLIENT
        else _confidence(pattern, leg, own, others, is_alive),
        is_path_alive=is_alive,
    )


def _main_message(own: Tally) -> int:
    numbers = [passage.number for passage in own.lost]
    return max(dict.fromkeys(numbers), key=numbers.count)


def _is_alive(terminal: TerminalView, direction: Direction, leg: Leg, own: Tally, others: Tally) -> bool:
    since = own.first_lost_ns
    if since is None:
        return False
    if max(own.last_passed_ns or 0, others.last_passed_ns or 0) > since:
        return True
    back = Direction.TO_CLIENT if direction is Direction.TO_SERVER else Direction.TO_SERVER
    last = len(terminal.names.of(direction)) - 1
    reverse = (last - leg[1], last - leg[0] if leg[0] >= 0 else last)
    return any(
        p.time_ns is not None and p.time_ns > since and any(piece.crosses(reverse) for piece in p.pieces)
        for p in terminal.passages[back]
    )


def _agreed_pattern(own: Tally, others: Tally, terminals: int) -> Pattern | None:
    """The terminal's own pattern, unless it cannot stand against what the whole case shows of the leg."""
    mine, all_of_them = name_pattern(own, others), name_pattern(others)
    if mine is None or len(others.lost) <= len(own.lost):
        return mine
    is_weak = len(own.lost) <= ENOUGH and (mine is not Pattern.DOWN or own.passed)
    if all_of_them is Pattern.RANDOM and (is_weak or _is_chance(mine, own, others, terminals)):
        return Pattern.RANDOM
    if mine is Pattern.RANDOM and all_of_them is Pattern.LATER:
        return Pattern.LATER
    if mine is Pattern.FRAGMENTED and all_of_them in (Pattern.PORT, Pattern.DOWN):
        return all_of_them  # small datagrams of others are lost just so: it is not about fragments
    return mine


def _is_chance(mine: Pattern, own: Tally, others: Tally, terminals: int) -> bool:
    """Whether among so many terminals one would lose all of these pieces anyway, at the rate of the whole leg."""
    if mine not in (Pattern.DOWN, Pattern.PORT, Pattern.FRAGMENTED):
        return False
    return bool(terminals * others.loss_rate**own.fragments_lost >= UNLIKELY)


def _severity(case: CaseView, terminal: TerminalView, own: Tally) -> Severity:
    """A loss that a retransmission made good is a warning."""
    clients = case.points_of(Role.CLIENT)
    for passage in own.lost:
        session = terminal.sessions[passage.session]
        if session.outcome is Outcome.PASSED:
            continue
        if passage.direction is Direction.TO_SERVER:
            is_made_good = any(got_by_client(answer, clients) for answer in answers_of(session, passage.number))
        else:
            is_made_good = any(
                m.number == passage.number and m.direction is passage.direction and got_by_client(m, clients)
                for m in session.messages
            )
        if not is_made_good:
            return Severity.ERROR
    return Severity.WARNING


def _confidence(pattern: Pattern, leg: Leg, own: Tally, others: Tally, is_alive: bool) -> Confidence:
    if leg[0] < 0:
        return Confidence.LIKELY if len(own.lost) >= 2 else Confidence.POSSIBLE
    if pattern is Pattern.RANDOM:
        return _confidence_of_random(own, others)
    is_enough = own.sure >= ENOUGH or (own.sure >= 2 and others.sure > ENOUGH)
    if pattern in (Pattern.LATER, Pattern.FIRST):
        is_even = not own.count(Way.SOME_LATER, Way.WHOLE)
        return Confidence.CERTAIN if is_enough and is_even else Confidence.LIKELY
    if pattern is Pattern.FRAGMENTED:
        same_port = bool(own.ports_lost & (own.ports_passed | others.ports_passed))
        return Confidence.CERTAIN if is_enough and is_alive and same_port else Confidence.LIKELY
    if pattern is Pattern.DOWN:
        if is_enough and others.passed and not own.passed:
            return Confidence.CERTAIN
        return Confidence.LIKELY if len(own.lost) >= 2 else Confidence.POSSIBLE
    return Confidence.LIKELY if len(own.lost) >= 2 else Confidence.POSSIBLE


def _confidence_back(leg: Leg, own: Tally) -> Confidence:
    """That answers were lost needs no pattern: they were seen at one point and not at the next."""
    if leg[0] >= 0 and own.sure >= ENOUGH:
        return Confidence.CERTAIN
    return Confidence.LIKELY if len(own.lost) >= 2 else Confidence.POSSIBLE


def _confidence_of_random(own: Tally, others: Tally) -> Confidence:
    lost, passed = max(len(own.lost), len(others.lost)), max(own.passed, others.passed)
    if own.sure and lost >= ENOUGH_FOR_RANDOM and passed >= ENOUGH_FOR_RANDOM:
        return Confidence.CERTAIN
    return Confidence.LIKELY if lost >= 2 else Confidence.POSSIBLE


def _same_fault_back(case: CaseView, loss: LegLoss, losses: list[LegLoss]) -> LegLoss:
    """Random loss takes answers too: a leg that loses at random on the way there does so on the way back."""
    if loss.direction is Direction.TO_SERVER or loss.between is None:
        return loss
    near, far = loss.between
    own = any(x.pattern is Pattern.RANDOM and x.between == (far, near) for x in losses)
    pooled = case.pooled.get((Direction.TO_SERVER, (far, near)))
    is_random = own or (pooled is not None and name_pattern(pooled) is Pattern.RANDOM)
    is_consistent = len(loss.tally.lost) > ENOUGH and not loss.tally.passed and not loss.others.passed
    return replace(loss, pattern=Pattern.RANDOM, is_part_of_random=True) if is_random and not is_consistent else loss


def _is_told_at(loss: LegLoss, point: str) -> bool:
    """Whether that point is a device that tells of fragments, and no capture."""
    return any(
        sighting.reason_code == TOLD
        for attempt in loss.attempts
        if attempt.datagram is not None
        for piece in attempt.datagram.fragments
        if (sighting := piece.sightings.get(point)) is not None
    )


def reason_of(loss: LegLoss) -> Text:
    """Why the confidence is what it is, as a sentence."""
    n = len(loss.tally.lost)
    if loss.between is None:
        return Text(
            f"{loss.confidence.value.capitalize()}, not certain: no capture shows the missing fragments leaving the "
            f"sender.",
            "尚不能确定：没有抓包证明缺失的分片确已发出。",
        )
    near, far = loss.between
    if loss.confidence is Confidence.CERTAIN and _is_told_at(loss, near):
        return Text(
            f"Certain: {near} itself tells that what is missing came in there, {far} was capturing and does not have "
            f"it, the same in {plural(n, 'datagram')}.",
            f"结论确定：{near} 自身的记录表明缺失部分已到达该设备，{far} 当时在抓包而没有见到，{n} 个报文情况一致。",
        )
    if loss.confidence is Confidence.CERTAIN and loss.pattern is Pattern.RANDOM:
        lost, passed = max(n, len(loss.others.lost)), max(loss.tally.passed, loss.others.passed)
        return Text(
            f"Certain: both points were capturing; of all datagrams on this leg {lost} were seen at {near} and not "
            f"whole at {far}, {passed} were whole at both.",
            f"结论确定：两点当时均在抓包；该段全部报文中，{lost} 个在 {near} 可见而在 {far} 不完整，"
            f"{passed} 个两处均完整。",
        )
    if loss.confidence is Confidence.CERTAIN:
        return Text(
            f"Certain: both points were capturing; what is missing was seen at {near} and not at {far}, "
            f"the same in {plural(n, 'datagram')}.",
            f"结论确定：两点当时均在抓包，缺失部分在 {near} 可见、在 {far} 没有，{n} 个报文情况一致。",
        )
    if loss.tally.sure < ENOUGH and any(passage.is_presumed for passage in loss.tally.lost):
        why = Text(
            f"that {far} could have shown all of it is partly presumed: its capture was silent then, or holds nothing "
            "of any exchange, or nothing of this terminal",
            f"{far} 当时能否看到其中一部分出于推定：其抓包当时没有帧，或其中没有任何认证交互的报文，或没有本终端的报文",
        )
    elif loss.tally.sure == 0:
        why = Text("which sightings are the same datagram is itself not sure", "各点所见是否同一报文本身不完全确定")
    elif loss.pattern is Pattern.FRAGMENTED and n >= ENOUGH:
        why = Text(
            "no unfragmented datagram to the same port was seen crossing after the losses began, so a path going "
            "down or "
            "a port filter is not excluded",
            "丢失开始后未见同一端口的不分片报文通过该段，尚不能排除链路中断或端口过滤",
        )
    elif loss.pattern is Pattern.DOWN and n >= ENOUGH:
        why = Text(
            f"nothing else was seen crossing to {far} either, so {far} may lie off the path",
            f"也未见其他报文经过该段到达 {far}，{far} 可能不在路径上",
        )
    elif n < ENOUGH:
        why = Text(f"only {plural(n, 'datagram')} can show it", f"仅有 {n} 个报文为证")
    else:
        why = Text("the datagrams do not all show the same", "各报文情况不完全一致")
    word = loss.confidence.value.capitalize()
    return Text(
        f"{word}, not certain: {why.en}.", f"{'很可能' if word == 'Likely' else '有可能'}，尚不能确定：{why.zh}。"
    )
