"""A device that tells of the fragments it received (`debugging ip virtual-reassembly`) is a point on the path as well.

What its lines show: source, destination, identification, offset and length of every fragment that came in. What they
cannot: unfragmented datagrams, what leaves the device, and anything while debugging is off. So a fragment is missing
there only where others of its datagram are not, and that miss is a presumption.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median_low

from app.core.analysis import CapturePoint, Clock, DatagramFate, Fate, FragmentFate, Role, Seen, Sighting
from app.core.network.fates import find_leg
from app.core.network.grounds import PRESUMED
from app.core.network.traces import NetworkFacts, TracedDatagram
from app.core.parsers.devices import DeviceFacts, DeviceRecord, DeviceRecordKind
from app.core.records import NS, Direction, Text

# The code of a sighting that a device's own line tells; such a sighting has a line and no frame.
TOLD = "device"

LIMITS = Text(
    "a device's debugging lines: fragments that came in, and nothing unfragmented; with all fragments of a datagram on "
    "one interface",
    "设备调试信息：只含进入设备的分片，不含未分片报文；且同一报文的分片须从同一接口进入",
)
_MISSED = Text(
    "the device tells of other fragments of this datagram and not of this one; it sees what comes in by one interface",
    "设备记录了同一报文的其他分片而没有这一片；该功能只看从同一接口进入的分片",
)
_WHOLE_ONLY = Text("the device tells of fragments only", "该设备只记录分片")
_NOT_TOLD = Text(
    "the device tells nothing of this datagram: debugging may have been off", "设备没有该报文的记录：当时可能未开启调试"
)
_LATER = Text("a later point has it: it came by unseen", "其后的抓包点见到了它：经过此处时未被记录")
_METHOD = Text("its lines about datagrams that captures have too", "设备记录与抓包中的同一报文对照")

RESOLUTION_S = 0.001  # of the device's time stamps

Key = tuple[str | None, str | None, int | None]


@dataclass(frozen=True, slots=True)
class _Witness:
    name: str
    source: str
    told: Mapping[Key, tuple[DeviceRecord, ...]]

    def lines_of(self, fate: DatagramFate) -> tuple[DeviceRecord, ...]:
        """Its lines about this datagram, under whatever addresses it was seen."""
        return next((self.told[key] for key in keys_of(fate) if key in self.told), ())


def keys_of(fate: DatagramFate) -> list[Key]:
    pairs = [(fate.source, fate.destination), *fate.translations.values()]
    return [(_address(source), _address(target), fate.identification) for source, target in pairs]


def _address(endpoint: str) -> str:
    return endpoint.rpartition(":")[0].strip("[]") if ":" in endpoint else endpoint


def with_device_points(network: NetworkFacts, devices: Sequence[DeviceFacts], order: Sequence[str]) -> NetworkFacts:
    """`order`: point names from client to server as the user gave them. Devices that tell of no datagram of the case,
    or whose place contradicts itself, are left out."""
    for witness in _witnesses(devices, {point.name for point in network.points}):
        network = _with_one(network, witness, order)
    return network


def _witnesses(devices: Iterable[DeviceFacts], taken: set[str]) -> list[_Witness]:
    found: dict[tuple[str, str], dict[Key, list[DeviceRecord]]] = {}
    for facts in devices:
        for record in facts.records:
            if record.kind is DeviceRecordKind.FRAGMENT and record.offset_bytes is not None and record.length_bytes:
                key = (record.source_ip, record.destination_ip, record.identification)
                found.setdefault((record.device or facts.source, facts.source), {}).setdefault(key, []).append(record)
    return [
        _Witness(name if name not in taken else f"{name} debug", source, {k: tuple(v) for k, v in told.items()})
        for (name, source), told in found.items()
    ]


def _with_one(network: NetworkFacts, witness: _Witness, order: Sequence[str]) -> NetworkFacts:
    shared = [traced for traced in network.traced if witness.lines_of(traced.fate)]
    if len({id(witness.lines_of(one.fate)) for one in shared}) < len(shared):
        shared = []  # one identification for several datagrams of the same two hosts: nobody knows which it was
    names = [point.name for point in network.points]
    place = _place(names, network.points, witness, shared, order) if shared else None
    if place is None:
        return network
    clock = _clock(witness, shared)
    names.insert(place, witness.name)
    traced = tuple(one._replace(fate=_told_fate(one, witness, names, clock)) for one in network.traced)
    times = [r.time_ns for rows in witness.told.values() for r in rows if r.time_ns is not None]
    point = CapturePoint(
        name=witness.name,
        role=Role.MIDDLE,
        order=place,
        order_by="given" if witness.name in order else "named",
        sources=(witness.source,),
        clock=clock,
        observed_ns=((clock.to_reference(min(times)), clock.to_reference(max(times))),) if times else (),
        notes=(LIMITS,),
    )
    points = [*network.points[:place], point, *network.points[place:]]
    return replace(network, points=tuple(replace(one, order=index) for index, one in enumerate(points)), traced=traced)


# ---------------------------------------------------------------- the place on the path


def _place(
    names: Sequence[str],
    points: Sequence[CapturePoint],
    witness: _Witness,
    shared: Sequence[TracedDatagram],
    order: Sequence[str],
) -> int | None:
    """Before the first point that lacks what the device has, behind the last that has what the device lacks."""
    if witness.name in order:
        behind = order[order.index(witness.name) + 1 :]
        return next((index for index, name in enumerate(names) if name in behind), len(names))
    low = 1 if points and points[0].role is Role.CLIENT else 0
    high = len(names) - 1 if points and points[-1].role is Role.SERVER else len(names)
    least, most = low, high
    for one in shared:
        lines = witness.lines_of(one.fate)
        for piece in one.fate.fragments:
            has = _covers(lines, piece)
            for index, name in enumerate(names):
                state = piece.sightings[name].state
                if state is not (Seen.MISSING if has else Seen.SEEN):
                    continue
                is_client_side = (one.direction is Direction.TO_SERVER) == has
                if is_client_side:
                    most = min(most, index)
                else:
                    least = max(least, index + 1)
    if least > most:
        return None
    return most if most < high or least == low else least


def _covers(lines: Iterable[DeviceRecord], piece: FragmentFate) -> bool:
    position, end = piece.offset, piece.offset + piece.length
    for start, stop in sorted((r.offset_bytes or 0, (r.offset_bytes or 0) + (r.length_bytes or 0)) for r in lines):
        if start <= position < stop:
            position = stop
    return position >= end


def _clock(witness: _Witness, shared: Sequence[TracedDatagram]) -> Clock:
    """The device's clock and zone together, as one offset against the reference."""
    apart = [
        line.time_ns - one.time_ns
        for one in shared
        for line in witness.lines_of(one.fate)[:1]
        if line.time_ns is not None
    ]
    offset_s = median_low(apart) / NS if apart else 0.0
    spread_s = (max(apart) - min(apart)) / NS + RESOLUTION_S if apart else None
    return Clock(
        offset_s=offset_s,
        uncertainty_s=spread_s,
        quality="log" if apart else "unknown",
        method=_METHOD,
        matched=len(apart),
    )


