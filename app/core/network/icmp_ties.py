"""ICMP errors tied to the datagrams that they quote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from app.core.analysis import Clock
from app.core.network.traces import CaptureInput, IcmpTie, TracedDatagram
from app.core.records import Confidence, Packet, Quote, Text

# A reassembly timer runs 30 to 120 s (RFC 1122, RFC 8200); nothing else that is quoted is older.
LATEST_NS = 180_000_000_000
CLOCK_SLACK_NS = 2_000_000_000
# The same error at several points passes them within this time.
COPY_NS = 2_000_000_000

BY_ID = Text("it quotes this datagram's addresses and identification", "其中引用了该报文的地址和 IP 标识")
BY_PORTS = Text(
    "it quotes this datagram's addresses and ports, and this is the last one before it",
    "其中引用了该报文的地址和端口，且该报文是此前最近的一个",
)
SEVERAL = Text(
    "it quotes an identification that was used more than once; this is the last one before it",
    "其中引用的 IP 标识被多次使用，该报文是此前最近的一个",
)
NOT_FOUND = Text("no EAD datagram of any capture is quoted", "未引用任何抓包中的 EAD 报文")

Index = dict[tuple[object, ...], list[int]]


def tie_errors(
    captures: Sequence[CaptureInput], clocks: Sequence[Clock], traced: Sequence[TracedDatagram]
) -> tuple[IcmpTie, ...]:
    """Every ICMP error once, with its copies at other points, in time order."""
    index = _index(traced) if any(capture.icmp for capture in captures) else {}
    timed = sorted(
        (
            (clocks[number].to_reference(packet.time_ns, packet.frame), number, packet)
            for number, capture in enumerate(captures)
            for packet in capture.icmp
        ),
        key=lambda item: item[:2],
    )
    heads: dict[tuple[object, ...], tuple[int, int, Packet, list[Packet]]] = {}
    errors: list[tuple[int, int, Packet, list[Packet]]] = []
    for time_ns, number, packet in timed:
        if packet.quote is None:
            continue
        key = (packet.source_ip, packet.destination_ip, packet.identification, packet.quote)
        head = heads.get(key)
        if head is not None and time_ns - head[0] <= COPY_NS:
            head[3].append(packet)
        else:
            heads[key] = (time_ns, number, packet, [])
            errors.append(heads[key])
    ties = []
    for time_ns, number, packet, copies in errors:
        assert packet.quote is not None
        found, reason, confidence = _find(packet.quote, time_ns, index, traced)
        point = captures[number].point or captures[number].source
        ties.append(IcmpTie(packet, point, found, reason, confidence, time_ns, tuple(copies)))
    return tuple(ties)


def _index(traced: Sequence[TracedDatagram]) -> Index:
    index: Index = defaultdict(list)
    for number, one in enumerate(traced):
        keys: set[tuple[object, ...]] = set()
        for datagram in one.datagrams:
            lead = datagram.packets[0]
            if lead.identification:
                keys.add((lead.source_ip, lead.destination_ip, lead.identification))
            if lead.source_port is not None:
                keys.add((lead.source_ip, lead.destination_ip, lead.source_port, lead.destination_port))
        for key in keys:
            index[key].append(number)
    return index


def _find(
    quote: Quote, time_ns: int, index: Index, traced: Sequence[TracedDatagram]
) -> tuple[int | None, Text, Confidence]:
    if quote.identification:
        numbers = index.get((quote.source_ip, quote.destination_ip, quote.identification), [])
        found = _last_before(numbers, time_ns, traced)
        if found is not None:
            return (found, BY_ID, Confidence.CERTAIN) if len(numbers) == 1 else (found, SEVERAL, Confidence.LIKELY)
    if quote.source_port is not None and not quote.identification:
        ports = (quote.source_ip, quote.destination_ip, quote.source_port, quote.destination_port)
        found = _last_before(index.get(ports, []), time_ns, traced)
        if found is not None:
            return found, BY_PORTS, Confidence.LIKELY
    return None, NOT_FOUND, Confidence.POSSIBLE


def _last_before(numbers: Sequence[int], time_ns: int, traced: Sequence[TracedDatagram]) -> int | None:
    fitting = [number for number in numbers if -CLOCK_SLACK_NS <= time_ns - traced[number].time_ns <= LATEST_NS]
    return max(fitting, key=lambda number: traced[number].time_ns, default=None)
