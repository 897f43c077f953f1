"""What is out of the ordinary with a datagram at single points: cut further, seen twice, translated, in a tunnel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.core.fragmentation.byte_ranges import Range
from app.core.network.observations import Observation
from app.core.network.sent_pieces import ranges_of
from app.core.records import Endpoint


class Oddities:
    """What is out of the ordinary at single points; mostly nothing."""

    __slots__ = ("anomalies", "duplicates", "splits", "tunnels")

    def __init__(self, here: Mapping[str, Sequence[Observation]], sent: tuple[Range, ...]) -> None:
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


NOTHING_ODD = Oddities({}, ())


def _again(seen: Observation) -> int:
    """Frames that repeat a piece."""
    if len(seen.datagrams) == 1 and not seen.datagrams[0].duplicates:
        return len(seen.packets) - len(seen.ranges)
    frames = {packet.frame for datagram in seen.datagrams for packet in (*datagram.packets, *datagram.duplicates)}
    return len(frames) - len(seen.ranges)


def translations(
    here: Mapping[str, Sequence[Observation]], source: Endpoint, destination: Endpoint
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