# ---------------------------------------------------------------- sightings


def _told_fate(one: TracedDatagram, witness: _Witness, names: Sequence[str], clock: Clock) -> DatagramFate:
    fate, lines = one.fate, witness.lines_of(one.fate)
    way = names if one.direction is Direction.TO_SERVER else names[::-1]
    behind = way[way.index(witness.name) + 1 :]
    is_whole_only = len(fate.fragments) == 1 and fate.fragments[0].offset == 0 and not lines
    fragments = tuple(
        _told_piece(piece, lines, witness, names, behind, clock, is_whole_only) for piece in fate.fragments
    )
    states = [piece.sightings[witness.name].state for piece in fragments]
    told = {**fate.fate, witness.name: _fate_of(states)}
    return fate._replace(
        fragments=fragments,
        fate={name: told[name] for name in names},
        lost_between=find_leg(fragments, list(way)),
    )


def _told_piece(
    piece: FragmentFate,
    lines: tuple[DeviceRecord, ...],
    witness: _Witness,
    names: Sequence[str],
    behind: Sequence[str],
    clock: Clock,
    is_whole_only: bool,
) -> FragmentFate:
    if lines and _covers(lines, piece):
        first = next((line for line in lines if line.offset_bytes == piece.offset), lines[0])
        at_ns = None if first.time_ns is None else clock.to_reference(first.time_ns)
        sighting = Sighting(
            Seen.SEEN, witness.source, (), first.time_ns, at_ns, reason_code=TOLD, line=first.locator.line
        )
    elif not lines:
        sighting = Sighting(
            Seen.UNKNOWN, witness.source, reason=_WHOLE_ONLY if is_whole_only else _NOT_TOLD, reason_code="unproven"
        )
    elif any(piece.sightings[name].state is Seen.SEEN for name in behind):
        sighting = Sighting(Seen.UNKNOWN, witness.source, reason=_LATER, reason_code="off-path")
    else:
        sighting = Sighting(Seen.MISSING, witness.source, reason=_MISSED, reason_code=PRESUMED)
    every = {**piece.sightings, witness.name: sighting}
    return piece._replace(sightings={name: every[name] for name in names})


def _fate_of(states: Sequence[Seen]) -> Fate:
    if all(state is Seen.SEEN for state in states):
        return Fate.WHOLE
    if Seen.MISSING in states:
        return Fate.PARTIAL if Seen.SEEN in states else Fate.UNKNOWN
    return Fate.UNKNOWN
