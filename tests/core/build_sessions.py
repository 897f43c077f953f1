"""Sessions made by hand, like the case this tool was built for, so that drawing needs no capture and no parser."""

from __future__ import annotations

from collections.abc import Mapping

from app.core.analysis import (
    Attempt,
    CapturePoint,
    Clock,
    DatagramFate,
    Evidence,
    Fate,
    FragmentFate,
    Mark,
    Message,
    Outcome,
    Role,
    Seen,
    Session,
    Sighting,
    Terminal,
)
from app.core.records import NS, Direction, Text

START_NS = 1_795_423_949_391_000_000
LEG_NS = 38_000  # how long a leg takes
SPACING_NS = 12_000  # between two fragments of a datagram
NAMES = ("client", "uplink", "fwout", "fwin", "server")
ZONE_NS = 8 * 3600 * NS


def points(names: tuple[str, ...] = NAMES, offsets: Mapping[str, float] | None = None) -> tuple[CapturePoint, ...]:
    roles = {"client": Role.CLIENT, "server": Role.SERVER}
    return tuple(
        CapturePoint(
            name,
            roles.get(name, Role.MIDDLE),
            order,
            "ttl",
            (f"{name}.pcap",),
            Clock(offset_s=(offsets or {}).get(name, 0.0), uncertainty_s=0.0004),
        )
        for order, name in enumerate(names)
    )


def sighting(point: str, state: Seen, time_ns: int, frame: int, offsets: Mapping[str, float] | None = None) -> Sighting:
    if state is not Seen.SEEN:
        return Sighting(
            state, reason=Text("was capturing, and able to see it", "当时在抓包，且能看到"), reason_code="able"
        )
    raw = time_ns + round((offsets or {}).get(point, 0.0) * NS)
    return Sighting(state, f"{point}.pcap", (frame,), raw, time_ns)


def fragment(
    offset: int,
    length: int,
    sent_ns: int,
    names: tuple[str, ...],
    lost_after: str | None = None,
    unknown: tuple[str, ...] = (),
    offsets: Mapping[str, float] | None = None,
    frame: int = 10,
) -> FragmentFate:
    """`names` in the order of travel; `lost_after` is the last point that sees it."""
    seen: dict[str, Sighting] = {}
    gone = False
    for step, name in enumerate(names):
        state = Seen.UNKNOWN if name in unknown else Seen.MISSING if gone else Seen.SEEN
        seen[name] = sighting(name, state, sent_ns + step * LEG_NS, frame + step, offsets)
        gone = gone or name == lost_after
    return FragmentFate(offset, length, seen)


def datagram(
    sent_ns: int,
    payload: int,
    names: tuple[str, ...],
    direction: Direction = Direction.TO_SERVER,
    lost_after: str | None = None,
    lost_offsets: tuple[int, ...] = (1480,),
    unknown: tuple[str, ...] = (),
    identification: int = 0xE0F6,
    offsets: Mapping[str, float] | None = None,
    coding: str | None = "plain",
    frame: int = 10,
) -> DatagramFate:
    """`payload` UDP bytes over an MTU of 1500; fragments at `lost_offsets` go no further than `lost_after`."""
    travel = names if direction is Direction.TO_SERVER else names[::-1]
    total = payload + 8
    ranges = [(at, min(1480, total - at)) for at in range(0, total, 1480)]
    fragments = tuple(
        fragment(
            at,
            length,
            sent_ns + index * SPACING_NS,
            travel,
            lost_after if at in lost_offsets or len(ranges) == 1 else None,
            unknown,
            offsets,
            frame + 10 * index,
        )
        for index, (at, length) in enumerate(ranges)
    )
    ends = ("10.1.1.1:39942", "10.208.64.40:9029")
    source, destination = ends if direction is Direction.TO_SERVER else ends[::-1]
    between = None
    if lost_after is not None and travel.index(lost_after) + 1 < len(travel):
        between = (lost_after, travel[travel.index(lost_after) + 1])
    return DatagramFate(
        identification,
        source,
        destination,
        4,
        payload,
        fragments,
        {name: _fate(fragments, name) for name in travel},
        between,
        coding,
    )


def _fate(fragments: tuple[FragmentFate, ...], point: str) -> Fate:
    states = {piece.sightings[point].state for piece in fragments}
    if Seen.UNKNOWN in states:
        return Fate.UNKNOWN
    return Fate.WHOLE if states == {Seen.SEEN} else Fate.ABSENT if states == {Seen.MISSING} else Fate.PARTIAL


