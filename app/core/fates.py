"""The fate of every fragment of a datagram at every capture point, and the leg where it was lost.

What was seen is compared by byte ranges, so that a device that cuts or joins fragments on the way changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.analysis import Clock, DatagramFate, Fate, FragmentFate, Seen, Sighting
from app.core.byte_ranges import Range, merged, pieces, sent_pieces, uncovered
from app.core.directions import endpoints
from app.core.groups import ORPHAN, Group
from app.core.journeys import Traced
from app.core.observations import UDP_HEADER_BYTES, Observation
from app.core.paths import Place
from app.core.records import Confidence, Datagram, Direction, Endpoint, Text, WireMessage
from app.core.traces import Candidate, TracedDatagram
from app.core.visibility import Guard, Journey, Kind, Verdict

Leg = tuple[str, str]

SEEN_LATER = Text(
    "not seen here, though a later point has it: it passed this point unseen, so this is no loss",
    "此处未见到，但后面的抓包点见到了：它经过此处而未被抓到，不是丢失",
)
RIVAL = Text(
    "cannot be told from another datagram of the same content: either may be this one", "与另一内容相同的报文无法区分"
)
# Which unknown says most, where several captures of one point each have their own.
UNKNOWN_ORDER = ("dropped", "filtered", "off-path", "unproven", "clock-unknown", "not-capturing", "other-terminal")


@dataclass(frozen=True, slots=True)
class FateBuilder:
    """Everything that all fates need. `places` client first; `sources` and `clocks` by capture."""

    places: tuple[Place, ...]
    sources: tuple[str, ...]
    clocks: tuple[Clock, ...]
    guard: Guard

    def trace(self, traced: Traced) -> TracedDatagram:
        journey, group = traced.journey, traced.journey.group
        order = self.places if journey.direction == Direction.TO_SERVER else self.places[::-1]
        seen_at = [[group.members[c] for c in place.captures if c in group.members] for place in order]
        first = next(index for index, seen in enumerate(seen_at) if seen)
        sent = sent_pieces(seen_at[first], group)
        fragments = self._fragments(journey, order, seen_at, sent)
        fate = self._fate(traced, order, seen_at, fragments)
        travelled = [datagram for seen in seen_at for one in seen for datagram in one.datagrams]
        return TracedDatagram(
            fate=fate,
            datagrams=tuple(travelled),
            direction=journey.direction,
            client=traced.client,
            server=traced.server,
            message=_message(travelled),
            time_ns=min(self.clocks[seen.capture].to_reference(seen.time_ns) for seen in seen_at[first]),
            candidates=tuple(self._candidate(rival) for rival in group.rivals),
            is_orphan=traced.is_orphan,
            is_merged_only=_is_merged_only(group, fate, sent),
        )

    def _candidate(self, rival: Observation) -> Candidate:
        return Candidate(self.sources[rival.capture], tuple(packet.frame for packet in rival.packets), RIVAL)

    # ------------------------------------------------------------ sightings

    def _fragments(
        self,
        journey: Journey,
        order: Sequence[Place],
        seen_at: Sequence[Sequence[Observation]],
        sent: tuple[Range, ...],
    ) -> tuple[FragmentFate, ...]:
        covered = [_covered(seen) for seen in seen_at]
        fragments = []
        for piece in sent:
            sightings: dict[str, Sighting] = {}
            later: list[Range] = []
            # From the receiver back, so that "a later point has it" is known on the way.
            for index in range(len(order) - 1, -1, -1):
                gaps = uncovered(piece, covered[index]) if covered[index] else [piece]
                if not gaps:
                    sightings[order[index].name] = self._seen(seen_at[index], piece)
                else:
                    is_later_seen = any(low < gap[1] and gap[0] < high for gap in gaps for low, high in later)
                    sightings[order[index].name] = self._unseen(
                        journey, order[index], seen_at[index], piece, gaps, is_later_seen
                    )
                later += covered[index]
            fragments.append(
                FragmentFate(piece[0], piece[1] - piece[0], {place.name: sightings[place.name] for place in self.places})
            )
        return tuple(fragments)

    def _seen(self, seen: Sequence[Observation], piece: Range) -> Sighting:
        """Frames that carry part of the piece, twins too; the source and times of the earliest."""
        if len(seen) == 1 and len(seen[0].packets) == 1 and not seen[0].datagrams[0].duplicates:
            packet = seen[0].packets[0]
            time_ns = self.clocks[seen[0].capture].to_reference(packet.time_ns)
            return Sighting(Seen.SEEN, packet.source, (packet.frame,), packet.time_ns, time_ns)
        found = [
            (self.clocks[one.capture].to_reference(packet.time_ns), packet)
            for one in seen
            for datagram in one.datagrams
            for packet in (*datagram.packets, *datagram.duplicates)
            if packet.offset_bytes < piece[1] and piece[0] < packet.end_bytes
        ]
        if not found:
            return Sighting(Seen.SEEN)
        time_ns, lead = min(found, key=lambda pair: pair[0])
        frames = tuple(sorted({packet.frame for _, packet in found if packet.source == lead.source}))
        return Sighting(Seen.SEEN, lead.source, frames, lead.time_ns, time_ns)

    def _unseen(
        self,
        journey: Journey,
        place: Place,
        seen: Sequence[Observation],
        piece: Range,
        gaps: Sequence[Range],
        is_later_seen: bool,
    ) -> Sighting:
        part = self._seen(seen, piece) if seen else Sighting(Seen.UNKNOWN)
        verdict = self._judge(journey, place, piece, is_later_seen)
        if journey.group.rivals and not seen and any(rival.capture in place.captures for rival in journey.group.rivals):
            verdict = Verdict(False, "ambiguous", RIVAL)
        reason = verdict.reason
        if part.frames:
            shown = ", ".join(f"{start}-{end - 1}" for start, end in gaps)
            reason = Text(
                f"only part of it is here; bytes {shown} are not. {reason.en}",
                f"此处只有其中一部分，缺少字节 {shown}。{reason.zh}",
            )
        return Sighting(
            Seen.MISSING if verdict.is_able else Seen.UNKNOWN,
            part.source or self.sources[place.captures[0]],
            part.frames,
            part.raw_time_ns,
            part.time_ns,
            reason,
            verdict.code,
        )

    def _judge(self, journey: Journey, place: Place, piece: Range, is_later_seen: bool) -> Verdict:
        kind = _kind(journey, piece)
        verdicts = [self.guard.judge(capture, journey, kind) for capture in place.captures]
        able = next((verdict for verdict in verdicts if verdict.is_able), None)
        if able is not None:
            return Verdict(False, "off-path", SEEN_LATER) if is_later_seen else able
        return min(verdicts, key=lambda verdict: UNKNOWN_ORDER.index(verdict.code))

    # ------------------------------------------------------------ the whole datagram

    def _fate(
        self,
        traced: Traced,
        order: Sequence[Place],
        seen_at: Sequence[Sequence[Observation]],
        fragments: tuple[FragmentFate, ...],
    ) -> DatagramFate:
        group, journey = traced.journey.group, traced.journey
        first = next(seen for seen in seen_at if seen)
        ends = (traced.client, traced.server)
        source, destination = ends if journey.direction == Direction.TO_SERVER else ends[::-1]
        here = {place.name: seen for place, seen in zip(order, seen_at, strict=True) if seen}
        base = pieces(packet for one in first for packet in one.packets)
        message = _message([datagram for seen in seen_at for one in seen for datagram in one.datagrams])
        return DatagramFate(
            identification=first[0].identification,
            source=str(source),
            destination=str(destination),
            ip_version=first[0].ip_version,
            wire_bytes=_wire_bytes(group),
            fragments=fragments,
            fate={place.name: _place_fate(fragments, place.name) for place in self.places},
            lost_between=find_leg(fragments, [place.name for place in order]),
            coding=message.coding if message is not None else None,
            match_reason=ORPHAN if traced.is_orphan else group.reason(),
            match_confidence=Confidence.POSSIBLE if traced.is_orphan else group.confidence(),
            translations=_translations(here, journey.direction, ends),
            split_at=_splits(here, base),
            duplicates={name: count for name, seen in here.items() if (count := _duplicates(seen))},
            anomalies={name: names for name, seen in here.items() if (names := _anomalies(seen))},
            tunnels={name: seen[0].packets[0].tunnels for name, seen in here.items() if seen[0].packets[0].tunnels},
            ttl={name: seen[0].packets[0].ttl for name, seen in here.items()},
        )


def _kind(journey: Journey, piece: Range) -> Kind:
    if Kind.WHOLE in journey.kinds:
        return Kind.WHOLE
    return Kind.FIRST if piece[0] == 0 else Kind.LATER


def _covered(seen: Sequence[Observation]) -> list[Range]:
    if len(seen) == 1 and len(seen[0].packets) == 1:
        packet = seen[0].packets[0]
        return [(packet.offset_bytes, packet.end_bytes)]
    return merged(piece for one in seen for piece in pieces(one.packets))


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
    states = {sighting.state for sighting in sightings}
    if states == {Seen.SEEN}:
        return Fate.WHOLE
    has_part = any(sighting.frames for sighting in sightings)
    if Seen.MISSING in states:
        if has_part:
            return Fate.PARTIAL
        return Fate.ABSENT if Seen.UNKNOWN not in states else Fate.UNKNOWN
    return Fate.UNKNOWN


def _message(datagrams: Sequence[Datagram]) -> WireMessage | None:
    """The reading that says most."""
    messages = [datagram.message for datagram in datagrams if datagram.message is not None]
    return max(
        messages,
        key=lambda message: (message.number is not None, message.plain_bytes is not None, message.user is not None),
        default=None,
    )


def _wire_bytes(group: Group) -> int | None:
    lengths = [seen.udp_length for seen in group.members.values() if seen.udp_length is not None]
    lengths = lengths or [seen.total for seen in group.members.values() if seen.total is not None]
    return max(lengths) - UDP_HEADER_BYTES if lengths else None


def _translations(
    here: dict[str, list[Observation]], direction: Direction, ends: tuple[Endpoint, Endpoint]
) -> dict[str, tuple[str, str]]:
    """Point → (source, destination) there, where they are not the ones nearest the client."""
    result: dict[str, tuple[str, str]] = {}
    source, destination = ends if direction == Direction.TO_SERVER else ends[::-1]
    for name, seen in here.items():
        one = seen[0]
        if one.source_ip == source.ip and one.destination_ip == destination.ip:
            if one.ports is None or one.ports == (source.port, destination.port):
                continue
        ports = one.ports or (None, None)
        result[name] = (str(Endpoint(one.source_ip, ports[0])), str(Endpoint(one.destination_ip, ports[1])))
    return result


def _splits(here: dict[str, list[Observation]], base: tuple[Range, ...]) -> dict[str, tuple[Range, ...]]:
    """Point → its own pieces as (offset, length), where they are cut at other bytes than at the first point."""
    result: dict[str, tuple[Range, ...]] = {}
    known = set(base)
    for name, seen in here.items():
        own = pieces(packet for one in seen for packet in one.packets)
        if own != base and not set(own) <= known:
            result[name] = tuple((start, end - start) for start, end in own)
    return result


def _duplicates(seen: Sequence[Observation]) -> int:
    count = 0
    for one in seen:
        frames = {packet.frame for datagram in one.datagrams for packet in (*datagram.packets, *datagram.duplicates)}
        count += len(frames) - len(pieces(one.packets))
    return count


def _anomalies(seen: Sequence[Observation]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in seen for datagram in one.datagrams for name in datagram.anomalies))


def _is_merged_only(group: Group, fate: DatagramFate, sent: tuple[Range, ...]) -> bool:
    """Whole at no point, and whole if the fragments of all points were put together."""
    if len(group.members) < 2 or Fate.WHOLE in fate.fate.values():
        return False
    end = max(piece[1] for piece in sent)
    total = next((seen.total for seen in group.members.values() if seen.total is not None), None)
    together = merged(piece for seen in group.members.values() for piece in pieces(seen.packets))
    return total == end and together == [(0, end)]
