"""A network on paper that remembers what really happened: what came to every point, and what would have come to it had
nothing been lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from app.core.fragmentation.byte_ranges import Range, merged, uncovered
from app.core.network.tracing import CaptureInput
from app.core.records import Packet
from tests.core.net_world import START_NS, Device, Sent, Tap, World, fragments_of

Loss = Callable[[Packet, Sent], bool]
# Pieces of one datagram follow each other on the wire by this.
PIECE_GAP_S = 20e-6


@dataclass(frozen=True)
class Passage:
    """One datagram at one place of the path. `would` are the pieces that had come if nothing had been lost."""

    at_s: float
    came: tuple[Packet, ...]
    would: tuple[Packet, ...]

    @property
    def came_ranges(self) -> list[Range]:
        return merged((packet.offset_bytes, packet.end_bytes) for packet in self.came)


class TrueWorld(World):
    """`losses` by the tap before (nearer the client), as devices. A packet's `frame` is the serial of its datagram
    until a capture numbers its frames."""

    def __init__(self, *taps: Tap) -> None:
        super().__init__(*taps)
        self.sent: list[Sent] = []
        self.changes: dict[str, list[Device]] = defaultdict(list)
        self.losses: dict[str, list[Loss]] = defaultdict(list)
        self.passages: dict[tuple[int, str], Passage] = {}
        self.left_out: set[str] = set()  # places where nobody captured
        # By file: what a capture cannot see, and what it might have seen and missed by chance.
        self.hidden: dict[str, list[Callable[[Packet], bool]]] = defaultdict(list)
        self.dropped: dict[str, list[Callable[[Packet], bool]]] = defaultdict(list)
        for tap in taps:
            tap.hides = self._hiding(tap.file)
        self.queue_s: Callable[[], float] = lambda: 0.0
        self.is_reordered: Callable[[Sent], bool] = lambda datagram: False

    def add_tap(self, index: int, tap: Tap) -> None:
        tap.hides = self._hiding(tap.file)
        self.taps.insert(index, tap)

    def _hiding(self, file: str) -> Callable[[Packet], bool]:
        return lambda packet: (
            any(hides(packet) for hides in self.hidden[file]) or any(drops(packet) for drops in self.dropped[file])
        )

    def _would_show(self, tap: Tap, passage: Passage, packet: Packet) -> bool:
        """Whether the capture would hold the packet, had it come, or might at least."""
        is_filtered = tap.is_port_filtered and packet.offset_bytes > 0
        is_on = tap.starts_s <= passage.at_s <= tap.ends_s
        return is_on and not is_filtered and not any(hides(packet) for hides in self.hidden[tap.file])

    def path(self, datagram: Sent) -> list[Tap]:
        """Places in the direction of travel; several captures of one place follow each other."""
        return self.taps if datagram.is_to_server else self.taps[::-1]

    def transmit(self, datagram: Sent) -> bool:
        """Whether it came to the other end whole."""
        serial = len(self.sent)
        self.sent.append(datagram)
        came = would = [replace(packet, frame=serial) for packet in fragments_of(datagram)]
        if self.is_reordered(datagram):
            came = would = would[::-1]
        path = self.path(datagram)
        at_s = datagram.at_s
        for before, tap in pairwise([path[0], *path]):
            if before.name != tap.name:
                gate = before.name if datagram.is_to_server else tap.name
                for change in self.changes[gate]:
                    came, would = change(came, datagram), change(would, datagram)
                came = [packet for packet in came if not any(loses(packet, datagram) for loses in self.losses[gate])]
                at_s += abs(tap.delay_s - before.delay_s) + self.queue_s()
            routers = abs(tap.hops - path[0].hops)
            for number, packet in enumerate(came):
                self._show(tap, replace(packet, ttl=datagram.ttl - routers), at_s + number * PIECE_GAP_S)
            self.passages[serial, tap.name] = Passage(at_s, tuple(came), tuple(would))
        last = self.passages[serial, path[-1].name]
        return not uncovered((0, len(datagram.body) + 8), last.came_ranges)

    def came_whole(self, serial: int, point: str, piece: Range) -> bool:
        return not uncovered(piece, self.passages[serial, point].came_ranges)

    def was_lost_before(self, serial: int, point: str, piece: Range) -> bool:
        """Whether some bytes of the piece never came to the point, which would have shown them."""
        passage = self.passages[serial, point]
        gaps = uncovered(piece, passage.came_ranges)
        taps = [tap for tap in self.taps if tap.name == point]
        return any(
            packet.offset_bytes < end
            and start < packet.end_bytes
            and any(self._would_show(tap, passage, packet) for tap in taps)
            for packet in passage.would
            for start, end in gaps
        )

    def captures(self) -> list[CaptureInput]:
        for tap in self.taps:
            first_ns, last_ns, steps_back = self._span(tap)
            tap.facts = {"first_ns": first_ns, "last_ns": last_ns, "steps_back": steps_back, **tap.facts}
        return [capture for capture in super().captures() if capture.point not in self.left_out]

    def _span(self, tap: Tap) -> tuple[int, int, int]:
        """Smallest and largest stamp of a capture that shows other traffic all the time, and how often they go back."""
        start, end = max(tap.starts_s, -10.0), min(tap.ends_s, self.end_s + 10.0)
        moments = [start, end]
        steps_back = 0
        if tap.step is not None and start < tap.step[0] <= end:
            moments += [tap.step[0], tap.step[0] - 1e-6]
            steps_back = int(tap.step[1] < -1.0)
        stamps = [tap.raw_ns(moment) for moment in moments]
        return min(stamps), max(stamps), steps_back

    @property
    def end_s(self) -> float:
        return max((passage.at_s for passage in self.passages.values()), default=0.0)

    def serials(self) -> dict[tuple[str, int], int]:
        """(file, frame) → the datagram that it is of."""
        return {
            (tap.file, number): packet.frame for tap in self.taps for number, packet in enumerate(tap.in_order(), 1)
        }


def true_offset_s(tap: Tap, raw_ns: int) -> float:
    """The offset of the tap's clock at that raw time, without the setting of it."""
    seconds = (raw_ns - START_NS) / 1e9
    return tap.offset_s + tap.drift_ppm * 1e-6 * (seconds - tap.offset_s)
