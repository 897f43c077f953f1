"""The whole analysis, pure: parsed sources in, one frozen CaseAnalysis out.

parsers → reassembly → matching → clocks → exchanges → sessions → diagnosis
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from app.core.analysis import CaseAnalysis, Outcome, Role, Session, Source, SourceKind, Terminal
from app.core.diagnosis import CaseFacts, diagnose
from app.core.network.device_points import with_device_points
from app.core.network.naming import name_points
from app.core.network.tracing import CaptureInput, NetworkFacts, NetworkSettings, trace_network
from app.core.parsers.devices import DeviceFacts
from app.core.records import Datagram, LogEvent, LogFacts, Packet, Side, Text
from app.core.sessions.exchanges import build_session
from app.core.sessions.log_clocks import LogClock, ToldClock, told_clocks
from app.core.sessions.log_sessions import build_log_sessions
from app.core.sessions.log_zones import with_presumed_zones
from app.core.sessions.ownership import Exchange, Ownership, assign

Identity = tuple[str | None, str | None, str | None]  # user, MAC, address

DEFAULT_PORTS = frozenset({9019, 9029})


@dataclass(frozen=True, slots=True)
class ParsedSource:
    """One file of the bundle after its parser; `source` has the log's or the capture's facts, `datagrams` are those
    that one capture saw, and `quotes` its packets with an ICMP error that quotes another one."""

    source: Source
    datagrams: tuple[Datagram, ...] = ()
    quotes: tuple[Packet, ...] = ()
    devices: tuple[DeviceFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """What a user may say. Keys are source paths, or point names where that is said."""

    ports: frozenset[int] = DEFAULT_PORTS
    point_names: dict[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()  # point names, client first
    # That clock minus the reference clock: added to what captures show, in the place of what a log's lines show.
    manual_offset_s: dict[str, float] = field(default_factory=dict)
    zones: dict[str, int] = field(default_factory=dict)  # log source → seconds east of UTC


def announced_ports(logs: Sequence[LogFacts]) -> frozenset[int]:
    """Ports that the logs name: `damProxyPort` of message 2 and the server's side of what was received."""
    ports: set[int] = set()
    for event in _events(logs):
        port = event.body.first("damProxyPort") if event.body is not None else None
        if port is not None and port.isdecimal() and 0 < int(port) < 65536:
            ports.add(int(port))
        if event.side is Side.CLIENT and event.peer is not None and event.peer.port:
            ports.add(event.peer.port)
    return frozenset(ports)


def announced_servers(logs: Sequence[LogFacts]) -> frozenset[str]:
    """Server addresses that the client logs name: peers, and `damProxyIp` as an address."""
    servers: set[str] = set()
    for event in _events(logs):
        if event.side is not Side.CLIENT:
            continue
        if event.peer is not None:
            servers.add(event.peer.ip)
        number = event.body.first("damProxyIp") if event.body is not None else None
        if number is not None and number.isdecimal() and 0 < int(number) < 2**32:
            servers.add(".".join(str(int(number) >> shift & 255) for shift in (24, 16, 8, 0)))
    return frozenset(servers)


def _events(logs: Sequence[LogFacts]) -> list[LogEvent]:
    return [event for log in logs for event in log.events]


def analyze(
    parsed: Sequence[ParsedSource],
    settings: PipelineSettings | None = None,
    progress: Callable[[str, float], None] = lambda step, fraction: None,
) -> CaseAnalysis:
    """Everything from parsed sources to findings; `progress` hears "matching" and "diagnosis" with a fraction."""
    settings = settings or PipelineSettings()
    logs = [p.source.log for p in parsed if p.source.log is not None]
    progress("matching", 0.0)
    network = _trace(parsed, logs, settings)
    if network is not None:
        network = with_device_points(network, [facts for p in parsed for facts in p.devices], settings.order)
    progress("matching", 0.6)
    owned = assign(build_log_sessions(logs), network.traced if network else (), _told(logs, settings))
    if network:
        owned = with_presumed_zones(owned, [span for point in network.points for span in point.observed_ns])
    terminals = _terminals(owned)
    progress("diagnosis", 0.0)
    facts = CaseFacts(
        sources=tuple(_finish_source(p.source, network, owned.clocks, settings) for p in parsed),
        capture_points=network.points if network else (),
        terminals=terminals,
        network=network,
        ports=settings.ports | announced_ports(logs),
        devices=tuple(facts for p in parsed for facts in p.devices),
    )
    analysis = diagnose(facts)
    progress("diagnosis", 1.0)
    return replace(analysis, notes=analysis.notes + _notes(analysis))


