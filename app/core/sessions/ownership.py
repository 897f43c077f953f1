"""Whose datagram is it: traced datagrams → the sessions that they belong to, with the reason.

In falling strength: the event id that the datagram itself carries; the client's address and port, known from another
datagram of the session or from the server's log; the client's address; the sender's MAC; the rhythm of the sends in a
log that lies beside the capture. What no log knows becomes a session of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from app.core.network.tracing import TracedDatagram
from app.core.records import NS, Direction, EventKind, LogEvent, Side, Text
from app.core.sessions.log_clocks import (
    LogClock,
    ToldClock,
    measured_clock,
    message_lines,
    pair_differences,
    rhythm_clock,
)
from app.core.sessions.log_sessions import SILENCE_NS, LogSession
from app.core.sessions.tied_clocks import tied_clocks

BY_EVENT_ID = Text("the datagram carries the session's event id", "报文内含该会话的 eventSeqID")
BY_IDENTITY = Text("the datagram carries the terminal's user or MAC", "报文内含该终端的用户名或 MAC")
BY_ENDPOINT = Text("same client address and port as a datagram of this session", "客户端地址和端口与本会话其他报文相同")
BY_PEER = Text("the server log names this client address and port", "服务器日志记录了该客户端地址和端口")
BY_ADDRESS = Text("same client address, nearest in time", "客户端地址相同且时间最近")
BY_MAC = Text("sent from the MAC that the client log names", "发送方 MAC 与客户端日志一致")
BY_RHYTHM = Text("same rhythm of sends as the log beside the capture", "与同目录日志的发送节奏一致")
BY_WIRE = Text("seen in captures only", "仅见于抓包")


@dataclass(slots=True)
class Exchange:
    """One session with all that logs and captures hold of it. Grows during assignment, then is only read."""

    log: LogSession
    traced: list[TracedDatagram] = field(default_factory=list)
    reasons: dict[int, Text] = field(default_factory=dict)  # id of the traced datagram → why it is here

    def take(self, traced: TracedDatagram, reason: Text) -> None:
        self.traced.append(traced)
        self.reasons[id(traced)] = reason


@dataclass(frozen=True, slots=True)
class Ownership:
    exchanges: tuple[Exchange, ...]
    clocks: dict[str, LogClock]  # log source → clock


def assign(
    sessions: Sequence[LogSession], traced: Iterable[TracedDatagram], told: Mapping[str, ToldClock]
) -> Ownership:
    """Gives every traced datagram to one session; `told` is what is known of the clock of a log source beforehand."""
    work = _Assignment(sessions, sorted(traced, key=lambda t: t.time_ns), told)
    work.by_event_id()
    work.set_clocks()
    work.by_repeated_event_id()
    work.by_identity()
    work.by_endpoint()
    work.by_mac()
    work.by_rhythm()
    work.by_endpoint()
    work.by_address()
    work.as_own_sessions()
    work.set_clocks()
    return Ownership(tuple(work.exchanges), work.clocks)


class _Assignment:
    def __init__(
        self, sessions: Sequence[LogSession], traced: list[TracedDatagram], told: Mapping[str, ToldClock]
    ) -> None:
        self.exchanges = [Exchange(session) for session in sessions]
        self.left = traced
        self.told = told
        self.clocks: dict[str, LogClock] = {source: known.clock(None) for source, known in told.items()}
        self.named: dict[str, list[Exchange]] = {}
        for exchange in self.exchanges:
            if exchange.log.event_id:
                self.named.setdefault(exchange.log.event_id, []).append(exchange)

    def _sort(self, choose: object) -> None:
        """One pass over what is left: `choose` returns (exchange, reason) or None."""
        rest: list[TracedDatagram] = []
        for traced in self.left:
            found = choose(traced)  # type: ignore[operator]
            if found is None:
                rest.append(traced)
            else:
                found[0].take(traced, found[1])
        self.left = rest

    def by_event_id(self) -> None:
        def choose(traced: TracedDatagram) -> tuple[Exchange, Text] | None:
            homes = self._namesakes(traced)
            return (homes[0], BY_EVENT_ID) if len(homes) == 1 else None

        self._sort(choose)

    def _namesakes(self, traced: TracedDatagram) -> list[Exchange]:
        message = traced.message
        if message is None or not message.event_id:
            return []
        return [
            e
            for e in self.named.get(message.event_id, ())
            if _agree(e.log.mac, message.mac) and _agree(e.log.user, message.user)
        ]

    def by_repeated_event_id(self) -> None:
        """An event id used again later: the session nearest in time has it."""

        def choose(traced: TracedDatagram) -> tuple[Exchange, Text] | None:
            homes = self._namesakes(traced)
            if not homes:
                return None
            return min(homes, key=lambda e: self._distance(e, traced.time_ns)), BY_EVENT_ID

        self._sort(choose)

    def by_identity(self) -> None:
        """A plain body without an event id still names the user or the MAC."""
        by_mac: dict[str, list[Exchange]] = {}
        by_user: dict[str, list[Exchange]] = {}
        for exchange in self.exchanges:
            if exchange.log.mac:
                by_mac.setdefault(exchange.log.mac, []).append(exchange)
            if exchange.log.user:
                by_user.setdefault(exchange.log.user, []).append(exchange)

        def choose(traced: TracedDatagram) -> tuple[Exchange, Text] | None:
            message = traced.message
            if message is None or message.event_id:
                return None
            homes = by_mac.get(message.mac or "") or by_user.get(message.user or "") or []
            near = [e for e in homes if self._distance(e, traced.time_ns) <= SILENCE_NS]
            return (min(near, key=lambda e: self._distance(e, traced.time_ns)), BY_IDENTITY) if near else None

        self._sort(choose)

    def _distance(self, exchange: Exchange, at_ns: int) -> int:
        start, end = self._span(exchange)
        return max(start - at_ns, at_ns - end, 0)

    def _span(self, exchange: Exchange) -> tuple[int, int]:
        """When the session was, on the reference clock as far as it is known."""
        times = [t.time_ns for t in exchange.traced]
        for event in (exchange.log.client[:1] + exchange.log.client[-1:]) or (
            exchange.log.server[:1] + exchange.log.server[-1:]
        ):
            clock = self.clocks.get(event.locator.source)
            if clock is not None:
                times.append(clock.to_reference(event.time_ns))
        if not times:
            return -(2**62), -(2**62)
        return min(times), max(times)

    def set_clocks(self) -> None:
        """Clocks of all logs from what is assigned so far."""
        gathered: dict[str, list[int]] = {}
        resolution: dict[str, int] = {}
        for exchange in self.exchanges:
            for side, events in ((Side.CLIENT, exchange.log.client), (Side.SERVER, exchange.log.server)):
                for direction in Direction:
                    lines = message_lines(events, direction)
                    for line in lines:
                        resolution.setdefault(line.locator.source, line.resolution_ns)
                    wire = _wire_times(exchange.traced, direction, side)
                    for source, differences in pair_differences(lines, wire).items():
                        gathered.setdefault(source, []).extend(differences)
        for source, differences in gathered.items():
            clock = measured_clock(differences, resolution[source])
            if clock is not None:
                self._set_clock(source, clock)
        self.clocks |= tied_clocks([exchange.log for exchange in self.exchanges], self.clocks)

    def _set_clock(self, source: str, measured: LogClock) -> None:
        told = self.told.get(source)
        self.clocks[source] = measured if told is None else told.clock(measured)

    def by_endpoint(self) -> None:
        by_peer: dict[str, list[Exchange]] = {}
        for exchange in self.exchanges:
            for peer in {str(t.client) for t in exchange.traced if t.client.port is not None}:
                by_peer.setdefault(peer, []).append(exchange)
        told = self._peers()

        def choose(traced: TracedDatagram) -> tuple[Exchange, Text] | None:
            if traced.client.port is None:
                return None
            for table, reason in ((by_peer, BY_ENDPOINT), (told, BY_PEER)):
                homes = table.get(str(traced.client), [])
                home = self._latest_before(homes, traced.time_ns)
                if home is not None:
                    return home, reason
            return None

        self._sort(choose)

    def _peers(self) -> dict[str, list[Exchange]]:
        """Client address and port as the server's log names them."""
        peers: dict[str, list[Exchange]] = {}
        for exchange in self.exchanges:
            for name in {str(e.peer) for e in exchange.log.server if e.peer is not None and e.peer.port is not None}:
                peers.setdefault(name, []).append(exchange)
        return peers

    def _latest_before(self, homes: list[Exchange], at_ns: int) -> Exchange | None:
        """The session under way: begun before, not silent for long; one with an unknown time if it is alone."""
        timed = [(self._span(e), e) for e in homes]
        if len(homes) == 1 and timed[0][0][0] < 0:
            return homes[0]
        near = [(span, e) for span, e in timed if span[0] - 2 * NS <= at_ns <= span[1] + SILENCE_NS]
        return max(near, key=lambda item: item[0][0])[1] if near else None

    def by_mac(self) -> None:
        by_mac: dict[str, list[Exchange]] = {}
        for exchange in self.exchanges:
            if exchange.log.mac:
                by_mac.setdefault(exchange.log.mac, []).append(exchange)

        def choose(traced: TracedDatagram) -> tuple[Exchange, Text] | None:
            if traced.direction is not Direction.TO_SERVER or traced.client.port is None:
                return None
            macs = {p.source_mac for d in traced.datagrams for p in d.packets[:1] if p.source_mac}
            homes = [e for mac in macs for e in by_mac.get(mac, ())]
            home = self._latest_before(homes, traced.time_ns)
            return None if home is None else (home, BY_MAC)

        self._sort(choose)

    def by_rhythm(self) -> None:
        """Logs without a clock yet, held against the unclaimed sends of captures in their folder, else of all."""
        for source, exchanges in self._clockless().items():
            beside = [
                t
                for t in self.left
                if t.direction is Direction.TO_SERVER and any(_folder(d.source) == _folder(source) for d in t.datagrams)
            ]
            candidates = beside or [t for t in self.left if t.direction is Direction.TO_SERVER]
            lines = [e for x in exchanges for e in message_lines(x.log.client, Direction.TO_SERVER)]
            if not candidates or not lines:
                continue
            clock = rhythm_clock([e.time_ns for e in lines], [t.time_ns for t in candidates], lines[0].resolution_ns)
            if clock is None:
                continue
            self._set_clock(source, clock)
            clock = self.clocks[source]
            hosts = {t.client.ip for t in candidates}
            self._claim_by_time(exchanges, clock, hosts)

    def _clockless(self) -> dict[str, list[Exchange]]:
        found: dict[str, list[Exchange]] = {}
        for exchange in self.exchanges:
            source = exchange.log.client[0].locator.source if exchange.log.client else None
            if source is not None and (source not in self.clocks or source in self.told) and not exchange.traced:
                found.setdefault(source, []).append(exchange)
        return found

    def _claim_by_time(self, exchanges: list[Exchange], clock: LogClock, hosts: set[str]) -> None:
        def choose(traced: TracedDatagram) -> tuple[Exchange, Text] | None:
            if traced.client.ip not in hosts:
                return None
            for exchange in exchanges:
                times = [clock.to_reference(e.time_ns) for e in exchange.log.client]
                if min(times) - 2 * NS <= traced.time_ns <= max(times) + 2 * NS:
                    return exchange, BY_RHYTHM
            return None

        self._sort(choose)

    def by_address(self) -> None:
        """Pieces without ports, and datagrams on a new port, go by address and time."""
        by_ip: dict[str, list[tuple[int, Exchange]]] = {}
        for exchange in self.exchanges:
            for traced in exchange.traced:
                by_ip.setdefault(traced.client.ip, []).append((traced.time_ns, exchange))
        for row in by_ip.values():
            row.sort(key=lambda item: item[0])

        def choose(traced: TracedDatagram) -> tuple[Exchange, Text] | None:
            row = by_ip.get(traced.client.ip)
            if not row or (traced.message is not None and (traced.message.event_id or traced.message.user)):
                return None
            index = bisect_right(row, traced.time_ns, key=lambda item: item[0])
            near = [item for item in row[max(index - 1, 0) : index + 1] if abs(item[0] - traced.time_ns) <= SILENCE_NS]
            return (min(near, key=lambda item: abs(item[0] - traced.time_ns))[1], BY_ADDRESS) if near else None

        self._sort(choose)

    def as_own_sessions(self) -> None:
        """What no log knows: sessions by event id, else by the client's address and port, parted by silence."""
        open_now: dict[str, Exchange] = {}
        for traced in self.left:
            message = traced.message
            event_id = message.event_id if message else None
            if traced.client.port is None and message is None:
                continue  # a piece without ports, of nobody known: reported by the network's notes
            keys = [f"event {event_id}"] if event_id else []
            keys.append(f"peer {traced.client}")
            exchange = next((open_now[k] for k in keys if k in open_now and self._fits(open_now[k], traced)), None)
            if exchange is None:
                exchange = Exchange(LogSession())
                self.exchanges.append(exchange)
            if message is not None:
                log = exchange.log
                log.event_id, log.user = log.event_id or message.event_id, log.user or message.user
                log.mac = log.mac or message.mac
            exchange.take(traced, BY_WIRE)
            open_now.update((key, exchange) for key in keys)
        self.left = []

    @staticmethod
    def _fits(exchange: Exchange, traced: TracedDatagram) -> bool:
        event_id = traced.message.event_id if traced.message else None
        return _agree(exchange.log.event_id, event_id) and traced.time_ns - exchange.traced[-1].time_ns <= SILENCE_NS


def _agree(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _folder(source: str) -> str:
    return str(PurePosixPath(source).parent)


def _wire_times(traced: Sequence[TracedDatagram], direction: Direction, side: Side) -> dict[int | None, list[int]]:
    times: dict[int | None, list[int]] = {}
    for item in traced:
        if item.direction is direction and item.message is not None and item.message.number is not None:
            at_ns = item.time_ns if side is Side.CLIENT else arrival_ns(item)
            times.setdefault(item.message.number, []).append(at_ns)
    for row in times.values():
        row.sort()
    return times


def arrival_ns(traced: TracedDatagram) -> int:
    """The latest time at which any point saw the datagram's first piece: nearest to its receiver."""
    times = [s.time_ns for f in traced.fate.fragments[:1] for s in f.sightings.values() if s.time_ns is not None]
    return max(times, default=traced.time_ns)


def events_of(exchange: Exchange, kind: EventKind) -> list[LogEvent]:
    return [event for event in exchange.log.client + exchange.log.server if event.kind is kind]
