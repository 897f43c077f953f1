"""The fate of every fragment of a datagram at every capture point, and the leg where it was lost.

What was seen is compared by byte ranges, so that a device that cuts or joins fragments on the way changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.analysis import Clock, DatagramFate, Fate, FragmentFate, Seen, Sighting
from app.core.fragmentation.byte_ranges import Range, merged, uncovered
from app.core.network.grounds import Verdict
from app.core.network.groups import ORPHAN, Group, Level
from app.core.network.journeys import Traced
from app.core.network.observations import UDP_HEADER_BYTES, Observation
from app.core.network.paths import Place
from app.core.network.sent_pieces import ranges_of, sent_pieces
from app.core.network.traces import Candidate, TracedDatagram
from app.core.network.visibility import Guard
from app.core.network.witnesses import Journey, Kind
from app.core.records import Confidence, Datagram, Direction, Endpoint, Text, WireMessage

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
        fragments = self._as_sent_everywhere(journey, seen_at, sent)
        is_plain = fragments is not None
        if fragments is None:
            fragments = self._fragments(journey, order, seen_at, sent)
        travelled = [datagram for seen in seen_at for one in seen for datagram in one.datagrams]
        fate = self._fate(traced, order, seen_at, fragments, travelled, is_plain, sent)
        return TracedDatagram(
            fate=fate,
            datagrams=tuple(travelled),
            direction=journey.direction,
            client=traced.client,
            server=traced.server,
            message=_message(travelled),
            time_ns=min(self.clocks[seen.capture].to_reference(seen.time_ns, seen.frame) for seen in seen_at[first]),
            candidates=tuple(self._candidate(rival) for rival in group.rivals),
            is_orphan=traced.is_orphan,
            is_merged_only=not is_plain and _is_merged_only(group, fate, sent),
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
            in_order = {place.name: sightings[place.name] for place in self.places}
            fragments.append(FragmentFate(piece[0], piece[1] - piece[0], in_order))
        return tuple(fragments)

    def _as_sent_everywhere(
        self, journey: Journey, seen_at: Sequence[Sequence[Observation]], sent: tuple[Range, ...]
    ) -> tuple[FragmentFate, ...] | None:
        """The usual case, told fast: every point saw the pieces as they were sent. None where it is not so."""
        rows: list[list[Sighting]] = []
        for seen in seen_at if journey.direction == Direction.TO_SERVER else reversed(seen_at):
            row = self._as_sent(seen, sent)
            if row is None:
                return None
            rows.append(row)
        names = [place.name for place in self.places]
        return tuple(
            FragmentFate(start, end - start, dict(zip(names, column, strict=True)))
            for (start, end), column in zip(sent, zip(*rows, strict=True), strict=True)
        )

    def _as_sent(self, seen: Sequence[Observation], sent: tuple[Range, ...]) -> list[Sighting] | None:
        """Sightings where one capture saw the pieces as they were sent, each once."""
        if len(seen) != 1:
            return None
        datagrams, packets = seen[0].datagrams, seen[0].packets
        if seen[0].ranges != sent or len(packets) != len(sent) or len(datagrams) != 1 or datagrams[0].duplicates:
            return None
        # One conversion for all pieces: no clock drifts within one datagram.
        shift = self.clocks[seen[0].capture].to_reference(packets[0].time_ns, packets[0].frame) - packets[0].time_ns
        return [
            Sighting(Seen.SEEN, packet.source, (packet.frame,), packet.time_ns, packet.time_ns + shift)
            for packet in packets
        ]

    def _seen(self, seen: Sequence[Observation], piece: Range) -> Sighting:
        """Frames that carry part of the piece, twins too; the source and times of the earliest."""
        found = [
            (self.clocks[one.capture].to_reference(packet.time_ns, packet.frame), packet)
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
        # Where a device cut the piece further, what is lacking has an offset of its own.
        lacking = piece if not seen or gaps[0][0] == piece[0] else gaps[0]
        verdict = self._judge(journey, place, lacking, is_later_seen)
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
        travelled: Sequence[Datagram],
        is_plain: bool,
        sent: tuple[Range, ...],
    ) -> DatagramFate:
        group, journey = traced.journey.group, traced.journey
        first = next(seen for seen in seen_at if seen)
        ends = (traced.client, traced.server)
        source, destination = ends if journey.direction == Direction.TO_SERVER else ends[::-1]
        here = {place.name: seen for place, seen in zip(order, seen_at, strict=True) if seen}
        message = _message(travelled)
        oddities = _Oddities(here, sent)
        names = [place.name for place in order]
        states = {place.name: Fate.WHOLE if is_plain else _place_fate(fragments, place.name) for place in self.places}
        return DatagramFate(
            identification=first[0].identification,
            source=str(source),
            destination=str(destination),
            ip_version=first[0].ip_version,
            wire_bytes=_wire_bytes(group),
            fragments=fragments,
            fate=states,
            lost_between=None if is_plain else find_leg(fragments, names),
            coding=message.coding if message is not None else None,
            match_reason=ORPHAN if traced.is_orphan else group.reason(),
            match_confidence=Confidence.POSSIBLE if traced.is_orphan else group.confidence(),
            translations=_translations(here, source, destination) if group.level > Level.CONTENT else {},
            split_at=oddities.splits,
            duplicates=oddities.duplicates,
            anomalies=oddities.anomalies,
            tunnels=oddities.tunnels,
            ttl={name: seen[0].packets[0].ttl for name, seen in here.items()},
        )


def _kind(journey: Journey, piece: Range) -> Kind:
    if piece[0] > 0:
        return Kind.LATER
    return Kind.WHOLE if Kind.WHOLE in journey.kinds else Kind.FIRST


def _covered(seen: Sequence[Observation]) -> list[Range]:
    if len(seen) == 1 and len(seen[0].ranges) == 1:
        return [seen[0].ranges[0]]
    return merged(piece for one in seen for piece in one.ranges)


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
    if len(messages) < 2:
        return messages[0] if messages else None
    return max(
        messages,
        key=lambda message: (message.number is not None, message.plain_bytes is not None, message.user is not None),
        default=None,
    )


def _wire_bytes(group: Group) -> int | None:
    if (length := next(iter(group.members.values())).udp_length) is not None:
        return length - UDP_HEADER_BYTES
    lengths = [seen.udp_length for seen in group.members.values() if seen.udp_length is not None]
    lengths = lengths or [seen.total for seen in group.members.values() if seen.total is not None]
    return max(lengths) - UDP_HEADER_BYTES if lengths else None


def _translations(
    here: dict[str, Sequence[Observation]], source: Endpoint, destination: Endpoint
) -> dict[str, tuple[str, str]]:
    """Point → (source, destination) there, where they are not the ones nearest the client."""
    result: dict[str, tuple[str, str]] = {}
    for name, seen in here.items():
        one = seen[0]
        ports = one.ports or (source.port, destination.port)
        if (one.source_ip, one.destination_ip, *ports) == (source.ip, destination.ip, source.port, destination.port):
            continue
        ports = one.ports or (None, None)
        result[name] = (str(Endpoint(one.source_ip, ports[0])), str(Endpoint(one.destination_ip, ports[1])))
    return result


class _Oddities:
    """What is out of the ordinary at single points; mostly nothing."""

    __slots__ = ("anomalies", "duplicates", "splits", "tunnels")

    def __init__(self, here: dict[str, Sequence[Observation]], sent: tuple[Range, ...]) -> None:
        self.splits: dict[str, tuple[Range, ...]] = {}
        self.duplicates: dict[str, int] = {}
        self.anomalies: dict[str, tuple[str, ...]] = {}
        self.tunnels: dict[str, tuple[str, ...]] = {}
        for name, seen in here.items():
            if len(seen) == 1 and seen[0].ranges == sent and len(seen[0].datagrams) == 1:
                datagram = seen[0].datagrams[0]
                if datagram.anomalies:
                    self.anomalies[name] = datagram.anomalies
                if datagram.duplicates:
                    self.duplicates[name] = len(datagram.duplicates)
            else:
                self._compare(name, seen, sent)
            if seen[0].packets[0].tunnels:
                self.tunnels[name] = seen[0].packets[0].tunnels

    def _compare(self, name: str, seen: Sequence[Observation], sent: tuple[Range, ...]) -> None:
        own = ranges_of(seen)
        if not set(own) <= set(sent):
            # As (offset, length): the point's own pieces, cut at other bytes than where it was sent.
            self.splits[name] = tuple((start, end - start) for start, end in own)
        if count := sum(map(_again, seen)):
            self.duplicates[name] = count
        odd = [each for one in seen for datagram in one.datagrams for each in datagram.anomalies]
        if odd:
            self.anomalies[name] = tuple(dict.fromkeys(odd))


def _again(seen: Observation) -> int:
    """Frames that repeat a piece."""
    if len(seen.datagrams) == 1 and not seen.datagrams[0].duplicates:
        return len(seen.packets) - len(seen.ranges)
    frames = {packet.frame for datagram in seen.datagrams for packet in (*datagram.packets, *datagram.duplicates)}
    return len(frames) - len(seen.ranges)


def _is_merged_only(group: Group, fate: DatagramFate, sent: tuple[Range, ...]) -> bool:
    """Whole at no point, and whole if the fragments of all points were put together."""
    if len(group.members) < 2 or any(state is Fate.WHOLE for state in fate.fate.values()):
        return False
    end = max(piece[1] for piece in sent)
    total = next((seen.total for seen in group.members.values() if seen.total is not None), None)
    together = merged(piece for seen in group.members.values() for piece in seen.ranges)
    return total == end and together == [(0, end)]
