"""The false-loss guard: "missing" needs a point that could have seen the fragment.

Each ground is a check of its own, asked in order; the first that fails makes the sighting unknown, and its name goes with
it. Nothing here looks at whether a loss would be a good explanation.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import ip_address, ip_network

from app.core.analysis import Clock, Role
from app.core.capture_filters import FilterView, view_filter
from app.core.groups import Group
from app.core.joining import Joined
from app.core.matched_times import NO_TIME
from app.core.records import Direction, Text
from app.core.traces import CaptureInput

# How long after its sibling, or after the time by the clocks, a fragment may still come.
LATENESS_NS = 100_000_000
# A clock known from one direction is known up to the delay; an unlinked one that others vouch for, up to this.
ONE_WAY_NS = 1_000_000_000
VOUCHED_NS = 5_000_000_000
# A capture that misses one in fifty of what demonstrably passed proves nothing by missing one.
TOLERATED_MISS_SHARE = 0.02
# So many times more missing than the capture itself dropped cannot be the capture's own loss.
CLEARLY_MORE = 3
# So often proven, the same loss is believed of the datagram with which a capture ends.
SAME_BEFORE = 2
SUBNET_BITS = {4: 24, 6: 64}


class Kind(IntEnum):
    """What a fragment looks like to a filter, a hash over ports, or a device."""

    WHOLE = 0
    FIRST = 1
    LATER = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """`is_able`: the capture could have seen it."""

    is_able: bool
    code: str
    reason: Text


@dataclass(slots=True)
class Tally:
    """Of one route, direction and kind at one capture: seen there; `passed`: not seen there, though a later point has
    it; `absent`: seen neither there nor later."""

    seen: int = 0
    passed: int = 0
    absent: int = 0


@dataclass(frozen=True, slots=True)
class Journey:
    """A group with what the guard needs to know: its ends (as seen nearest the client) and places in travel order."""

    group: Group
    direction: Direction
    client_ip: str
    server_ip: str
    places: tuple[tuple[int, ...], ...]  # captures of each place, in the direction of travel
    kinds: frozenset[Kind]
    is_whole: frozenset[int]  # captures that saw all of it

    def has(self, capture: int, kind: Kind) -> bool:
        seen = self.group.members.get(capture)
        if seen is None:
            return False
        if capture in self.is_whole or kind == Kind.WHOLE:
            return True
        if kind == Kind.FIRST:
            return seen.head is not None
        return any(packet.offset_bytes > 0 for packet in seen.packets)


Route = tuple[str, str]


@dataclass(slots=True)
class Watch:
    """One capture as a witness."""

    capture: CaptureInput
    clock: Clock
    part: int
    role: Role
    filter: FilterView
    dropped: int
    clients: set[str] = field(default_factory=set)
    routes: set[tuple[Route, Direction]] = field(default_factory=set)
    subnets: set[tuple[str, str, Direction]] = field(default_factory=set)
    servers: set[str] = field(default_factory=set)
    ways: set[Direction] = field(default_factory=set)
    tallies: dict[tuple[Route, Direction, Kind], Tally] = field(default_factory=lambda: defaultdict(Tally))
    totals: dict[tuple[Direction, Kind], Tally] = field(default_factory=lambda: defaultdict(Tally))

    @property
    def own_clients(self) -> set[str]:
        """Addresses of the terminal that this capture was taken on, empty where it is no terminal's capture."""
        if self.capture.terminal_hint:
            hinted = {hint for hint in self.capture.terminal_hint if "." in hint or hint.count(":") != 5}
            return hinted or self.clients
        return self.clients if self.role == Role.CLIENT else set()

    @property
    def is_terminal(self) -> bool:
        return bool(self.capture.terminal_hint) or self.role == Role.CLIENT


def subnet_of(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, SUBNET_BITS[parsed.version]), strict=False))


