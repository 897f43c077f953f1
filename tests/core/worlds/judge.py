"""What the product says of a world, held against what happened in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from app.core.analysis import Clock, Seen
from app.core.network.grounds import PRESUMED
from app.core.network.tracing import NetworkFacts, NetworkSettings, TracedDatagram, trace_network
from app.core.records import Confidence
from tests.core.net_world import PORT, Sent, Tap
from tests.core.worlds.disturbances import SERVICE_PORTS
from tests.core.worlds.plan import Made, Plan, make
from tests.core.worlds.true_world import TrueWorld, true_offset_s

# A miss that says of itself that it rests on a presumption may be wrong; no finding from it is certain.
PRESUMPTION = "wrong presumption"
# A clock that was set by less than the time to and fro may have been set for all that anybody can see; and one that was
# set ahead while its capture shows nothing of before, or nothing of after.
UNNOTICED = "clock set unnoticed"
TOLERATED = frozenset({PRESUMPTION, UNNOTICED})


@dataclass(frozen=True)
class Fault:
    kind: str
    text: str


@dataclass(frozen=True)
class Trial:
    """`told` of `losses` real ones (datagrams that a captured point should have had and has not) were told as such."""

    faults: tuple[Fault, ...]
    losses: int
    told: int


def try_world(plan: Plan) -> Trial:
    made = make(plan)
    facts = trace_network(made.world.captures(), NetworkSettings(order=made.order))
    return judge(made, facts)


def judge(made: Made, facts: NetworkFacts) -> Trial:
    world = made.world
    serials = world.serials()
    faults: list[Fault] = []
    told: dict[int, list[TracedDatagram]] = {}
    for one in facts.traced:
        mine = _serials_of(one, serials)
        for serial in mine:
            told.setdefault(serial, []).append(one)
        faults += _false_losses(world, one, mine)
        faults += _wrong_legs(world, one, mine)
        if len(mine) > 1 and one.fate.match_confidence == Confidence.CERTAIN:
            faults.append(Fault("wrong match", f"{_name(one)}: datagrams {sorted(mine)} are one for certain"))
    faults += _wrong_clocks(world, facts)
    names = [point.name for point in facts.points]
    ours = (
        serial for serial, sent in enumerate(world.sent) if SERVICE_PORTS & {sent.source_port, sent.destination_port}
    )
    losses = {serial: leg for serial in ours if (leg := true_leg(world, serial, names)) is not None}
    found = sum(any(one.fate.lost_between == leg for one in told.get(serial, ())) for serial, leg in losses.items())
    return Trial(tuple(faults), len(losses), found)


def missed_losses(made: Made, facts: NetworkFacts) -> Iterator[Fault]:
    """Real losses of EAD datagrams that were not told, or not on their leg. For worlds where nothing hides them."""
    world = made.world
    serials = world.serials()
    told: dict[int, list[TracedDatagram]] = {}
    for one in facts.traced:
        for serial in _serials_of(one, serials):
            told.setdefault(serial, []).append(one)
    names = [point.name for point in facts.points]
    for serial, sent in enumerate(world.sent):
        leg = true_leg(world, serial, names)
        if leg is None or PORT not in (sent.source_port, sent.destination_port) or _is_too_short(sent):
            continue
        if world.was_lost_before(serial, leg[1], (0, len(sent.body) + 8)):
            legs = [one.fate.lost_between for one in told.get(serial, ())]
            if leg not in legs or set(legs) - {leg, None}:
                yield Fault("missed loss", f"datagram {serial} at {sent.at_s:.2f} s was lost {leg}, told {legs}")


def _is_too_short(sent: Sent) -> bool:
    """Its last fragment has too few bytes to be known by, once its addresses are rewritten."""
    return 1472 < len(sent.body) < 1500


def true_leg(world: TrueWorld, serial: int, names: Iterable[str]) -> tuple[str, str] | None:
    """The leg between two captured points, in the direction of travel, on which bytes were lost first."""
    known = set(names)
    places = [name for name in dict.fromkeys(tap.name for tap in world.path(world.sent[serial])) if name in known]
    for before, after in pairwise(places):
        first, second = world.passages[serial, before], world.passages[serial, after]
        if first.came_ranges != second.came_ranges:
            return before, after
    return None


def _serials_of(one: TracedDatagram, serials: dict[tuple[str, int], int]) -> set[int]:
    return {
        serials[packet.source, packet.frame]
        for datagram in one.datagrams
        for packet in (*datagram.packets, *datagram.duplicates)
    }


def _name(one: TracedDatagram) -> str:
    return f"{one.fate.identification} {one.fate.source}>{one.fate.destination}"


def _false_losses(world: TrueWorld, one: TracedDatagram, serials: set[int]) -> Iterator[Fault]:
    for fragment in one.fate.fragments:
        piece = (fragment.offset, fragment.offset + fragment.length)
        for point, sighting in fragment.sightings.items():
            if sighting.state != Seen.MISSING or any(world.was_lost_before(s, point, piece) for s in serials):
                continue
            has_come = any(world.came_whole(serial, point, piece) for serial in serials)
            reason = sighting.reason.en if sighting.reason is not None else ""
            kind = "false loss" if has_come else "blind loss"
            if sighting.reason_code == PRESUMED:
                kind = PRESUMPTION
            elif _was_set_unseen(world, point):
                kind = UNNOTICED
            yield Fault(
                kind,
                f"{_name(one)} {sorted(serials)} bytes {piece} at {point}: {reason}",
            )


def _wrong_legs(world: TrueWorld, one: TracedDatagram, serials: set[int]) -> Iterator[Fault]:
    if one.fate.lost_between is None:
        return
    before, after = one.fate.lost_between
    if any(fragment.sightings[after].reason_code == PRESUMED for fragment in one.fate.fragments):
        return
    for serial in serials:
        names = [tap.name for tap in world.path(world.sent[serial])]
        came, went = (world.passages[serial, name].came_ranges for name in (before, after))
        if names.index(before) < names.index(after) and came != went:
            return
    kind = UNNOTICED if _was_set_unseen(world, before) or _was_set_unseen(world, after) else "wrong leg"
    yield Fault(kind, f"{_name(one)} {sorted(serials)}: {before} to {after}")


def _was_set_unseen(world: TrueWorld, point: str) -> bool:
    """Whether a clock there was set ahead and its capture shows frames of one side only: it looks as if it began, or
    ended, at another time. One that was set back shows that by the order of its other frames."""
    return any(
        tap.step is not None
        and tap.step[1] > 0
        and not min(tap.shown_s, default=tap.step[0]) < tap.step[0] <= max(tap.shown_s, default=0.0)
        for tap in world.taps
        if tap.name == point
    )


def _wrong_clocks(world: TrueWorld, facts: NetworkFacts) -> Iterator[Fault]:
    reference = next((tap for tap in world.taps if facts.clocks.get(tap.file, Clock()).quality == "reference"), None)
    if reference is None or reference.step is not None:
        return
    is_noticed = any(clock.steps for clock in facts.clocks.values()) or not any(tap.step for tap in world.taps)
    for tap in world.taps:
        clock = facts.clocks.get(tap.file)
        if clock is None or tap.step is not None or clock.quality not in ("both ways", "one way"):
            continue
        true_s = _offset_between(tap, reference, clock.middle_ns)
        # The band is told for the time before the first setting: of another clock, where nobody can say whose it was.
        levels = (0.0, sum(jump for _, jump in clock.steps))
        if not any(_is_between(true_s - level, clock) for level in levels):
            kind = "clock" if is_noticed else UNNOTICED
            yield Fault(kind, f"{tap.file}: {true_s:.6f} is not in {clock.lower_s} … {clock.upper_s}")


def _is_between(offset_s: float, clock: Clock) -> bool:
    is_above = clock.lower_s is None or offset_s >= clock.lower_s - 1e-6
    return is_above and (clock.upper_s is None or offset_s <= clock.upper_s + 1e-6)


def _offset_between(tap: Tap, reference: Tap, raw_ns: int) -> float:
    mine = true_offset_s(tap, raw_ns)
    reference_raw = raw_ns - round(mine * 1e9)
    return (
        mine
        - reference.offset_s
        - reference.drift_ppm * 1e-6 * ((reference_raw - tap.raw_ns(0.0) + round(tap.offset_s * 1e9)) / 1e9)
    )
