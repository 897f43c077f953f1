"""One session's log lines and datagrams → its messages, their attempts and gaps.

Each attempt is one send: a client-log line, a server-log line and a datagram that tell of the same send, as far as they
exist. Numbers come from the wire where it shows them, else from the log line that belongs to the datagram, else from
the order of the exchange (1, 2, 3, 4).
"""

from __future__ import annotations

from dataclasses import dataclass

from app.core.analysis import Attempt, Evidence, Mark, Message, Session
from app.core.network.tracing import TracedDatagram
from app.core.records import NS, Direction, EventKind, LogEvent, Packet
from app.core.sessions.alignment import align
from app.core.sessions.log_clocks import SERVER_SLACK_NS, LogClock, message_lines
from app.core.sessions.outcomes import judge_outcome
from app.core.sessions.ownership import Exchange, arrival_ns

_UNKNOWN_CLOCK = LogClock()
LAST_OF_EXCHANGE = 6  # 4 passed, 6 failed; higher numbers are heartbeats and the like


@dataclass(slots=True)
class _Send:
    """One attempt while its parts are being found."""

    client: LogEvent | None = None
    server: LogEvent | None = None
    wire: TracedDatagram | None = None
    number: int | None = None


def build_session(exchange: Exchange, clocks: dict[str, LogClock], key: str) -> Session:
    """The session that pages and findings speak of."""
    sends = {direction: _pair(exchange, clocks, direction) for direction in Direction}
    _number_by_order(sends)
    messages = tuple(
        _message(number, direction, group, exchange, clocks) for direction, number, group in _groups(sends)
    )
    messages = tuple(sorted(messages, key=_protocol_order))
    marks = _marks(exchange, clocks)
    times = [a.time_ns for m in messages for a in m.attempts if a.time_ns is not None] + [m.time_ns for m in marks]
    servers = {t.server.ip for t in exchange.traced} | {
        e.peer.ip for e in exchange.log.client if e.peer is not None and e.direction is Direction.TO_CLIENT
    }
    return Session(
        event_id=exchange.log.event_id,
        outcome=judge_outcome(messages, marks),
        start_ns=min(times, default=None),
        end_ns=max(times, default=None),
        messages=messages,
        marks=marks,
        server_ip=tuple(sorted(servers)),
        zone_known=bool(exchange.traced) or all(_clock(clocks, e).is_known for e in exchange.log.events),
        key=key,
    )


def _protocol_order(message: Message) -> tuple[int, int]:
    """1 → 2 → 3 → verdict, then the rest by time: a log's whole seconds cannot order what happens within one."""
    start = min((a.time_ns for a in message.attempts if a.time_ns is not None), default=0)
    return (message.number if message.number <= LAST_OF_EXCHANGE else LAST_OF_EXCHANGE + 1, start)


def _clock(clocks: dict[str, LogClock], event: LogEvent) -> LogClock:
    return clocks.get(event.locator.source, _UNKNOWN_CLOCK)


# ---------------------------------------------------------------- pairing


def _pair(exchange: Exchange, clocks: dict[str, LogClock], direction: Direction) -> list[_Send]:
    """All sends of one direction in order of time."""
    wires = sorted((t for t in exchange.traced if t.direction is direction), key=lambda t: t.time_ns)
    lines = message_lines(exchange.log.client, direction)
    sends: list[_Send] = []
    for some_lines, some_wires in _by_number(lines, wires):
        sends.extend(_pair_client(some_lines, some_wires, clocks))
    told = message_lines(exchange.log.server, direction)
    _add_server(sends, told, clocks)
    for send in sends:
        send.number = send.number or _number(send)
    return sorted(sends, key=lambda s: _when(s, clocks))


def _by_number(lines: list[LogEvent], wires: list[TracedDatagram]) -> list[tuple[list[LogEvent], list[TracedDatagram]]]:
    """Lines and datagrams that may belong together: equal numbers where both show them, all the rest together."""
    on_wire = {_wire_number(t) for t in wires}
    if None in on_wire:
        return [(lines, wires)]
    numbers = sorted({line.number for line in lines if line.number is not None} | {n for n in on_wire if n is not None})
    parts = [([x for x in lines if x.number == n], [t for t in wires if _wire_number(t) == n]) for n in numbers]
    unnumbered = [line for line in lines if line.number is None]
    return [*parts, (unnumbered, [])]