class Guard:
    """Asks every capture whether it could have seen a fragment. Built from all journeys, as other datagrams are the
    witnesses for one."""

    def __init__(
        self,
        captures: Sequence[CaptureInput],
        joined: Joined,
        roles: Sequence[Role],
        journeys: Sequence[Journey],
    ) -> None:
        self._joined = joined
        self._brackets: dict[tuple[int, int], tuple[int, int] | None] = {}
        self._texts: dict[tuple[object, ...], Verdict] = {}
        self.watches = [
            Watch(
                capture,
                joined.net.clocks[index],
                joined.net.parts[index],
                roles[index],
                view_filter(capture.facts),
                sum(interface.dropped or 0 for interface in capture.facts.interfaces),
            )
            for index, capture in enumerate(captures)
        ]
        self._vouched = self._are_clocks_agreed()
        self._count_seen(journeys)
        for journey in journeys:
            self._count_missing(journey)

    def _are_clocks_agreed(self) -> bool:
        """Whether the clocks that are known agree so well that one more may be believed within seconds."""
        known = [clock.offset_s for clock in self._joined.net.clocks if clock.quality in ("both ways", "one way")]
        return bool(known) and all(abs(offset) <= 2.0 for offset in known)

    def _count_seen(self, journeys: Sequence[Journey]) -> None:
        """Most journeys are alike: all whole, seen by the same captures. Count those once."""
        alike: Counter[tuple[Route, Direction, frozenset[Kind], tuple[int, ...]]] = Counter()
        for journey in journeys:
            route = (journey.client_ip, journey.server_ip)
            if len(journey.is_whole) == len(journey.group.members):
                alike[route, journey.direction, journey.kinds, tuple(journey.group.members)] += 1
            else:
                for capture in journey.group.members:
                    kinds = frozenset(kind for kind in journey.kinds if journey.has(capture, kind))
                    alike[route, journey.direction, kinds, (capture,)] += 1
        for (route, way, kinds, captures), count in alike.items():
            subnet = (subnet_of(route[0]), route[1], way)
            for capture in captures:
                watch = self.watches[capture]
                watch.clients.add(route[0])
                watch.servers.add(route[1])
                watch.ways.add(way)
                watch.routes.add((route, way))
                watch.subnets.add(subnet)
                for kind in kinds:
                    watch.tallies[route, way, kind].seen += count
                    watch.totals[way, kind].seen += count

    def _count_missing(self, journey: Journey) -> None:
        if len(journey.is_whole) == len(self.watches):
            return
        route = (journey.client_ip, journey.server_ip)
        for kind in journey.kinds:
            is_later_seen = False
            for place in reversed(journey.places):
                if any(journey.has(capture, kind) for capture in place):
                    is_later_seen = True
                    continue
                for capture in place:
                    watch = self.watches[capture]
                    if watch.is_terminal and journey.client_ip not in watch.own_clients:
                        continue
                    if self._was_capturing(capture, journey).is_able:
                        for tally in (watch.tallies[route, journey.direction, kind], watch.totals[journey.direction, kind]):
                            if is_later_seen:
                                tally.passed += 1
                            else:
                                tally.absent += 1

    # ------------------------------------------------------------ the grounds

    def judge(self, capture: int, journey: Journey, kind: Kind) -> Verdict:
        """Whether the capture could have seen this kind of fragment of this datagram, and why (not)."""
        watch = self.watches[capture]
        if watch.is_terminal and journey.client_ip not in watch.own_clients:
            return OTHER_TERMINAL
        capturing = self._was_capturing(capture, journey)
        if capturing is AT_THE_EDGE and self._is_always_so(capture, journey, kind):
            capturing = ENDS_WITH_IT
        if not capturing.is_able:
            return capturing
        for ground in (self._lets_in, self._loses_nothing, self._is_on_path):
            verdict = ground(capture, journey, kind)
            if not verdict.is_able:
                return verdict
        path = verdict
        return self._text(
            True,
            path.code,
            ("able", capturing.reason, path.reason, watch.filter.reason),
            Text(
                f"not seen, though it could have been: {capturing.reason.en}; {path.reason.en}"
                + (f"; {watch.filter.reason.en}" if watch.filter.reason else ""),
                f"未见到，而此处本应能看到：{capturing.reason.zh}；{path.reason.zh}"
                + (f"；{watch.filter.reason.zh}" if watch.filter.reason else ""),
            ),
        )

    def _text(self, is_able: bool, code: str, key: tuple[object, ...], reason: Text) -> Verdict:
        """One object for equal verdicts: there may be hundred thousands."""
        return self._texts.setdefault((code, *key), Verdict(is_able, code, reason))

    def _was_capturing(self, capture: int, journey: Journey) -> Verdict:
        watch, facts = self.watches[capture], self.watches[capture].capture.facts
        if facts.first_ns is None or facts.last_ns is None:
            return EMPTY
        own = journey.group.members.get(capture)
        if any(self._is_bracketed(capture, other, seen.time_ns) for other, seen in journey.group.members.items()):
            return BRACKETED
        if own is not None:
            before = LATENESS_NS if own.head is None else 0
            return _within(own.time_ns, LATENESS_NS, facts.first_ns, facts.last_ns, before)
        times = [
            self.watches[other].clock.to_reference(seen.time_ns)
            for other, seen in journey.group.members.items()
            if self.watches[other].part == watch.part
        ]
        first, last = watch.clock.to_reference(facts.first_ns), watch.clock.to_reference(facts.last_ns)
        if times:
            margin = LATENESS_NS + self._clock_margin_ns(capture, journey)
            return _within(min(times), margin, first, last)
        if self._vouched:
            raw = min(self.watches[other].clock.to_reference(seen.time_ns) for other, seen in journey.group.members.items())
            return _within(raw, LATENESS_NS + VOUCHED_NS, first, last)
        return CLOCK_UNKNOWN

    def _is_always_so(self, capture: int, journey: Journey, kind: Kind) -> bool:
        """The capture ends with this datagram's first fragment, and no later fragment before it came either."""
        own = journey.group.members.get(capture)
        tally = self.watches[capture].tallies.get(((journey.client_ip, journey.server_ip), journey.direction, kind))
        return (
            kind == Kind.LATER
            and own is not None
            and tally is not None
            and (tally.seen, tally.passed) == (0, 0)
            and tally.absent >= SAME_BEFORE
            and not self.watches[capture].capture.facts.is_truncated
        )

    def _clock_margin_ns(self, capture: int, journey: Journey) -> int:
        margin = 0
        for index in (capture, next(iter(journey.group.members))):
            clock = self.watches[index].clock
            if clock.quality in ("reference", "given"):
                continue
            margin += ONE_WAY_NS if clock.uncertainty_s is None else round(clock.uncertainty_s * 1e9)
        return margin

    def _is_bracketed(self, capture: int, other: int, time_ns: int) -> bool:
        """Whether the capture has datagrams from before and after, by the other capture's clock: true whatever its
        own clock says."""
        if capture == other:
            return False
        if (capture, other) not in self._brackets:
            matched = self._joined.matched
            rows = matched.pair(capture, other)
            times = matched.times[rows, other] if len(rows) else None
            self._brackets[capture, other] = None if times is None else (int(times.min()), int(times.max()))
        bracket = self._brackets[capture, other]
        return bracket is not None and bracket[0] != NO_TIME and bracket[0] < time_ns < bracket[1]

    def _lets_in(self, capture: int, journey: Journey, kind: Kind) -> Verdict:
        watch = self.watches[capture]
        view = watch.filter
        if kind == Kind.LATER and view.hides_later:
            return self._text(False, "filtered", (capture, "later"), view.reason or FILTERED)
        members = journey.group.members.values()
        ports = {port for seen in members if seen.ports is not None for port in seen.ports}
        if view.ports is not None and ports and not ports & view.ports and capture not in journey.group.members:
            return self._text(False, "filtered", (capture, "ports"), view.reason or FILTERED)
        addresses = {address for seen in members for address in (seen.source_ip, seen.destination_ip)}
        if view.hosts is not None and not addresses & view.hosts:
            return self._text(False, "filtered", (capture, "hosts"), view.reason or FILTERED)
        return LETS_IN

    def _loses_nothing(self, capture: int, journey: Journey, kind: Kind) -> Verdict:
        watch = self.watches[capture]
        if watch.dropped:
            absent = sum(tally.absent for tally in watch.totals.values())
            if absent <= CLEARLY_MORE * watch.dropped:
                return self._text(
                    False,
                    "dropped",
                    (capture,),
                    Text(
                        f"the capture itself lost {watch.dropped} frames, so absence here proves nothing",
                        f"该抓包自身丢失了 {watch.dropped} 帧，此处没有不能说明问题",
                    ),
                )
        route = (journey.client_ip, journey.server_ip)
        tally = watch.tallies.get((route, journey.direction, kind))
        if tally is not None and tally.passed and tally.seen:
            if tally.passed > TOLERATED_MISS_SHARE * (tally.passed + tally.seen):
                return HOLES
        return LOST_NOTHING

    def _is_on_path(self, capture: int, journey: Journey, kind: Kind) -> Verdict:
        watch = self.watches[capture]
        route, way = (journey.client_ip, journey.server_ip), journey.direction
        tally = watch.tallies.get((route, way, kind))
        if tally is not None and tally.passed and not tally.seen:
            return PASSED_ELSEWHERE
        if (tally is None or not tally.seen) and self._is_one_of_several(watch, way, kind):
            return ONE_OF_SEVERAL
        if capture in journey.group.members:
            return SIBLING_SEEN
        if (route, way) in watch.routes:
            return SAME_TERMINAL
        other_way = Direction.TO_CLIENT if way == Direction.TO_SERVER else Direction.TO_SERVER
        is_route_known = (route, other_way) in watch.routes
        if any(watch.tallies[key].passed for key in self._route_keys(route, way) if key in watch.tallies):
            return PASSED_ELSEWHERE
        if is_route_known:
            is_host = watch.is_terminal or watch.role == Role.SERVER
            return OTHER_WAY_SEEN if is_host or way in watch.ways else WAY_UNPROVEN
        if way not in watch.ways:
            return NEVER_SEEN
        if watch.role == Role.SERVER and journey.server_ip in watch.servers:
            return AT_SERVER
        if (subnet_of(journey.client_ip), journey.server_ip, way) in watch.subnets:
            return SAME_SUBNET
        return NEVER_SEEN

    def _route_keys(self, route: Route, way: Direction) -> Iterable[tuple[Route, Direction, Kind]]:
        return ((route, way, kind) for kind in Kind)

    def _is_one_of_several(self, watch: Watch, way: Direction, kind: Kind) -> bool:
        """Whether fragments of this kind of other terminals demonstrably pass elsewhere, and none is seen here."""
        total = watch.totals.get((way, kind))
        return total is not None and total.passed > total.seen


