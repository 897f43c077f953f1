"""The fate of every datagram over all capture points, and the leg where it was lost."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.analysis import NOWHERE, Clock, DatagramFate, Fate, FragmentFate, Seen
from app.core.fragmentation.byte_ranges import Range, merged
from app.core.network.groups import ORPHAN, Group, Level
from app.core.network.journeys import Traced
from app.core.network.observations import UDP_HEADER_BYTES, Observation
from app.core.network.oddities import NOTHING_ODD, Oddities, translations
from app.core.network.paths import Place
from app.core.network.plain_fates import Alike, seen_alike, tell_all
from app.core.network.sent_pieces import is_sent_so, sent_pieces
from app.core.network.sightings import RIVAL, Sightings
from app.core.network.traces import Candidate, TracedDatagram
from app.core.network.visibility import Guard
from app.core.records import Confidence, Datagram, Direction, Endpoint, WireMessage

Leg = tuple[str, str]
TO_SERVER, CONTENT = Direction.TO_SERVER, Level.CONTENT


class FateBuilder:
    """`places` client first; `sources` and `clocks` by capture."""

    def __init__(
        self, places: tuple[Place, ...], sources: tuple[str, ...], clocks: tuple[Clock, ...], guard: Guard
    ) -> None:
        self._places = places
        self._sources = sources
        self._clocks = clocks
        self._to_reference = [clock.converter() for clock in clocks]
        self._captures = tuple(place.captures for place in places)
        self._names = tuple(place.name for place in places)
        self._sightings = Sightings(places, sources, clocks, guard)
        # What most fates have in common is one object, as there may be hundred thousands.
        self._all_whole = dict.fromkeys(self._names, Fate.WHOLE)
        self._texts: dict[tuple[str, int | None], str] = {}
        self._ttls: dict[tuple[Direction, tuple[int, ...]], dict[str, int]] = {}

    def trace(self, every: Sequence[Traced]) -> list[TracedDatagram]:
        usual = [self._column(traced) for traced in every]
        alike = tell_all([column for column in usual if column is not None], self._names, self._clocks)
        return [
            self._told(traced) if column is None else self._seen_everywhere(traced, column, next(alike))
            for traced, column in zip(every, usual, strict=True)
        ]

    def _column(self, traced: Traced) -> list[Observation] | None:
        """The observation of each place, client first, where every place saw what was sent, each piece once."""
        journey = traced.journey
        column = seen_alike(journey.group, self._captures)
        if column is None or not is_sent_so(column[0 if journey.direction is TO_SERVER else -1]):
            return None
        return column

    def _seen_everywhere(self, traced: Traced, column: list[Observation], alike: Alike) -> TracedDatagram:
        (group, direction, *_), client, server, is_orphan = traced
        way = 1 if direction is TO_SERVER else -1
        source, destination = (client, server)[::way]
        fragments, shown, ttls = alike
        names, travelled, datagrams = self._names[::way], column[::way], shown[::way]
        first = travelled[0]
        message = _message(datagrams)
        is_translated = group.level > CONTENT
        here: dict[str, tuple[Observation, ...]] = {}
        if is_translated or [one for one in datagrams if one.anomalies or one.packets[0].tunnels]:
            here = {name: (seen,) for name, seen in zip(names, travelled, strict=True)}
        oddities = Oddities(here, first.ranges) if here else NOTHING_ODD
        fate = DatagramFate(  # by position, which takes a third of the time
            first.identification,
            self._text(source),
            self._text(destination),
            first.ip_version,
            _wire_bytes(group),
            fragments,
            self._all_whole,
            None,
            message.coding if message is not None else None,
            ORPHAN if is_orphan else group.reason(),
            Confidence.POSSIBLE if is_orphan else group.confidence(),
            translations(here, source, destination) if is_translated else NOWHERE,
            oddities.splits,
            oddities.duplicates,
            oddities.anomalies,
            oddities.tunnels,
            self._ttl(direction, ttls),
        )
        at_first = fragments[0].sightings[names[0]]
        time_ns = at_first.time_ns if first.time_ns == at_first.raw_time_ns else None
        return TracedDatagram(
            fate,
            datagrams,
            direction,
            client,
            server,
            message,
            self._first_time((first,)) if time_ns is None else time_ns,
            self._candidates(group),
            is_orphan,
        )

    def _told(self, traced: Traced) -> TracedDatagram:
        group, direction = traced.journey.group, traced.journey.direction
        is_up = direction is TO_SERVER
        order = self._places if is_up else self._places[::-1]
        names = self._names if is_up else self._names[::-1]
        seen_at = [tuple(group.members[c] for c in place.captures if c in group.members) for place in order]
        first = next(seen for seen in seen_at if seen)
        sent = sent_pieces(first, group)
        fragments = self._sightings.fragments(traced.journey, order, seen_at, sent)
        travelled = tuple([datagram for seen in seen_at for one in seen for datagram in one.datagrams])
        message = _message(travelled)
        source, destination = (traced.client, traced.server) if is_up else (traced.server, traced.client)
        here = {name: seen for name, seen in zip(names, seen_at, strict=True) if seen}
        oddities = Oddities(here, sent)
        fate = DatagramFate(
            identification=first[0].identification,
            source=self._text(source),
            destination=self._text(destination),
            ip_version=first[0].ip_version,
            wire_bytes=_wire_bytes(group),
            fragments=fragments,
            fate={name: _place_fate(fragments, name) for name in self._names},
            lost_between=find_leg(fragments, names),
            coding=message.coding if message is not None else None,
            match_reason=ORPHAN if traced.is_orphan else group.reason(),
            match_confidence=Confidence.POSSIBLE if traced.is_orphan else group.confidence(),
            translations=translations(here, source, destination) if group.level > CONTENT else NOWHERE,
            split_at=oddities.splits,
            duplicates=oddities.duplicates,
            anomalies=oddities.anomalies,
            tunnels=oddities.tunnels,
            ttl={name: seen[0].packets[0].ttl for name, seen in here.items()},
        )
        return TracedDatagram(
            fate=fate,
            datagrams=travelled,
            direction=direction,
            client=traced.client,
            server=traced.server,
            message=message,
            time_ns=self._first_time(first),
            candidates=self._candidates(group),
            is_orphan=traced.is_orphan,
            is_merged_only=_is_merged_only(group, fate, sent),
        )

    def _first_time(self, first: Sequence[Observation]) -> int:
        return min([self._to_reference[seen.capture](seen.time_ns, seen.frame) for seen in first])

    def _candidates(self, group: Group) -> tuple[Candidate, ...]:
        if not group.rivals:
            return ()
        return tuple(
            Candidate(self._sources[rival.capture], tuple(packet.frame for packet in rival.packets), RIVAL)
            for rival in group.rivals
        )

    def _text(self, end: Endpoint) -> str:
        known = self._texts.get((end.ip, end.port))
        if known is None:
            known = self._texts[end.ip, end.port] = str(end)
        return known

    def _ttl(self, direction: Direction, ttls: tuple[int, ...]) -> dict[str, int]:
        """`ttls` client first; in the direction of travel."""
        known = self._ttls.get((direction, ttls))
        if known is None:
            named = list(zip(self._names, ttls, strict=True))
            known = self._ttls[direction, ttls] = dict(named if direction is TO_SERVER else named[::-1])
        return known


def find_leg(fragments: Sequence[FragmentFate], names: Sequence[str]) -> Leg | None:
    """The leg in the direction of travel (`names` in that order) on which the first loss happened.

    From the last point that still had every fragment missing at the first point that lacks one. Points where nothing
    can be said are skipped: then the leg is as long as they make it.
    """
    for index, name in enumerate(names):
        lost = [fragment for fragment in fragments if fragment.sightings[name].state == Seen.MISSING]
        if not lost:
            continue
        for earlier in reversed(names[:index]):
            if all(fragment.sightings[earlier].state == Seen.SEEN for fragment in lost):
                return earlier, name
        return None
    return None


def _place_fate(fragments: Sequence[FragmentFate], name: str) -> Fate:
    sightings = [fragment.sightings[name] for fragment in fragments]
    if all(sighting.state is Seen.SEEN for sighting in sightings):
        return Fate.WHOLE
    states = {sighting.state for sighting in sightings}
    has_part = any(sighting.frames for sighting in sightings)
    if Seen.MISSING in states:
        if has_part:
            return Fate.PARTIAL
        return Fate.ABSENT if Seen.UNKNOWN not in states else Fate.UNKNOWN
    return Fate.UNKNOWN


def _message(datagrams: Sequence[Datagram]) -> WireMessage | None:
    """The reading that says most."""
    best: WireMessage | None = None
    most = NOTHING_SAID
    for datagram in datagrams:
        message = datagram.message
        if message is not None and (best is None or _says(message) > most):
            best, most = message, _says(message)
            if most == ALL_SAID:
                break
    return best


NOTHING_SAID = (False, False, False)
ALL_SAID = (True, True, True)


def _says(message: WireMessage) -> tuple[bool, bool, bool]:
    return message.number is not None, message.plain_bytes is not None, message.user is not None


def _wire_bytes(group: Group) -> int | None:
    if (length := next(iter(group.members.values())).udp_length) is not None:
        return length - UDP_HEADER_BYTES
    lengths = [seen.udp_length for seen in group.members.values() if seen.udp_length is not None]
    lengths = lengths or [seen.total for seen in group.members.values() if seen.total is not None]
    return max(lengths) - UDP_HEADER_BYTES if lengths else None


def _is_merged_only(group: Group, fate: DatagramFate, sent: tuple[Range, ...]) -> bool:
    """Whole at no point, and whole if the fragments of all points were put together."""
    if len(group.members) < 2 or any(state is Fate.WHOLE for state in fate.fate.values()):
        return False
    end = max(piece[1] for piece in sent)
    total = next((seen.total for seen in group.members.values() if seen.total is not None), None)
    together = merged(piece for seen in group.members.values() for piece in seen.ranges)
    return total == end and together == [(0, end)]
