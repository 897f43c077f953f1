"""The chosen terminals' frames out of a capture, and those frames as a small pcapng."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.captures.capture import CaptureLimits, read_capture
from app.captures.frames import frame_batches
from app.core import pcapng
from app.core.analysis import CapturePoint, Clock
from app.core.evidence.choice import Choice, describe_other
from app.core.evidence.manifest import MERGED_MARK
from app.core.records import InterfaceFacts, Packet


@dataclass(frozen=True, slots=True)
class ExtractFrame:
    """One frame as it was captured; `number` counts in the capture it came from. `datagram` is the same for all frames
    of a datagram, at whatever point; `addresses` are those that dissection found, source and destination."""

    number: int
    interface: int
    time_ns: int
    octets: bytes
    original: int
    comment: str
    datagram: int | None = None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaptureExtract:
    """`clock` leads from its times to the reference clock's, `order` is the point's place in the path."""

    source: str
    point: str
    order: int
    clock: Clock
    interfaces: tuple[InterfaceFacts, ...]
    frames: tuple[ExtractFrame, ...]


def extract_capture(
    path: Path, source: str, point: CapturePoint, choice: Choice, ports: frozenset[int]
) -> CaptureExtract:
    """The frames of `choice` out of one capture. Raises CaptureError, OSError."""
    capture = read_capture(path, source, ports=ports)
    by_frame: dict[int, list[Packet]] = {}
    for packet in capture.packets:
        by_frame.setdefault(packet.frame, []).append(packet)
    wanted = dict(choice.frames.get(source, {}))
    for frame, packets in by_frame.items():
        for packet in packets:
            told = None if frame in wanted else describe_other(packet, choice)
            if told is not None:
                wanted[frame] = told
    datagrams = choice.datagrams.get(source, {})
    frames = tuple(_read_frames(path, source, wanted, datagrams, by_frame))
    clock = point.source_clocks.get(source, point.clock)
    return CaptureExtract(source, point.name, point.order, clock, capture.facts.interfaces, frames)


def _read_frames(
    path: Path, source: str, wanted: dict[int, str], datagrams: dict[int, int], packets: dict[int, list[Packet]]
) -> Iterable[ExtractFrame]:
    numbers = sorted(wanted)
    at = 0
    for _, batch in frame_batches(path, CaptureLimits().max_bytes, []):
        while batch is not None and at < len(numbers) and numbers[at] < batch.first_frame + len(batch):
            number = numbers[at]
            position = number - batch.first_frame
            yield ExtractFrame(
                number=number,
                interface=int(batch.interface[position]),
                time_ns=int(batch.time_ns[position]),
                octets=batch.frame_bytes(position),
                original=int(batch.original[position]),
                comment=f"{wanted[number]} (frame {number} of {source})",
                datagram=datagrams.get(number),
                addresses=next(((p.source_ip, p.destination_ip) for p in packets.get(number, ())), ()),
            )
            at += 1


def to_pcapng(extract: CaptureExtract) -> bytes:
    """The extract as a file: interfaces, filters and drop counters as the capture had them, times as captured."""
    blocks = [_interface(facts, extract.point) for facts in extract.interfaces]
    parts = [pcapng.section(f"EADScope extract of {extract.source}: {len(extract.frames)} frames")]
    parts += [pcapng.interface(block) for block in blocks]
    for frame in extract.frames:
        block = pcapng.FrameBlock(frame.interface, frame.time_ns, frame.octets, frame.original, frame.comment)
        parts.append(pcapng.frame(block))
    end_ns = max((frame.time_ns for frame in extract.frames), default=0)
    parts += [pcapng.statistics(number, block, end_ns) for number, block in enumerate(blocks)]
    return b"".join(parts)


def _interface(facts: InterfaceFacts, point: str) -> pcapng.InterfaceBlock:
    return pcapng.InterfaceBlock(
        name=facts.name or point,
        link_type=facts.link_type,
        snap=facts.snap_length or pcapng.FULL_SNAP,
        filter=facts.recorded_filter or "",
        description=facts.description,
        received=facts.received,
        dropped=facts.dropped,
    )


def merge(extracts: Sequence[CaptureExtract]) -> bytes:
    """All frames on the reference clock in one file; each capture point is an interface of that name."""
    kinds: dict[tuple[str, int], int] = {}
    frames: list[tuple[int, int, int, pcapng.FrameBlock]] = []
    for extract in sorted(extracts, key=lambda one: (one.order, one.source)):
        for frame in extract.frames:
            link_type = extract.interfaces[frame.interface].link_type
            number = kinds.setdefault((extract.point, link_type), len(kinds))
            time_ns = extract.clock.to_reference(frame.time_ns)
            told = f"{extract.point}: {frame.comment}"
            block = pcapng.FrameBlock(number, time_ns, frame.octets, frame.original, told)
            frames.append((time_ns, number, frame.number, block))
    frames.sort(key=lambda item: item[:3])
    told = f"{MERGED_MARK}: times are corrected to one clock. Analyse the separate captures, not this file."
    parts = [pcapng.section(told)]
    parts += [pcapng.interface(pcapng.InterfaceBlock(point, link_type)) for point, link_type in kinds]
    parts += [pcapng.frame(block) for *_, block in frames]
    return b"".join(parts)
