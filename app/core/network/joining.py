"""Matching, path order and clocks, which need each other: anchors first, then order and clocks, then the rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from app.core.analysis import Role
from app.core.network.clocks import ClockNet, fit_clocks
from app.core.network.directions import direction_of, find_servers
from app.core.network.groups import Group
from app.core.network.lookalikes import note_lookalikes
from app.core.network.matched_times import MatchedTimes, tabulate
from app.core.network.matching import complete_rivals, group_unique, join_translated
from app.core.network.nameless_links import split_lone
from app.core.network.observations import Observation, observe
from app.core.network.paths import PathOrder, Place, hops_from_initial, order_places
from app.core.network.renaming import Names, renamed_pairs, split_renamed, split_renamed_crowd
from app.core.network.rewritten_matching import join_altered, join_rewritten, link_parts
from app.core.network.strays import join_strays, note_strays
from app.core.network.timed_matching import note_untimed, settle_crowd, split_untimely
from app.core.network.traces import CaptureInput, NetworkSettings
from app.core.records import Direction

SIGNS = {Direction.TO_SERVER: 1, Direction.TO_CLIENT: -1, None: 0}


@dataclass(frozen=True, slots=True)
class Joined:
    """Every datagram of every capture in groups, with what was needed to find them. Indices count captures."""

    groups: list[Group]
    directions: list[Direction | None]
    matched: MatchedTimes
    order: PathOrder
    net: ClockNet
    servers: frozenset[str]
    reference: int


def join_captures(captures: Sequence[CaptureInput], settings: NetworkSettings) -> Joined:
    observed = [observe(index, capture.datagrams, settings.ports) for index, capture in enumerate(captures)]
    servers = find_servers(chain.from_iterable(observed), settings.ports, settings.servers)

    def way(group: Group) -> Direction | None:
        return direction_of(group, servers, settings.ports)

    groups, crowds = group_unique(observed)
    groups = join_translated(groups)
    fitter = _Fitter(captures, settings, servers, observed)
    state = fitter.fit(groups, use_manual=False)
    groups = split_untimely(groups, state.matched, state.net)
    count, names = len(captures), Names(way)
    renamed = renamed_pairs(groups, count, way, names)
    if renamed:
        groups = split_renamed(groups, renamed, way)
        crowds = [part for crowd in crowds for part in split_renamed_crowd(crowd, renamed, way)]
        state = fitter.fit(groups, use_manual=False)
    proven = split_lone(groups, count)
    if len(proven) > len(groups):
        groups = proven
        state = fitter.fit(groups, use_manual=False)
    if len(set(state.net.parts)) > 1:
        linked = link_parts(groups, state.net, fitter.ranks(state.order), way, names)
        if len(linked) < len(groups):
            groups = linked
            state = fitter.fit(groups, use_manual=False)
    if crowds:
        settled = (group for crowd in crowds for group in settle_crowd(crowd, state.net))
        groups = split_renamed(join_translated([*groups, *settled]), renamed, way)
    rejoined = join_rewritten(groups, state.net, fitter.ranks(state.order), way, names)
    if len(rejoined) < len(groups):
        # What was joined may show that a clock was set, and where.
        state = fitter.fit(rejoined, use_manual=False)
        rejoined = join_rewritten(rejoined, state.net, fitter.ranks(state.order), way, names)
    groups = rejoined
    groups = join_altered(groups, state.net, fitter.ranks(state.order))
    groups = join_strays(groups, state.net, count, way, names)
    note_lookalikes(groups, state.net, count, way, names)
    note_strays(groups, state.net, count, way, names)
    complete_rivals(groups)
    note_untimed(groups, state.net)
    if groups is state.groups and not crowds and not any(settings.manual_offset_s.values()):
        return state  # nothing came of times, so there is nothing to fit again
    return fitter.fit(groups, use_manual=True)


class _Fitter:
    """Directions, order and clocks for a set of groups; done more than once as the groups grow."""

    def __init__(
        self,
        captures: Sequence[CaptureInput],
        settings: NetworkSettings,
        servers: frozenset[str],
        observed: Sequence[Sequence[Observation]],
    ) -> None:
        self._captures = captures
        self._settings = settings
        self._servers = servers
        self._places = _places(captures, observed, servers)

    def fit(self, groups: list[Group], use_manual: bool) -> Joined:
        directions = [direction_of(group, self._servers, self._settings.ports) for group in groups]
        matched = tabulate(groups, [SIGNS[direction] for direction in directions], len(self._captures))
        order = order_places(self._places, matched, self._settings.order)
        manual = [
            self._settings.manual_offset_s.get(capture.source, 0.0) if use_manual else 0.0 for capture in self._captures
        ]
        reference = self._reference(groups, order)
        net = fit_clocks(
            matched,
            self.ranks(order),
            reference,
            manual,
            [capture.source for capture in self._captures],
        )
        return Joined(groups, directions, matched, order, net, self._servers, reference)

    def ranks(self, order: PathOrder) -> list[int]:
        """Each capture's place on the path, client first."""
        ranks = {capture: position for position, place in enumerate(order.places) for capture in place.captures}
        return [ranks[index] for index in range(len(self._captures))]

    def _reference(self, groups: list[Group], order: PathOrder) -> int:
        """The client capture with the most matches, else the first point on the path that has any."""
        matches = [0] * len(self._captures)
        for group in groups:
            if len(group.members) > 1:
                for capture in group.members:
                    matches[capture] += 1
        clients = [index for index, capture in enumerate(self._captures) if capture.role_hint == Role.CLIENT]
        if clients:
            return max(clients, key=lambda index: (matches[index], -index))
        in_order = [index for place in order.places for index in place.captures]
        return next((index for index in in_order if matches[index]), in_order[0])


def _places(
    captures: Sequence[CaptureInput], observed: Sequence[Sequence[Observation]], servers: frozenset[str]
) -> list[Place]:
    by_name: dict[str, list[int]] = defaultdict(list)
    for index, capture in enumerate(captures):
        by_name[capture.point or capture.source].append(index)
    places = []
    for name, members in by_name.items():
        hints = [captures[index].role_hint for index in members if captures[index].role_hint is not None]
        up: list[int] = []
        down: list[int] = []
        for seen in chain.from_iterable(observed[index] for index in members):
            is_to = seen.destination_ip in servers
            if is_to != (seen.source_ip in servers):
                (up if is_to else down).append(seen.packets[0].ttl)
        places.append(
            Place(
                name, tuple(members), hints[0] if hints else None, hops=_middle_hops(up), hops_back=_middle_hops(down)
            )
        )
    return places


def _middle_hops(ttls: list[int]) -> int | None:
    """The median; each TTL is looked at once, however many datagrams have it."""
    behind = len(ttls) // 2
    counts = Counter(ttls)
    for hops, ttl in sorted((hops_from_initial(ttl), ttl) for ttl in counts):
        behind -= counts[ttl]
        if behind < 0:
            return hops
    return None
