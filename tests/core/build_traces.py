"""Small builders for log events and traced datagrams."""

from dataclasses import replace

from app.core.analysis import DatagramFate, Fate, FragmentFate, Seen, Sighting
from app.core.network.tracing import TracedDatagram
from app.core.records import (
    NS,
    Body,
    Datagram,
    Direction,
    Endpoint,
    EventKind,
    Locator,
    LogEvent,
    LogFacts,
    Packet,
    Side,
    WireMessage,
)

CLIENT = Endpoint("192.168.7.9", 51000)
SERVER = Endpoint("172.20.1.5", 9029)


def line(
    at_s: float,
    number: int,
    *,
    to_server: bool = True,
    side: Side = Side.CLIENT,
    source: str = "iNode.log",
    body_bytes: int | None = None,
    **more: object,
) -> LogEvent:
    made = LogEvent(
        locator=Locator(source, line=round(at_s) % 100000 + 1),
        side=side,
        kind=EventKind.MESSAGE,
        time_ns=int(at_s * NS) if side is Side.SERVER else int(at_s) * NS,
        resolution_ns=NS if side is Side.CLIENT else NS // 1000,
        direction=Direction.TO_SERVER if to_server else Direction.TO_CLIENT,
        number=number,
        body=None if body_bytes is None else Body((), body_bytes, digest=f"b{body_bytes}"),
        text=f"message {number}",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def wire(
    at_s: float,
    number: int | None,
    *,
    to_server: bool = True,
    client: Endpoint = CLIENT,
    server: Endpoint = SERVER,
    ident: int = 7,
    source: str = "client.pcap",
    **message: object,
) -> TracedDatagram:
    direction = Direction.TO_SERVER if to_server else Direction.TO_CLIENT
    at_ns = round(at_s * NS)
    here, there = (client, server) if to_server else (server, client)
    packet = Packet(
        source=source,
        frame=ident,
        time_ns=at_ns,
        ip_version=4,
        source_ip=here.ip,
        destination_ip=there.ip,
        protocol=17,
        identification=ident,
        offset_bytes=0,
        length_bytes=108,
        more=False,
        ttl=64,
        source_port=here.port,
        destination_port=there.port,
        udp_length=108,
    )
    seen = Sighting(Seen.SEEN, source=source, frames=(ident,), raw_time_ns=at_ns, time_ns=at_ns)
    fate = DatagramFate(
        identification=ident,
        source=str(here),
        destination=str(there),
        ip_version=4,
        wire_bytes=100,
        fragments=(FragmentFate(0, 108, {"client": seen}),),
        fate={"client": Fate.WHOLE},
        lost_between=None,
    )
    return TracedDatagram(
        fate=fate,
        datagrams=(Datagram(source, (packet,)),),
        direction=direction,
        client=client,
        server=server,
        message=WireMessage(number=number, **message) if number is not None or message else None,  # type: ignore[arg-type]
        time_ns=at_ns,
    )


def log_facts(*events: LogEvent) -> LogFacts:
    """What a log tells that holds these events and nothing else."""
    return LogFacts(
        source=events[0].locator.source,
        side=events[0].side,
        format="inode",
        encoding="utf-8",
        lines=len(events),
        records=len(events),
        record_lines=len(events),
        rejected_lines=0,
        events=events,
        rejected=(),
    )