def _within(
    time_ns: int, margin_ns: int, first_ns: int, last_ns: int, margin_before_ns: int | None = None
) -> Verdict:
    before = margin_ns if margin_before_ns is None else margin_before_ns
    if time_ns - before >= first_ns and time_ns + margin_ns <= last_ns:
        return CAPTURING
    if time_ns + margin_ns < first_ns or time_ns - before > last_ns:
        return NOT_CAPTURING
    return AT_THE_EDGE


def _no(code: str, en: str, zh: str) -> Verdict:
    return Verdict(False, code, Text(en, zh))


def _yes(en: str, zh: str, code: str = "able") -> Verdict:
    return Verdict(True, code, Text(en, zh))


OTHER_TERMINAL = _no(
    "other-terminal", "a capture on another terminal cannot see this one's traffic", "另一终端上的抓包看不到本终端的流量"
)
EMPTY = _no("not-capturing", "the capture holds no frames", "该抓包中没有任何帧")
NOT_CAPTURING = _no("not-capturing", "it was not capturing then", "当时没有在抓包")
AT_THE_EDGE = _no(
    "not-capturing", "too near to the beginning or the end of the capture to tell", "过于接近抓包的开头或结尾，无法判断"
)
CLOCK_UNKNOWN = _no(
    "clock-unknown",
    "its clock has no link to the others, so nobody knows whether it was capturing then",
    "其时钟与其他抓包没有联系，无法判断当时是否在抓包",
)
CAPTURING = _yes("it was capturing then, by the clocks", "按时钟当时正在抓包")
BRACKETED = _yes("it was capturing: it holds datagrams from before and after", "当时正在抓包：其中有此前和此后的报文")
ENDS_WITH_IT = _yes(
    "the capture ends with its first fragment, and every one before it lacked the same fragments here",
    "抓包以它的首片结束，而此前每个报文在此处都缺少同样的分片",
)
FILTERED = Text("its filter hides such packets", "其过滤条件隐藏了此类报文")
LETS_IN = _yes("its filter lets it in", "过滤条件允许")
HOLES = _no(
    "dropped",
    "this capture also misses datagrams that later points have: it loses frames, or sees only part of the traffic",
    "该抓包还缺少后面抓包点见到的报文：它自身丢帧，或只看到部分流量",
)
LOST_NOTHING = _yes("no loss of its own is known", "未发现自身丢帧")
PASSED_ELSEWHERE = _no(
    "off-path",
    "later points have such fragments of this terminal which this point never shows: they take another way",
    "后面的抓包点见到了本终端的此类分片，而此处从未见到：它们走了别的路径",
)
ONE_OF_SEVERAL = _no(
    "off-path",
    "this point sees only one of several ways: it misses such fragments of other terminals which later points have",
    "此处只是多条路径之一：其他终端的此类分片此处没有而后面的抓包点有",
)
NEVER_SEEN = _no(
    "unproven",
    "nothing was ever seen here of this terminal, nor of others that go the same way: whether it is on the path is open",
    "此处从未见到本终端及同路径其他终端的流量：无法确定是否在其路径上",
)
SIBLING_SEEN = _yes("it has other fragments of the same datagram", "它有同一报文的其他分片")
SAME_TERMINAL = _yes("it has other datagrams of this terminal on the same way", "它有本终端同方向的其他报文")
OTHER_WAY_SEEN = _yes("it has this terminal's datagrams of the other direction", "它有本终端另一方向的报文")
WAY_UNPROVEN = _yes(
    "it has this terminal's datagrams of the other direction, though nothing of anybody in this direction",
    "它有本终端另一方向的报文，但没有任何人在本方向的报文",
    code="able-one-direction",
)
AT_SERVER = _yes("it is at the server and has other terminals' datagrams", "它位于服务器处，且有其他终端的报文")
SAME_SUBNET = _yes("it has datagrams of other terminals of the same subnet", "它有同网段其他终端的报文")
