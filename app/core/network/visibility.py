"""The false-loss guard: "missing" needs a point that could have seen the fragment.

Each ground is a check of its own, asked in order; the first that fails makes the sighting unknown, and its name goes
with it. Nothing here looks at whether a loss would be a good explanation.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.core.analysis import Role
from app.core.network.capture_filters import view_filter
from app.core.network.grounds import (
    AT_SERVER,
    AT_THE_EDGE,
    DAMAGED,
    ENDS_WITH_IT,
    FILTERED,
    HOLES,
    LETS_IN,
    LOST_NOTHING,
    NEVER_SEEN,
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
from app.core.network.hours import LATENESS_NS, Hours
from app.core.network.joining import Joined
from app.core.network.tallying import subnet_of, tally_all
from app.core.network.traces import CaptureInput
from app.core.network.witnesses import Journey, Kind, Watch
from app.core.records import Direction, Text

# A capture that misses one in fifty of what demonstrably passed proves nothing by missing one.
TOLERATED_MISS_SHARE = 0.02
# A probability too small to be an accident.
ACCIDENT = 1e-3
# So many times more missing than the capture itself dropped cannot be the capture's own loss.
CLEARLY_MORE = 3
# So often proven, the same loss is believed of the datagram with which a capture ends.
SAME_BEFORE = 2


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
        self._hours = Hours(self.watches, joined)
        self._put_together = {journey.direction for journey in journeys if journey.is_put_together}
        tally_all(self.watches, journeys, self._hours)

    def judge(self, capture: int, journey: Journey, kind: Kind) -> Verdict:
        """Whether the capture could have seen this kind of fragment of this datagram, and why (not)."""
        watch = self.watches[capture]
        if watch.is_terminal and journey.client_ip not in watch.own_clients:
            return OTHER_TERMINAL
        capturing = self._hours.was_capturing(capture, journey)
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

    def _is_always_so(self, capture: int, journey: Journey, kind: Kind) -> bool:
        """The capture ends with this datagram's first fragment, and no later fragment before it came either."""
        own = journey.group.members.get(capture)
        tally = self.watches[capture].tally(journey, kind)
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
        running = self._hours.running_ns[capture]
        if capture in journey.group.members or running is None or facts.is_truncated:
            return False
        tallies = [watch.tally(journey, kind) for kind in journey.kinds]
        if any(one is None or one.seen or one.passed or one.absent < SAME_BEFORE for one in tallies):
            return False
        since = min(map(self._joined.net.time_of, journey.group.members.values())) - running[1]
        longest = max((end - start for start, end in facts.quiet_spans), default=0)
        return -LATENESS_NS - self._hours.margin_ns(capture, journey) <= since <= longest

    def _lets_in(self, capture: int, journey: Journey, kind: Kind) -> Verdict:
        watch = self.watches[capture]
        view = watch.filter
        if kind == Kind.LATER and view.hides_later:
            return self._text(False, "filtered", (capture, "later"), view.reason or FILTERED)
        if kind == Kind.LATER and view.is_open:
            return TOO_FEW_FRAMES
        members = journey.group.members.values()
        ports = {port for seen in members if seen.ports is not None for port in seen.ports}
        # Where no fragment with ports was seen anywhere, they may be any.
        if view.ports is not None and not ports & view.ports and capture not in journey.group.members:
            if view.is_open:
                return TOO_FEW_FRAMES
            return self._text(False, "filtered", (capture, "ports"), view.reason or FILTERED)
        addresses = {address for seen in members for address in (seen.source_ip, seen.destination_ip)}
        if view.hosts is not None and not addresses & view.hosts:
            return self._text(False, "filtered", (capture, "hosts"), view.reason or FILTERED)
        return LETS_IN

    def _loses_nothing(self, capture: int, journey: Journey, kind: Kind) -> Verdict:
        watch = self.watches[capture]
        if self._hours.is_unread(capture, journey):
            return DAMAGED
        tally = watch.tally(journey, kind)
        # Which of a series that it shows in part it lost itself, nobody can say; of one that it never shows, all.
        if watch.dropped and (tally is None or tally.seen or tally.absent <= CLEARLY_MORE * watch.dropped):
            return self._text(
                False,
                "dropped",
                (capture,),
                Text(
                    f"the capture itself lost {watch.dropped} frames, so absence here proves nothing",
                    f"该抓包自身丢失了 {watch.dropped} 帧，此处没有不能说明问题",
                ),
            )
        has_holes = watch.miss_share > TOLERATED_MISS_SHARE
        if has_holes and (tally is None or tally.seen or watch.miss_share**tally.absent > ACCIDENT):
            return HOLES
        return LOST_NOTHING

    def _is_on_path(self, capture: int, journey: Journey, kind: Kind) -> Verdict:
        watch = self.watches[capture]
        route, way = (journey.client_ip, journey.server_ip), journey.direction
        tally = watch.tally(journey, kind)
        if tally is None or not tally.seen:
            if tally is not None and (tally.passed or watch.lacks_flow(journey, kind)):
                return PASSED_ELSEWHERE
            if tally is None and (route, way, kind) in watch.unseen:
                return ONE_OF_SEVERAL
            if way in watch.balanced or self._is_parallel(capture, journey, kind):
                return ONE_OF_SEVERAL
        if capture in journey.group.members:
            return SIBLING_SEEN
        if kind == Kind.LATER and way in self._put_together and watch.lacks_ports(journey):
            return ONE_OF_SEVERAL  # put together before, it goes where first fragments do
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
