"""What is worth telling of single capture files: filters, losses of their own, mirrors, clocks, cut frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from app.core.analysis import Evidence
from app.core.network.capture_filters import FilterView
from app.core.network.clocks import ClockNet
from app.core.network.sent_pieces import OFFLOAD_BYTES
from app.core.network.traces import CaptureInput, NetworkNote, NoteCode
from app.core.records import CaptureFacts, Datagram, Packet, Text

MANY = 10  # frames shown as evidence
APART_S = 1.0
MIRROR_SHARE = 0.2  # of datagrams seen twice, from which on it is the mirror's doing


def frames_of(datagrams: Iterable[Datagram]) -> tuple[Evidence, ...]:
    found: list[Evidence] = []
    for datagram in datagrams:
        for packet in datagram.packets:
            if len(found) == MANY:
                return tuple(found)
            found.append(Evidence(packet.source, frame=packet.frame, text=_shown(packet)))
    return tuple(found)


def _shown(packet: Packet) -> str:
    """`10.16.1.11 > 10.208.64.40 · id 0x6eb3 · 1256–1480`: addresses, and the bytes of the datagram that it carries."""
    ends = f"{packet.source_ip} > {packet.destination_ip}"
    number = "" if packet.identification is None else f" · id 0x{packet.identification:04x}"
    return f"{ends}{number} · {packet.offset_bytes}–{packet.end_bytes}"


def point_of(capture: CaptureInput) -> str:
    return capture.point or capture.source


def filter_note(capture: CaptureInput, view: FilterView, here: Sequence[Datagram]) -> Iterator[NetworkNote]:
    if not view.hides_later or view.reason is None:
        return
    # Without a recorded filter, only fragments that should be there and are not make it worth telling.
    recorded = [interface.recorded_filter for interface in capture.facts.interfaces if interface.recorded_filter]
    halves = [datagram for datagram in here if datagram.holes]
    if not recorded and not halves and not capture.facts.first_fragments:
        return
    evidence = frames_of(halves or here)
    yield NetworkNote(
        NoteCode.FILTERED,
        view.reason,
        capture.source,
        point_of(capture),
        evidence=evidence or (Evidence(capture.source),),
        counts={"first_fragments": capture.facts.first_fragments, "later_fragments": capture.facts.later_fragments},
        details={"ports": sorted(view.ports or ()), "recorded": recorded},
    )


def drop_note(capture: CaptureInput) -> Iterator[NetworkNote]:
    dropped = [(interface, interface.dropped) for interface in capture.facts.interfaces if interface.dropped]
    if dropped:
        total = sum(count for _, count in dropped)
        yield NetworkNote(
            NoteCode.DROPPED,
            Text(
                f"the capture itself lost {total} frames, by its own counters", f"按其自身计数，该抓包丢失了 {total} 帧"
            ),
            capture.source,
            point_of(capture),
            evidence=tuple(
                Evidence(capture.source, text=f"interface {interface.number} ({interface.name}): {count} dropped")
                for interface, count in dropped
            ),
            counts={"dropped": total},
            details={"by": "counters"},
        )


def mirror_note(capture: CaptureInput, here: Sequence[Datagram], twice: Sequence[Datagram]) -> Iterator[NetworkNote]:
    """`twice` are those of `here` of which a frame shows again."""
    if len(twice) > 1 and len(twice) >= MIRROR_SHARE * len(here):
        yield NetworkNote(
            NoteCode.MIRRORED,
            Text(
                f"{len(twice)} of {len(here)} datagrams were captured twice within milliseconds: the mirror copies"
                " both directions or both sides of a device",
                f"{len(here)} 个报文中有 {len(twice)} 个在数毫秒内被抓到两次：镜像复制了收发两个方向或设备两侧",
            ),
            capture.source,
            point_of(capture),
            evidence=frames_of(twice),
            counts={"datagrams": len(here), "twice": len(twice)},
            details={"share": round(len(twice) / len(here), 4)},
        )


def clock_notes(
    captures: Sequence[CaptureInput],
    net: ClockNet,
    index: int,
    here: Sequence[Datagram],
    shared: Callable[[], Iterable[Datagram]],
) -> Iterator[NetworkNote]:
    """`shared` gives those of `here` that other captures saw as well."""
    capture, clock = captures[index], net.clocks[index]
    offset = clock.offset_s - clock.manual_s
    if clock.quality in ("both ways", "one way") and abs(offset) > APART_S and clock.reference is not None:
        yield NetworkNote(
            NoteCode.CLOCKS_APART,
            Text(
                f"its clock is {abs(offset):.3f} s {'ahead of' if offset > 0 else 'behind'} that of {clock.reference},"
                f" by {clock.matched} matched datagrams",
                f"其时钟比 {clock.reference} {'快' if offset > 0 else '慢'} {abs(offset):.3f} 秒"
                f"（依据 {clock.matched} 个匹配的报文）",
            ),
            capture.source,
            point_of(capture),
            evidence=frames_of(shared()),
            counts={"datagrams": clock.matched},
            details={"offset_s": offset, "uncertainty_s": clock.uncertainty_s, "reference": clock.reference},
        )
    for at_ns, jump in clock.steps:
        yield NetworkNote(
            NoteCode.CLOCK_STEP,
            Text(f"its clock was set by {jump:+.3f} s during the capture", f"抓包期间其时钟被调整了 {jump:+.3f} 秒"),
            capture.source,
            point_of(capture),
            evidence=frames_of(sorted(shared(), key=lambda datagram: abs(datagram.time_ns - at_ns))[:2]),
            details={"at_ns": at_ns, "jump_s": jump},
        )
    if clock.quality == "unknown" and here:
        yield NetworkNote(
            NoteCode.CLOCK_UNKNOWN,
            Text(
                "its clock has no link to the other captures: it shares no datagram with them",
                "其时钟与其他抓包没有联系：没有共同的报文",
            ),
            capture.source,
            point_of(capture),
            evidence=frames_of(here),
        )
    for found in net.contradictions:
        if found.capture == index:
            through = captures[found.through].source
            yield NetworkNote(
                NoteCode.CLOCK_CONTRADICTION,
                Text(
                    f"its clock by way of {through} and by another way differ by {found.gap_s * 1000:.1f} ms",
                    f"经 {through} 推算的时钟与经其他路径推算的相差 {found.gap_s * 1000:.1f} 毫秒",
                ),
                capture.source,
                point_of(capture),
                evidence=frames_of(shared()),
                details={"gap_s": found.gap_s, "through": through},
            )


def cut_note(capture: CaptureInput, here: Sequence[Datagram]) -> Iterator[NetworkNote]:
    facts: CaptureFacts = capture.facts
    cut: list[Datagram] = []
    if facts.cut_frames:
        cut = [datagram for datagram in here if any(packet.is_cut for packet in datagram.packets)]
    if cut:
        yield NetworkNote(
            NoteCode.CUT,
            Text(
                f"frames are cut, the shortest at {facts.shortest_cut_bytes} bytes: contents are compared up to there",
                f"帧被截断（最短 {facts.shortest_cut_bytes} 字节），内容只比较到该处",
            ),
            capture.source,
            point_of(capture),
            evidence=frames_of(cut),
            counts={"frames": facts.cut_frames},
        )


def is_offloaded(datagram: Datagram) -> bool:
    return datagram.packets[0].length_bytes > OFFLOAD_BYTES and not datagram.is_fragmented


def offload_note(capture: CaptureInput, large: Sequence[Datagram]) -> Iterator[NetworkNote]:
    if large:
        yield NetworkNote(
            NoteCode.OFFLOAD,
            Text(
                "it shows whole datagrams larger than an Ethernet frame: the network card cuts or joins them",
                "其中有超过以太网帧长的完整报文：由网卡负责分片或重组",
            ),
            capture.source,
            point_of(capture),
            evidence=frames_of(large),
            counts={"datagrams": len(large)},
        )