def attempt(
    number: int,
    sent_ns: int,
    fate: DatagramFate | None,
    line: int,
    gap_s: float | None = None,
    plain: int | None = None,
    with_client_log: bool = True,
    with_server_log: bool = False,
) -> Attempt:
    evidence: list[Evidence] = []
    if with_client_log:
        evidence.append(Evidence("terminal-1/iNode.log", line=line, text="SecPkt secPushInner: out-pkt"))
    if with_server_log:
        evidence.append(Evidence("server/policy.log", line=line + 100, text="recv packet"))
    written = (sent_ns // NS) * NS + ZONE_NS
    return Attempt(
        number,
        sent_ns,
        gap_s,
        plain,
        fate.wire_bytes if fate else None,
        tuple(evidence),
        fate,
        log_time_ns=written if with_client_log else None,
        server_log_time_ns=written + 37 * NS if with_server_log else None,
    )


def failing_session(
    names: tuple[str, ...] = NAMES,
    sends: int = 4,
    lost_after: str | None = "fwout",
    unknown: tuple[str, ...] = (),
    offsets: Mapping[str, float] | None = None,
    payload: int = 2655,
    with_logs: bool = True,
    with_captures: bool = True,
) -> Session:
    """1, 2, then 3 sent `sends` times in two fragments, the second of which is lost after `lost_after`."""

    def wire(
        at: int, size: int, direction: Direction, lost: str | None, identification: int, frame: int, coding: str
    ) -> DatagramFate | None:
        if not with_captures:
            return None
        return datagram(
            at,
            size,
            names,
            direction,
            lost,
            unknown=unknown,
            identification=identification,
            offsets=offsets,
            coding=coding,
            frame=frame,
        )

    one = START_NS
    two = one + 4_300_000
    three = [two + 2_010_000_000 + n * 5_005_000_000 for n in range(sends)]
    messages = (
        Message(
            1,
            Direction.TO_SERVER,
            (
                attempt(
                    1,
                    one,
                    wire(one, 120, Direction.TO_SERVER, None, 0xE001, 3, "plain"),
                    5,
                    plain=106,
                    with_client_log=with_logs,
                    with_server_log=with_logs,
                ),
            ),
        ),
        Message(
            2,
            Direction.TO_CLIENT,
            (
                attempt(
                    1,
                    two,
                    wire(two, 569, Direction.TO_CLIENT, None, 0x5A10, 7, "zlib"),
                    12,
                    plain=2410,
                    with_client_log=with_logs,
                    with_server_log=with_logs,
                ),
            ),
        ),
        Message(
            3,
            Direction.TO_SERVER,
            tuple(
                attempt(
                    n + 1,
                    at,
                    wire(at, payload, Direction.TO_SERVER, lost_after, 0xE0F6 + n, 20 + 20 * n, "plain"),
                    31 + 20 * n,
                    gap_s=5.005 if n else None,
                    plain=payload - 14,
                    with_client_log=with_logs,
                )
                for n, at in enumerate(three)
            ),
            plain_bytes=payload - 14,
        ),
    )
    end = (three[-1] // NS + 6) * NS
    marks = (
        (
            Mark(
                "result",
                "client",
                end,
                end + ZONE_NS,
                "SecPkt: pushSecRslt(3) returned 4",
                Evidence("terminal-1/iNode.log", line=120),
                4,
            ),
            Mark(
                "notice",
                "client",
                end,
                end + ZONE_NS,
                "安全认证失败，未收到策略服务器回应。即将强行下线",
                Evidence("terminal-1/iNode.log", line=121),
            ),
        )
        if with_logs
        else ()
    )
    return Session("n1MqMbBr", Outcome.FAILED, one, end, messages, marks, ("10.208.64.40",), key="s1")


def passing_session(names: tuple[str, ...] = NAMES, payload: int = 795) -> Session:
    """1, 2, 3, 4: everything arrives."""
    one, two = START_NS, START_NS + 4_300_000
    three = two + 2_010_000_000
    four = three + 3_100_000
    steps = (
        (1, Direction.TO_SERVER, one, 120, "plain"),
        (2, Direction.TO_CLIENT, two, 569, "zlib"),
        (3, Direction.TO_SERVER, three, payload, "plain"),
        (4, Direction.TO_CLIENT, four, 210, "zlib"),
    )
    messages = tuple(
        Message(
            number,
            direction,
            (
                attempt(
                    1,
                    at,
                    datagram(at, size, names, direction, coding=coding, frame=3 + 9 * number),
                    5 + 8 * number,
                    plain=size - 14,
                    with_server_log=True,
                ),
            ),
            plain_bytes=size - 14,
        )
        for number, direction, at, size, coding in steps
    )
    end = (four // NS + 1) * NS
    mark = Mark(
        "result",
        "client",
        end,
        end + ZONE_NS,
        "SecPkt: pushSecRslt(3) returned 0",
        Evidence("terminal-1/iNode.log", line=60),
        0,
    )
    return Session("k9TtQ2aa", Outcome.PASSED, one, end, messages, (mark,), ("10.208.64.40",), key="s1")


def terminal(session: Session, key: str = "t1", user: str = "9310042@QSD") -> Terminal:
    return Terminal(user, "00:1B:2C:3D:4E:5F", ("10.1.1.1",), session.outcome, (session,), key=key)