def _told(logs: Sequence[LogFacts], settings: PipelineSettings) -> dict[str, ToldClock]:
    """What is known of the logs' clocks: the zone that a person names, else the one that the lines name."""
    zones = {log.source: log.zone_offset_s for log in logs if log.zone_offset_s is not None}
    sources = {log.source for log in logs}
    errors = {source: error_s for source, error_s in settings.manual_offset_s.items() if source in sources}
    return told_clocks(zones | settings.zones, errors)


def _trace(parsed: Sequence[ParsedSource], logs: Sequence[LogFacts], settings: PipelineSettings) -> NetworkFacts | None:
    captures = [p for p in parsed if p.source.capture is not None]
    if not captures:
        return None
    folders = _log_folders(logs)
    named = name_points([p.source.path for p in captures], folders, settings.point_names)
    macs = _macs_by_folder(logs)
    inputs: list[CaptureInput] = []
    for part in captures:
        assert part.source.capture is not None
        name, role = named[part.source.path]
        folder = str(PurePosixPath(part.source.path).parent)
        inputs.append(
            CaptureInput(
                facts=part.source.capture,
                datagrams=part.datagrams,
                icmp=part.quotes,
                point=name,
                role_hint=role,
                terminal_hint=macs.get(folder, frozenset()) if role is Role.CLIENT else frozenset(),
            )
        )
    return trace_network(
        inputs,
        NetworkSettings(
            ports=settings.ports | announced_ports(logs),
            order=settings.order,
            manual_offset_s=settings.manual_offset_s,
            servers=announced_servers(logs),
        ),
    )


def _log_folders(logs: Sequence[LogFacts]) -> dict[str, str]:
    kinds: dict[str, set[str]] = {}
    for log in logs:
        kind = "inode_log" if log.side is Side.CLIENT else "server_log"
        kinds.setdefault(str(PurePosixPath(log.source).parent), set()).add(kind)
    return {folder: "both" if len(found) > 1 else next(iter(found)) for folder, found in kinds.items()}


