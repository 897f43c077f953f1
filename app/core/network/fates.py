"""The fate of every datagram over all capture points, and the leg where it was lost."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.analysis import Clock, DatagramFate, Fate, FragmentFate, Seen
from app.core.fragmentation.byte_ranges import Range, merged
from app.core.network.groups import ORPHAN, Group, Level
from app.core.network.journeys import Traced
from app.core.network.observations import UDP_HEADER_BYTES, Observation
from app.core.network.oddities import NOTHING_ODD, Oddities, translations
from app.core.network.paths import Place
from app.core.network.plain_fates import PlainFates, seen_alike
from app.core.network.sent_pieces import sent_pieces
from app.core.network.sightings import RIVAL, Sightings
from app.core.network.traces import Candidate, TracedDatagram
from app.core.network.visibility import Guard
from app.core.records import Confidence, Datagram, Direction, WireMessage

Leg = tuple[str, str]
NOT_TRANSLATED: dict[str, tuple[str, str]] = {}
TO_SERVER, CONTENT = Direction.TO_SERVER, Level.CONTENT


class FateBuilder:
    """`places` client first; `sources` and `clocks` by capture."""

    def __init__(
        self, places: tuple[Place, ...], sources: tuple[str, ...], clocks: tuple[Clock, ...], guard: Guard
    ) -> None:
        self._places = places
        self._sources = sources
        self._to_reference = [clock.converter() for clock in clocks]
        self._captures = tuple(place.captures for place in places)
        self._names = tuple(place.name for place in places)
        self._sightings = Sightings(places, sources, clocks, guard)
        self._plain = PlainFates(self._names, self._to_reference)
        # What most fates have in common is one object, as there may be hundred thousands.
        self._all_whole = dict.fromkeys(self._names, Fate.WHOLE)
        self._ttls: dict[tuple[bool, tuple[int | None, ...]], dict[str, int]] = {}

    def trace(self, traced: Traced) -> TracedDatagram:
        group = traced.journey.group
        is_up = traced.journey.direction is TO_SERVER
        column = seen_alike(group, self._captures)
        if column is not None:
            travelled = column if is_up else column[::-1]
            sent = sent_pieces(travelled[:1], group)
            if sent == travelled[0].ranges:
                seen_at = [(seen,) for seen in travelled]
                return self._told(traced, seen_at, sent, self._plain.fragments(column, sent), is_plain=True)
        order = self._places if is_up else self._places[::-1]
        found = [tuple(group.members[c] for c in place.captures if c in group.members) for place in order]
        sent = sent_pieces(next(seen for seen in found if seen), group)
        fragments = self._sightings.fragments(traced.journey, order, found, sent)
        return self._told(traced, found, sent, fragments, is_plain=False)

    def _told(
        self,
        traced: Traced,
        seen_at: Sequence[tuple[Observation, ...]],
        sent: tuple[Range, ...],
        fragments: tuple[FragmentFate, ...],
        is_plain: bool,
    ) -> TracedDatagram:
        """`seen_at` in the direction of travel; `is_plain` where every point saw what was sent, each piece once."""
        group, direction = traced.journey.group, traced.journey.direction
        travelled = tuple([datagram for seen in seen_at for one in seen for datagram in one.datagrams])
        message = _message(travelled)
        first = next(seen for seen in seen_at if seen)
        is_up = direction is TO_SERVER
        names = self._names if is_up else self._names[::-1]
        source, destination = (traced.client, traced.server) if is_up else (traced.server, traced.client)
        is_usual = is_plain and not [one for one in travelled if one.anomalies or one.packets[0].tunnels]
        is_translated = group.level > CONTENT
        here = (
            {}
            if is_usual and not is_translated
            else {name: seen for name, seen in zip(names, seen_at, strict=True) if seen}
        )
        oddities = NOTHING_ODD if is_usual else Oddities(here, sent)
        fate = DatagramFate(
            identification=first[0].identification,
            source=str(source),
            destination=str(destination),
            ip_version=first[0].ip_version,
            wire_bytes=_wire_bytes(group),
            fragments=fragments,
            fate=self._all_whole if is_plain else {name: _place_fate(fragments, name) for name in self._names},
            lost_between=None if is_plain else find_leg(fragments, names),
            coding=message.coding if message is not None else None,
            match_reason=ORPHAN if traced.is_orphan else group.reason(),
            match_confidence=Confidence.POSSIBLE if traced.is_orphan else group.confidence(),
            translations=translations(here, source, destination) if is_translated else NOT_TRANSLATED,
            split_at=oddities.splits,
            duplicates=oddities.duplicates,
            anomalies=oddities.anomalies,
            tunnels=oddities.tunnels,
            ttl=self._ttl(is_up, seen_at),
        )
        return TracedDatagram(
            fate=fate,
            datagrams=travelled,
            direction=direction,
            client=traced.client,
            server=traced.server,
            message=message,
            time_ns=self._first_time(first),
            candidates=tuple(self._candidate(rival) for rival in group.rivals) if group.rivals else (),
            is_orphan=traced.is_orphan,
            is_merged_only=not is_plain and _is_merged_only(group, fate, sent),
        )

    def _first_time(self, first: Sequence[Observation]) -> int:
        return min([self._to_reference[seen.capture](seen.time_ns, seen.frame) for seen in first])

    def _candidate(self, rival: Observation) -> Candidate:
        return Candidate(self._sources[rival.capture], tuple(packet.frame for packet in rival.packets), RIVAL)

    def _ttl(self, is_up: bool, seen_at: Sequence[tuple[Observation, ...]]) -> dict[str, int]:
        ttls = tuple([seen[0].packets[0].ttl if seen else None for seen in seen_at])
        known = self._ttls.get((is_up, ttls))
        if known is None:
            names = self._names if is_up else self._names[::-1]
            known = {name: ttl for name, ttl in zip(names, ttls, strict=True) if ttl is not None}
            self._ttls[is_up, ttls] = known
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
    messages = [datagram.message for datagram in datagrams if datagram.message is not None]
    if len(messages) < 2 or _says(messages[0]) == ALL_SAID:
        return messages[0] if messages else None
    return max(messages, key=_says)


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