def _wire_number(traced: TracedDatagram) -> int | None:
    return traced.message.number if traced.message else None


def _pair_client(lines: list[LogEvent], wires: list[TracedDatagram], clocks: dict[str, LogClock]) -> list[_Send]:
    if not lines or not wires or not all(_clock(clocks, line).is_known for line in lines):
        return _pair_in_order(lines, wires)
    pairs = align(
        [_clock(clocks, line).to_reference(line.time_ns) for line in lines],
        [t.time_ns for t in wires],
        max(lines[0].resolution_ns, SERVER_SLACK_NS) + NS // 2,  # the offset itself is known to half a unit
    )
    return [_Send(client=None if i is None else lines[i], wire=None if j is None else wires[j]) for i, j in pairs]


def _pair_in_order(lines: list[LogEvent], wires: list[TracedDatagram]) -> list[_Send]:
    """Without a common clock only equal counts can be paired; anything else would be a guess."""
    if len(lines) == len(wires):
        return [_Send(client=line, wire=wire) for line, wire in zip(lines, wires, strict=True)]
    return [_Send(client=line) for line in lines] + [_Send(wire=wire) for wire in wires]


def _add_server(sends: list[_Send], told: list[LogEvent], clocks: dict[str, LogClock]) -> None:
    """Adds each server-log line to the send that it tells of; a line without one is a send of its own."""
    for number in sorted({e.number for e in told if e.number is not None}):
        lines = [e for e in told if e.number == number]
        group = sorted((s for s in sends if _number(s) in (number, None)), key=lambda s: _when(s, clocks))
        pairs = (
            align(
                [_clock(clocks, e).to_reference(e.time_ns) - SERVER_SLACK_NS for e in lines],
                [_arrival(s, clocks) for s in group],
                2 * NS,
            )
            if all(_clock(clocks, e).is_known for e in lines)
            else _order_pairs(len(lines), len(group))
        )
        for i, j in pairs:
            if i is not None and j is not None:
                group[j].server = lines[i]
                group[j].number = number
            elif i is not None:
                sends.append(_Send(server=lines[i], number=number))


def _order_pairs(lines: int, group: int) -> list[tuple[int | None, int | None]]:
    """No common clock: equal counts pair in order, and a single line is taken for the first send."""
    shared = min(lines, group) if lines == group or lines == 1 else 0
    return [(i, i) for i in range(shared)] + [(i, None) for i in range(shared, lines)]


def _arrival(send: _Send, clocks: dict[str, LogClock]) -> int:
    return arrival_ns(send.wire) if send.wire is not None else _when(send, clocks)


def _number(send: _Send) -> int | None:
    if send.wire is not None and _wire_number(send.wire) is not None:
        return _wire_number(send.wire)
    line = send.client or send.server
    return line.number if line is not None else None


def _when(send: _Send, clocks: dict[str, LogClock]) -> int:
    if send.wire is not None:
        return send.wire.time_ns
    line = send.client or send.server
    assert line is not None  # a send is made of at least one of the three
    return _clock(clocks, line).to_reference(line.time_ns)


# ---------------------------------------------------------------- numbers by order


def _number_by_order(sends: dict[Direction, list[_Send]]) -> None:
    """Numbers the sends that neither wire nor log numbers: 1 → 2 → 3 → 4, each answer opening the next."""
    rows = [(direction, send) for direction in Direction for send in sends[direction]]
    rows.sort(key=lambda row: _rough_time(row[1]))
    stage = 1
    for direction, send in rows:
        if send.number is None:
            expected = 1 if direction is Direction.TO_SERVER else 2
            send.number = expected if stage <= 2 else expected + 2
        if direction is Direction.TO_CLIENT and send.number == 2:
            stage = 3
        elif stage == 1 and send.number == 1:
            stage = 2


def _rough_time(send: _Send) -> int:
    if send.wire is not None:
        return send.wire.time_ns
    line = send.client or send.server
    return line.time_ns if line is not None else 0


def _groups(sends: dict[Direction, list[_Send]]) -> list[tuple[Direction, int, list[_Send]]]:
    found: dict[tuple[Direction, int], list[_Send]] = {}
    for direction, row in sends.items():
        for send in row:
            found.setdefault((direction, send.number or 0), []).append(send)
    return [(direction, number, group) for (direction, number), group in found.items()]


