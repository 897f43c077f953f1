"""The false-loss guard: "missing" needs a point that could have seen the fragment.

Each ground is a check of its own, asked in order; the first that fails makes the sighting unknown, and its name goes
with it. Nothing here looks at whether a loss would be a good explanation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address

import numpy as np
from numpy.typing import NDArray

from app.core.analysis import Role
from app.core.network.capture_filters import view_filter
from app.core.network.grounds import (
    AT_SERVER,
    AT_THE_EDGE,
    BRACKETED,
    CAPTURING,
    CLOCK_PRESUMED,
    CLOCK_UNKNOWN,
    DAMAGED,
    EMPTY,
    ENDS_WITH_IT,
    FILTERED,
    HOLES,
    LETS_IN,
    LOST_NOTHING,
    NEVER_SEEN,
    NOT_CAPTURING,
    ONE_OF_SEVERAL,
    OTHER_TERMINAL,
    OTHER_WAY_SEEN,
    PASSED_ELSEWHERE,
    PATH_PRESUMED,
    PRESUMED,
    SAME_SUBNET,
    SAME_TERMINAL,
    SIBLING_SEEN,
    SILENT_AS_BEFORE,
    TOO_FEW_FRAMES,
    WAY_UNPROVEN,
    Verdict,
)
from app.core.network.joining import Joined
from app.core.network.matched_times import NO_TIME
from app.core.network.observations import Observation
from app.core.network.traces import CaptureInput
from app.core.network.witnesses import Journey, Kind, Route, Subnet, Watch
from app.core.records import Direction, Text

# How long after its sibling, or after the time by the clocks, a fragment may still come.
LATENESS_NS = 100_000_000
# A clock known from one direction is known up to the delay; an unlinked one that others vouch for, up to this.
ONE_WAY_NS = 1_000_000_000
VOUCHED_NS = 5_000_000_000
# A capture that misses one in fifty of what demonstrably passed proves nothing by missing one.
TOLERATED_MISS_SHARE = 0.02
# A probability too small to be an accident.
ACCIDENT = 1e-3
# So many times more missing than the capture itself dropped cannot be the capture's own loss.
CLEARLY_MORE = 3
# So often proven, the same loss is believed of the datagram with which a capture ends.
SAME_BEFORE = 2
HOST_BITS = {4: 8, 6: 64}


def subnet_of(address: str) -> Subnet:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return parsed.version, int(parsed) >> HOST_BITS[parsed.version]


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
        self._brackets: dict[tuple[int, int], tuple[tuple[int, int], tuple[int, int]] | None] = {}
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
        self._sum_up()

    def _are_clocks_agreed(self) -> bool:
        """Whether the clocks that are known agree so well that one more may be believed within seconds."""
        known = [clock.offset_s for clock in self._joined.net.clocks if clock.quality in ("both ways", "one way")]
        return bool(known) and all(abs(offset) <= 2.0 for offset in known)

    def _count_seen(self, journeys: Sequence[Journey]) -> None:
        """Most journeys are alike: all whole, seen by the same captures. Count those once."""
        subnets = {client: subnet_of(client) for client in {journey.client_ip for journey in journeys}}
        whole: dict[tuple[object, ...], Journey] = {}
        counts: Counter[tuple[object, ...]] = Counter()
        for journey in journeys:
            members = journey.group.members
            if len(journey.is_whole) == len(members):
                key = (journey.client_ip, journey.server_ip, journey.direction, journey.flow, journey.kinds, *members)
                whole[key] = journey
                counts[key] += 1
            else:
                for capture in members:
                    kinds = [kind for kind in journey.kinds if journey.has(capture, kind)]
                    self.watches[capture].note(journey, kinds, subnets[journey.client_ip], 1)
        for key, journey in whole.items():
            for capture in journey.group.members:
                self.watches[capture].note(journey, journey.kinds, subnets[journey.client_ip], counts[key])

    def _count_missing(self, journey: Journey) -> None:
        if len(journey.is_whole) == len(self.watches):
            return
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
                        tally = watch.tallies[journey.stream(kind)]
                        tally.passed += is_later_seen
                        tally.absent += not is_later_seen

    def _sum_up(self) -> None:
        for watch in self.watches:
            seen = passed = 0
            sees: set[tuple[Route, Direction]] = set()
            lacks: set[tuple[Route, Direction]] = set()
            for (route, way, _, _), tally in watch.tallies.items():
                watch.absent += tally.absent
                if tally.seen:
                    seen, passed = seen + tally.seen, passed + tally.passed
                    sees.add((route, way))
                elif tally.passed:
                    lacks.add((route, way))
            watch.miss_share = passed / (seen + passed) if passed else 0.0
            watch.balanced = {way for _, way in sees & lacks}
            watch.elsewhere = lacks - sees

    # ------------------------------------------------------------ the grounds

    def judge(self, capture: int, journey: Journey, kind: Kind) -> Verdict:
        """Whether the capture could have seen this kind of fragment of this datagram, and why (not)."""
        watch = self.watches[capture]
        if watch.is_terminal and journey.client_ip not in watch.own_clients:
            return OTHER_TERMINAL
        capturing = self._was_capturing(capture, journey)
        if capturing is AT_THE_EDGE and self._is_always_so(capture, journey, kind):
            capturing = ENDS_WITH_IT
        elif not capturing.is_able and self._is_silent_as_before(capture, journey):
            capturing = SILENT_AS_BEFORE
        if not capturing.is_able:
            return capturing
        for ground in (self._lets_in, self._loses_nothing, self._is_on_path):
            verdict = ground(capture, journey, kind)
            if not verdict.is_able:
                return verdict
        path = verdict
        return self._text(
            True,
            PRESUMED if capturing.code == PRESUMED else path.code,
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
        if any(self._is_bracketed(capture, other, seen) for other, seen in journey.group.members.items()):
            return BRACKETED
        if own is not None:
            before = LATENESS_NS if own.head is None else 0
            return _within(own.time_ns, LATENESS_NS, facts.first_ns, facts.last_ns, before)
        times = [
            self._joined.net.time_of(seen)
            for other, seen in journey.group.members.items()
            if self.watches[other].part == watch.part
        ]
        first = watch.clock.to_reference(facts.first_ns, 1)
        last = watch.clock.to_reference(facts.last_ns, facts.frames)
        if times:
            margin = LATENESS_NS + self._clock_margin_ns(capture, journey)
            return _within(min(times), margin, first, last)
        unlinked = min(self._joined.net.time_of(seen) for seen in journey.group.members.values())
        if self._vouched and _within(unlinked, LATENESS_NS + VOUCHED_NS, first, last).is_able:
            return CAPTURING
        # A clock that is far off would put the two captures' times apart.
        return CLOCK_PRESUMED if _within(unlinked, LATENESS_NS, first, last).is_able else CLOCK_UNKNOWN

    def _is_always_so(self, capture: int, journey: Journey, kind: Kind) -> bool:
        """The capture ends with this datagram's first fragment, and no later fragment before it came either."""
        own = journey.group.members.get(capture)
        tally = self.watches[capture].tallies.get(journey.stream(kind))
        return (
            kind == Kind.LATER
            and own is not None
            and tally is not None
            and (tally.seen, tally.passed) == (0, 0)
            and tally.absent >= SAME_BEFORE
            and not self.watches[capture].capture.facts.is_truncated
        )

    def _is_silent_as_before(self, capture: int, journey: Journey) -> bool:
        """The capture ended, as far as its frames tell, shortly before; nothing like this ever came here."""
        watch, facts = self.watches[capture], self.watches[capture].capture.facts
        if capture in journey.group.members or facts.last_ns is None or facts.is_truncated:
            return False
        tallies = [watch.tallies.get(journey.stream(kind)) for kind in journey.kinds]
        if any(one is None or one.seen or one.passed or one.absent < SAME_BEFORE for one in tallies):
            return False
        since = min(map(self._joined.net.time_of, journey.group.members.values())) - watch.clock.to_reference(
            facts.last_ns, facts.frames
        )
        longest = max((end - start for start, end in facts.quiet_spans), default=0)
        return -LATENESS_NS - self._clock_margin_ns(capture, journey) <= since <= longest

    def _clock_margin_ns(self, capture: int, journey: Journey) -> int:
        margin = 0
        for index in (capture, next(iter(journey.group.members))):
            clock = self.watches[index].clock
            if clock.quality in ("reference", "given"):
                continue
            margin += ONE_WAY_NS if clock.uncertainty_s is None else round(clock.uncertainty_s * 1e9)
        return margin

    def _is_bracketed(self, capture: int, other: int, seen: Observation) -> bool:
        """Whether the capture has datagrams from before and after, by the other capture's clock and by the order of its
        frames, as a clock may have been set: true whatever its own clock says."""
        if capture == other:
            return False
        if (capture, other) not in self._brackets:
            matched = self._joined.matched
            rows = matched.pair(capture, other)
            self._brackets[capture, other] = (
                (_ends_of(matched.times[rows, other]), _ends_of(matched.frames[rows, other])) if len(rows) else None
            )
        bracket = self._brackets[capture, other]
        if bracket is None:
            return False
        (first_ns, last_ns), (first, last) = bracket
        return first_ns != NO_TIME and first_ns < seen.time_ns < last_ns and first < seen.frame < last

    def _lets_in(self, capture: int, journey: Journey, kind: Kind) -> Verdict:
        watch = self.watches[capture]
        view = watch.filter
        if kind == Kind.LATER and view.hides_later:
            return self._text(False, "filtered", (capture, "later"), view.reason or FILTERED)
        if kind == Kind.LATER and view.is_open:
            return TOO_FEW_FRAMES
        members = journey.group.members.values()
        ports = {port for seen in members if seen.ports is not None for port in seen.ports}
        if view.ports is not None and ports and not ports & view.ports and capture not in journey.group.members:
            if view.is_open:
                return TOO_FEW_FRAMES
            return self._text(False, "filtered", (capture, "ports"), view.reason or FILTERED)
        addresses = {address for seen in members for address in (seen.source_ip, seen.destination_ip)}
        if view.hosts is not None and not addresses & view.hosts:
            return self._text(False, "filtered", (capture, "hosts"), view.reason or FILTERED)
        return LETS_IN

    def _is_unread(self, capture: int, journey: Journey) -> bool:
        """Whether its frame may lie where the file is damaged; where no time can tell, it may."""
        watch = self.watches[capture]
        spans = watch.capture.facts.unread_spans
        if not spans:
            return False
        own = journey.group.members.get(capture)
        if own is not None:
            return any(start - LATENESS_NS <= own.time_ns <= end + LATENESS_NS for start, end in spans)
        times = [
            self._joined.net.time_of(seen)
            for other, seen in journey.group.members.items()
            if self.watches[other].part == watch.part
        ]
        if not times:
            return True
        margin = LATENESS_NS + self._clock_margin_ns(capture, journey)
        return any(
            watch.clock.to_reference(start) - margin <= min(times) <= watch.clock.to_reference(end) + margin
            for start, end in spans
        )

    def _loses_nothing(self, capture: int, journey: Journey, kind: Kind) -> Verdict:
        watch = self.watches[capture]
        if self._is_unread(capture, journey):
            return DAMAGED
        if watch.dropped and watch.absent <= CLEARLY_MORE * watch.dropped:
            return self._text(
                False,
                "dropped",
                (capture,),
                Text(
                    f"the capture itself lost {watch.dropped} frames, so absence here proves nothing",
                    f"该抓包自身丢失了 {watch.dropped} 帧，此处没有不能说明问题",
                ),
            )
        if watch.miss_share > TOLERATED_MISS_SHARE:
            tally = watch.tallies.get(journey.stream(kind))
            if tally is None or tally.seen or watch.miss_share**tally.absent > ACCIDENT:
                return HOLES
        return LOST_NOTHING

    def _is_on_path(self, capture: int, journey: Journey, kind: Kind) -> Verdict:
        watch = self.watches[capture]
        route, way = (journey.client_ip, journey.server_ip), journey.direction
        tally = watch.tallies.get(journey.stream(kind))
        if tally is None or not tally.seen:
            if tally is not None and tally.passed:
                return PASSED_ELSEWHERE
            if way in watch.balanced or self._is_parallel(capture, journey, kind):
                return ONE_OF_SEVERAL
        if capture in journey.group.members:
            return SIBLING_SEEN
        if (route, way) in watch.routes:
            return SAME_TERMINAL
        other_way = Direction.TO_CLIENT if way == Direction.TO_SERVER else Direction.TO_SERVER
        is_route_known = (route, other_way) in watch.routes
        if (route, way) in watch.elsewhere:
            return PASSED_ELSEWHERE
        if is_route_known:
            is_host = watch.is_terminal or watch.role == Role.SERVER
            return OTHER_WAY_SEEN if is_host or way in watch.ways else WAY_UNPROVEN
        if not watch.routes and not watch.elsewhere and not watch.is_terminal:
            return PATH_PRESUMED
        if way not in watch.ways:
            return NEVER_SEEN
        if watch.role == Role.SERVER and journey.server_ip in watch.servers:
            return AT_SERVER
        if (subnet_of(journey.client_ip), journey.server_ip, way) in watch.subnets:
            return SAME_SUBNET
        return NEVER_SEEN

    def _is_parallel(self, capture: int, journey: Journey, kind: Kind) -> bool:
        """Whether an earlier point lacks just what this one shows and shows what this one lacks: then they lie on
        two ways, and neither proves anything of the other."""
        watch = self.watches[capture]
        if watch.is_terminal or watch.role == Role.SERVER:
            return False
        other = Kind.FIRST if kind == Kind.LATER else Kind.LATER
        if kind == Kind.WHOLE or not watch.tallies[journey.stream(other)].seen:
            return False
        for place in journey.places:
            if capture in place:
                return False
            for earlier in place:
                mine, theirs = (self.watches[earlier].tallies.get(journey.stream(one)) for one in (kind, other))
                if mine is not None and mine.seen and theirs is not None and theirs.passed and not theirs.seen:
                    return True
        return False


def _ends_of(values: NDArray[np.int64]) -> tuple[int, int]:
    return int(values.min()), int(values.max())


def _within(time_ns: int, margin_ns: int, first_ns: int, last_ns: int, margin_before_ns: int | None = None) -> Verdict:
    before = margin_ns if margin_before_ns is None else margin_before_ns
    if time_ns - before >= first_ns and time_ns + margin_ns <= last_ns:
        return CAPTURING
    if time_ns + margin_ns < first_ns or time_ns - before > last_ns:
        return NOT_CAPTURING
    return AT_THE_EDGE
