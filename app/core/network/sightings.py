"""What every point has of every piece of a datagram: seen, missing, or unknown, with the ground.

Byte ranges are compared, so that a device that cuts or joins fragments on the way changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.analysis import Clock, FragmentFate, Seen, Sighting
from app.core.fragmentation.byte_ranges import Range, merged, uncovered
from app.core.network.grounds import Verdict
from app.core.network.observations import Observation
from app.core.network.paths import Place
from app.core.network.visibility import Guard
from app.core.network.witnesses import Journey, Kind
from app.core.records import Text

SEEN_LATER = Text(
    "not seen here, though a later point has it: it passed this point unseen, so this is no loss",
    "此处未见到，但后面的抓包点见到了：它经过此处而未被抓到，不是丢失",
)
RIVAL = Text(
    "cannot be told from another datagram of the same content: either may be this one", "与另一内容相同的报文无法区分"
)
# Which unknown says most, where several captures of one point each have their own.
UNKNOWN_ORDER = (
    "dropped", "filtered", "too-little", "off-path", "unproven", "clock-unknown", "not-capturing", "other-terminal",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sightings:
    """`places` client first; `sources` and `clocks` by capture."""

    places: tuple[Place, ...]
    sources: tuple[str, ...]
    clocks: tuple[Clock, ...]
    guard: Guard

    def fragments(
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


def _kind(journey: Journey, piece: Range) -> Kind:
    if piece[0] > 0:
        return Kind.LATER
    return Kind.WHOLE if Kind.WHOLE in journey.kinds else Kind.FIRST


def _covered(seen: Sequence[Observation]) -> list[Range]:
    if len(seen) == 1 and len(seen[0].ranges) == 1:
        return [seen[0].ranges[0]]
    return merged(piece for one in seen for piece in one.ranges)