# ---------------------------------------------------------------- the frozen result


def _message(
    number: int, direction: Direction, group: list[_Send], exchange: Exchange, clocks: dict[str, LogClock]
) -> Message:
    attempts: list[Attempt] = []
    for index, send in enumerate(group, start=1):
        time_ns = _when(send, clocks)
        before = attempts[-1].time_ns if attempts else None
        gap_s = None if before is None else round((time_ns - before) / NS, 6)
        attempts.append(_attempt(index, time_ns, gap_s, send, exchange))
    bodies = [s.client.body for s in group if s.client is not None and s.client.body is not None]
    body = next((b for b in bodies if b.is_exact and b.is_complete), bodies[0] if bodies else None)
    plain = [a.plain_bytes for a in attempts if a.plain_bytes is not None]
    return Message(
        number=number,
        direction=direction,
        attempts=tuple(attempts),
        check=next((b.check for b in bodies if b.check is not None), None),
        fields=body.fields if body is not None else (),
        plain_bytes=body.plain_bytes if body is not None else (plain[0] if plain else None),
        deflated_bytes=body.deflated_bytes if body is not None else None,
    )


def _attempt(index: int, time_ns: int, gap_s: float | None, send: _Send, exchange: Exchange) -> Attempt:
    client, server, wire = send.client, send.server, send.wire
    message = wire.message if wire is not None else None
    plain = client.body.plain_bytes if client is not None and client.body is not None else None
    wire_bytes = wire.fate.wire_bytes if wire is not None else None
    for line in (client, server):
        if wire_bytes is None and line is not None:
            wire_bytes = line.wire_bytes
    ids = [client.message_id if client else None, server.message_id if server else None]
    return Attempt(
        attempt=index,
        time_ns=time_ns,
        gap_s=gap_s,
        plain_bytes=plain if plain is not None else (message.plain_bytes if message else None),
        wire_bytes=wire_bytes,
        evidence=_evidence(send),
        datagram=wire.fate if wire is not None else None,
        log_time_ns=client.time_ns if client is not None else None,
        server_log_time_ns=server.time_ns if server is not None else None,
        tied_by=exchange.reasons.get(id(wire)) if wire is not None else None,
        message_id=next((i for i in ids if i is not None), message.message_id if message else None),
    )


def _evidence(send: _Send) -> tuple[Evidence, ...]:
    told = [event for event in (send.client, send.server) if event is not None]
    lines = [_line_evidence(event) for event in told]
    lines += [
        Evidence(event.rest.locator.source, line=event.rest.locator.line, text=event.rest.text)
        for event in told
        if event.rest is not None
    ]
    frames = (
        []
        if send.wire is None
        else [
            Evidence(source=datagram.source, frame=packet.frame, text=describe(packet))
            for datagram in send.wire.datagrams
            for packet in datagram.packets
        ]
    )
    return (*lines, *frames)


def _line_evidence(event: LogEvent) -> Evidence:
    return Evidence(source=event.locator.source, line=event.locator.line, text=event.text)


def describe(packet: Packet) -> str:
    """One frame in a line, in Wireshark's words."""
    source = packet.source_ip if packet.source_port is None else f"{packet.source_ip}:{packet.source_port}"
    target = (
        packet.destination_ip
        if packet.destination_port is None
        else (f"{packet.destination_ip}:{packet.destination_port}")
    )
    name = "" if packet.identification is None else f" id 0x{packet.identification:04x}"
    piece = f" offset {packet.offset_bytes} length {packet.length_bytes}" if packet.is_fragment else ""
    return f"{source} > {target}{name}{piece}{' MF' if packet.more else ''}"


def _marks(exchange: Exchange, clocks: dict[str, LogClock]) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    for event in exchange.log.client + exchange.log.server:
        if event.kind not in (EventKind.RESULT, EventKind.NOTICE, EventKind.SEND_ERROR):
            continue
        marks.append(
            Mark(
                kind=event.kind.value,
                side=event.side.value,
                time_ns=_clock(clocks, event).to_reference(event.time_ns),
                raw_time_ns=event.time_ns,
                text=event.text,
                evidence=_line_evidence(event),
                code=event.result_code,
            )
        )
    return tuple(sorted(marks, key=lambda mark: mark.time_ns))