def _macs_by_folder(logs: Sequence[LogFacts]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for log in logs:
        if log.side is Side.CLIENT:
            macs = {event.mac for event in log.events if event.mac is not None}
            found.setdefault(str(PurePosixPath(log.source).parent), set()).update(macs)
    return {folder: frozenset(macs) for folder, macs in found.items()}


# ---------------------------------------------------------------- terminals


def _terminals(owned: Ownership) -> tuple[Terminal, ...]:
    """Sessions by terminal: by MAC and user, else by address."""
    exchanges = [e for e in owned.exchanges if e.log.events or e.traced]
    groups: dict[Identity, list[Exchange]] = {}
    for exchange, identity in zip(exchanges, _identities(exchanges), strict=True):
        groups.setdefault(identity, []).append(exchange)
    terminals: list[Terminal] = []
    number = 0
    for index, group in enumerate(groups.values(), start=1):
        sessions: list[Session] = []
        for exchange in group:
            number += 1
            sessions.append(build_session(exchange, owned.clocks, f"s{number}"))
        sessions.sort(key=lambda s: s.start_ns or 0)
        terminals.append(_terminal(f"t{index}", group, sessions))
    return tuple(terminals)


def _identities(exchanges: Sequence[Exchange]) -> list[Identity]:
    """(user, MAC, address) of each; a part that only one terminal has stands for that terminal."""
    whole: dict[tuple[str, str], set[Identity]] = {}
    for exchange in exchanges:
        log = exchange.log
        if not (log.user or log.mac):
            continue
        identity = (log.user, log.mac, None)
        keys = [("ip", t.client.ip) for t in exchange.traced]
        keys += [("user", log.user)] if log.user and log.mac else []
        keys += [("mac", log.mac)] if log.user and log.mac else []
        for key in keys:
            whole.setdefault(key, set()).add(identity)
    return [_identity(exchange, whole) for exchange in exchanges]


def _identity(exchange: Exchange, whole: Mapping[tuple[str, str], set[Identity]]) -> Identity:
    log = exchange.log
    if log.user and log.mac:
        return (log.user, log.mac, None)
    address = min((t.client.ip for t in exchange.traced), default=log.event_id)
    known = whole.get(("user", log.user) if log.user else ("mac", log.mac) if log.mac else ("ip", address or ""), ())
    if len(known) == 1:
        return next(iter(known))
    return (log.user, log.mac, None if log.user or log.mac else address)


def _terminal(key: str, exchanges: Sequence[Exchange], sessions: list[Session]) -> Terminal:
    ips = {t.client.ip for e in exchanges for t in e.traced}
    if not ips:
        ips = {e.peer.ip for x in exchanges for e in x.log.server if e.peer is not None}
    return Terminal(
        user=next((e.log.user for e in exchanges if e.log.user), None),
        mac=next((e.log.mac for e in exchanges if e.log.mac), None),
        ip=tuple(sorted(ips)),
        outcome=_terminal_outcome(sessions),
        sessions=tuple(sessions),
        key=key,
    )


def _terminal_outcome(sessions: Sequence[Session]) -> Outcome:
    """A terminal that failed once has something to explain, whatever came after."""
    outcomes = {session.outcome for session in sessions}
    for outcome in (Outcome.FAILED, Outcome.PASSED, Outcome.INCOMPLETE):
        if outcome in outcomes:
            return outcome
    return Outcome.UNKNOWN


# ---------------------------------------------------------------- sources


def _finish_source(
    source: Source, network: NetworkFacts | None, clocks: dict[str, LogClock], settings: PipelineSettings
) -> Source:
    """Adds what only the whole case could tell: the point, the clock, the zone."""
    if source.kind is SourceKind.CAPTURE and network is not None:
        point = next((p.name for p in network.points if source.path in p.sources), None)
        clock = network.clocks.get(source.path)
        known = clock is not None and clock.quality != "unknown"
        return replace(source, capture_point=point, clock_offset_s=clock.offset_s if clock and known else None)
    if source.kind is SourceKind.DEVICE and network is not None:
        return replace(source, capture_point=next((p.name for p in network.points if source.path in p.sources), None))
    log_clock = clocks.get(source.path) if source.log is not None else None
    if log_clock is None:
        return source
    by_hand = settings.manual_offset_s.get(source.path)
    return replace(
        source,
        clock_offset_s=log_clock.error_s,
        zone_offset_s=log_clock.zone_offset_s,
        notes=source.notes if by_hand is None else (*source.notes, _set_by_hand(by_hand)),
    )


def _set_by_hand(error_s: float) -> Text:
    return Text(
        f"The clock of this log was set by hand: {error_s:+.3f} s against the reference.",
        f"该日志的时钟已手工设定：与参考时钟相差 {error_s:+.3f} 秒。",
    )


def _notes(analysis: CaseAnalysis) -> tuple[Text, ...]:
    if analysis.terminals:
        return ()
    return (
        Text(
            "No EAD exchange was found in this bundle: no log with EAD messages and no capture with datagrams of the "
            "policy server. Add an iNode log, a policy-server log or a capture taken while a terminal authenticates.",
            "在本次上传的资料中没有找到 EAD 交互：日志中没有 EAD 报文记录，抓包中也没有与策略服务器之间的报文。"
            "请补充 iNode 日志、策略服务器日志，或终端认证过程中的抓包。",
        ),
    )
