"""What is worth telling of single sources and legs, with the frames that show it; the rules make findings of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from app.core.analysis import Evidence, Fate, Seen
from app.core.clocks import ClockNet
from app.core.groups import REASONS, Level
from app.core.records import CaptureFacts, Datagram, Direction, Text
from app.core.sent_pieces import OFFLOAD_BYTES
from app.core.traces import CaptureInput, NetworkNote, NoteCode, TracedDatagram
from app.core.visibility import Guard

MANY = 10  # frames shown as evidence
APART_S = 1.0
MIRROR_SHARE = 0.2  # of datagrams seen twice, from which on it is the mirror's doing
IP_HEADER = {4: 20, 6: 48}  # IPv6: with the fragment header


def gather_notes(
    captures: Sequence[CaptureInput], net: ClockNet, guard: Guard, traced: Sequence[TracedDatagram]
) -> tuple[NetworkNote, ...]:
    by_source: dict[str, list[tuple[TracedDatagram, Datagram]]] = defaultdict(list)
    for one in traced:
        for datagram in one.datagrams:
            by_source[datagram.source].append((one, datagram))
    notes: list[NetworkNote] = []
    for index, capture in enumerate(captures):
        here = by_source[capture.source]
        notes.extend(_filter_note(capture, guard, index, here))
        notes.extend(_drop_notes(capture, traced, here))
        notes.extend(_mirror_note(capture, here))
        notes.extend(_clock_notes(captures, net, index, here))
        notes.extend(_frame_notes(capture, here))
    points = {capture.source: capture.point or capture.source for capture in captures}
    notes.extend(_leg_notes(points, traced))
    notes.extend(_unknown_notes(captures, traced))
    notes.extend(_datagram_notes(traced))
    return tuple(notes)


def frames_of(datagrams: Iterable[Datagram], text: str = "") -> tuple[Evidence, ...]:
    found: list[Evidence] = []
    for datagram in datagrams:
        for packet in datagram.packets:
            if len(found) == MANY:
                return tuple(found)
            found.append(Evidence(packet.source, frame=packet.frame, text=text))
    return tuple(found)


def _point(capture: CaptureInput) -> str:
    return capture.point or capture.source


def _filter_note(
    capture: CaptureInput, guard: Guard, index: int, here: Sequence[tuple[TracedDatagram, Datagram]]
) -> Iterator[NetworkNote]:
    view = guard.watches[index].filter
    if not view.hides_later or view.reason is None:
        return
    # Without a recorded filter, only fragments that should be there and are not make it worth telling.
    recorded = [interface.recorded_filter for interface in capture.facts.interfaces if interface.recorded_filter]
    halves = [datagram for _, datagram in here if not datagram.is_complete]
    if not recorded and not halves and not capture.facts.first_fragments:
        return
    evidence = frames_of(halves or [datagram for _, datagram in here])
    yield NetworkNote(
        NoteCode.FILTERED,
        view.reason,
        capture.source,
        _point(capture),
        evidence=evidence or (Evidence(capture.source),),
        counts={"first_fragments": capture.facts.first_fragments, "later_fragments": capture.facts.later_fragments},
        details={"ports": sorted(view.ports or ()), "recorded": recorded},
    )


def _drop_notes(
    capture: CaptureInput, traced: Sequence[TracedDatagram], here: Sequence[tuple[TracedDatagram, Datagram]]
) -> Iterator[NetworkNote]:
    dropped = [(interface, interface.dropped) for interface in capture.facts.interfaces if interface.dropped]
    if dropped:
        total = sum(count for _, count in dropped)
        yield NetworkNote(
            NoteCode.DROPPED,
            Text(
                f"the capture itself lost {total} frames, by its own counters", f"按其自身计数，该抓包丢失了 {total} 帧"
            ),
            capture.source,
            _point(capture),
            evidence=tuple(
                Evidence(capture.source, text=f"interface {interface.number} ({interface.name}): {count} dropped")
                for interface, count in dropped
            ),
            counts={"dropped": total},
            details={"by": "counters"},
        )


def _mirror_note(capture: CaptureInput, here: Sequence[tuple[TracedDatagram, Datagram]]) -> Iterator[NetworkNote]:
    point = _point(capture)
    datagrams = {id(one): one for one, _ in here}
    twice = [one for one in datagrams.values() if one.fate.duplicates.get(point)]
    if twice and len(twice) >= MIRROR_SHARE * len(datagrams) and len(twice) > 1:
        share = len(twice) / len(datagrams)
        mine = [datagram for one in twice for datagram in one.datagrams if datagram.source == capture.source]
        yield NetworkNote(
            NoteCode.MIRRORED,
            Text(
                f"{len(twice)} of {len(datagrams)} datagrams were captured twice within milliseconds: the mirror copies"
                " both directions or both sides of a device",
                f"{len(datagrams)} 个报文中有 {len(twice)} 个在数毫秒内被抓到两次：镜像复制了收发两个方向或设备两侧",
            ),
            capture.source,
            point,
            evidence=frames_of(mine),
            counts={"datagrams": len(datagrams), "twice": len(twice)},
            details={"share": round(share, 4)},
        )


def _clock_notes(
    captures: Sequence[CaptureInput], net: ClockNet, index: int, here: Sequence[tuple[TracedDatagram, Datagram]]
) -> Iterator[NetworkNote]:
    capture, clock = captures[index], net.clocks[index]
    shared = [datagram for one, datagram in here if len(one.datagrams) > 1]
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
            _point(capture),
            evidence=frames_of(shared),
            counts={"datagrams": clock.matched},
            details={"offset_s": offset, "uncertainty_s": clock.uncertainty_s, "reference": clock.reference},
        )
    for at_ns, jump in clock.steps:
        yield NetworkNote(
            NoteCode.CLOCK_STEP,
            Text(f"its clock was set by {jump:+.3f} s during the capture", f"抓包期间其时钟被调整了 {jump:+.3f} 秒"),
            capture.source,
            _point(capture),
            evidence=frames_of(sorted(shared, key=lambda datagram: abs(datagram.time_ns - at_ns))[:2]),
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
            _point(capture),
            evidence=frames_of(datagram for _, datagram in here),
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
                _point(capture),
                evidence=frames_of(shared),
                details={"gap_s": found.gap_s, "through": through},
            )


def _frame_notes(capture: CaptureInput, here: Sequence[tuple[TracedDatagram, Datagram]]) -> Iterator[NetworkNote]:
    facts: CaptureFacts = capture.facts
    cut: list[Datagram] = []
    if facts.cut_frames:
        cut = [datagram for _, datagram in here if any(packet.is_cut for packet in datagram.packets)]
    if cut:
        yield NetworkNote(
            NoteCode.CUT,
            Text(
                f"frames are cut, the shortest at {facts.shortest_cut_bytes} bytes: contents are compared up to there",
                f"帧被截断（最短 {facts.shortest_cut_bytes} 字节），内容只比较到该处",
            ),
            capture.source,
            _point(capture),
            evidence=frames_of(cut),
            counts={"frames": facts.cut_frames},
        )
    large = [
        datagram
        for _, datagram in here
        if datagram.packets[0].length_bytes > OFFLOAD_BYTES and not datagram.is_fragmented
    ]
    if large:
        yield NetworkNote(
            NoteCode.OFFLOAD,
            Text(
                "it shows whole datagrams larger than an Ethernet frame: the network card cuts or joins them",
                "其中有超过以太网帧长的完整报文：由网卡负责分片或重组",
            ),
            capture.source,
            _point(capture),
            evidence=frames_of(large),
            counts={"datagrams": len(large)},
        )


def _leg_notes(points: dict[str, str], traced: Sequence[TracedDatagram]) -> Iterator[NetworkNote]:
    """Translation and further fragmentation, by the leg on which it first shows."""
    translated: dict[tuple[str, str, str, str], list[TracedDatagram]] = defaultdict(list)
    refragmented: dict[tuple[str, str], list[TracedDatagram]] = defaultdict(list)
    for one in traced:
        if not one.fate.translations and not one.fate.split_at:
            continue
        names = list(dict.fromkeys(points[datagram.source] for datagram in one.datagrams))
        for before, after in pairwise(names):
            leg = (before, after)
            ends = (one.fate.source, one.fate.destination)
            mine, theirs = (one.fate.translations.get(name, ends) for name in leg)
            if mine != theirs and before not in one.fate.translations:
                way = leg if one.direction == Direction.TO_SERVER else (after, before)
                pair = _changed_end(mine, theirs)
                translated[(*way, *pair)].append(one)
            is_split = after in one.fate.split_at and one.fate.split_at.get(before) != one.fate.split_at[after]
            if is_split and _is_finer(one, before, after):
                refragmented[leg].append(one)
    for (before, after, old, new), found in sorted(translated.items()):
        yield NetworkNote(
            NoteCode.TRANSLATED,
            Text(f"addresses are translated between {before} and {after}: {old} ↔ {new}",
                 f"{before} 与 {after} 之间有地址转换：{old} ↔ {new}"),
            between=(before, after),
            evidence=frames_of(datagram for one in found for datagram in one.datagrams),
            counts={"datagrams": len(found)},
            details={"from": old, "to": new},
        )  # fmt: skip
    for (before, after), found in sorted(refragmented.items()):
        mtu = max(_mtu(one, after) for one in found)
        yield NetworkNote(
            NoteCode.REFRAGMENTED,
            Text(
                f"a device between {before} and {after} cuts datagrams further: its MTU is {mtu} bytes or a few more",
                f"{before} 与 {after} 之间的设备对报文再次分片：其 MTU 约为 {mtu} 字节",
            ),
            between=(before, after),
            evidence=frames_of(
                datagram for one in found for datagram in one.datagrams if points[datagram.source] == after
            ),
            counts={"datagrams": len(found)},
            details={"mtu": mtu},
        )


def _changed_end(mine: tuple[str, str], theirs: tuple[str, str]) -> tuple[str, str]:
    """The end that differs: (here, there)."""
    return (mine[0], theirs[0]) if mine[0] != theirs[0] else (mine[1], theirs[1])


def _is_finer(one: TracedDatagram, before: str, after: str) -> bool:
    coarse = one.fate.split_at.get(before) or tuple(
        (fragment.offset, fragment.length)
        for fragment in one.fate.fragments
        if fragment.sightings[before].state == Seen.SEEN
    )
    own = one.fate.split_at[after]
    return max((length for _, length in own), default=0) < max((length for _, length in coarse), default=0)


def _mtu(one: TracedDatagram, point: str) -> int:
    return IP_HEADER[one.fate.ip_version] + max(length for _, length in one.fate.split_at[point])


UNKNOWN_NOTES = {
    "not-capturing": (NoteCode.GAP, "was not capturing during {n} datagrams", "在 {n} 个报文经过时没有在抓包"),
    "off-path": (
        NoteCode.OFF_PATH,
        "lacks parts of {n} datagrams that pass elsewhere",
        "缺少 {n} 个经别处通过的报文",
    ),
    "dropped": (
        NoteCode.DROPPED,
        "lacks {n} datagrams and is known to lose frames",
        "缺少 {n} 个报文，且已知自身丢帧",
    ),
}


def _unknown_notes(captures: Sequence[CaptureInput], traced: Sequence[TracedDatagram]) -> Iterator[NetworkNote]:
    """Points that were not capturing, or that miss what later points have."""
    unsure = [one for one in traced if any(fate != Fate.WHOLE for fate in one.fate.fate.values())]
    for point in dict.fromkeys(_point(capture) for capture in captures):
        sources = [capture.source for capture in captures if _point(capture) == point]
        for reason, (code, english, chinese) in UNKNOWN_NOTES.items():
            found = [
                one
                for one in unsure
                if any(fragment.sightings[point].reason_code == reason for fragment in one.fate.fragments)
            ]
            if found:
                count = len(found)
                yield NetworkNote(
                    code,
                    Text(f"{point} {english.format(n=count)}", f"{point} {chinese.format(n=count)}"),
                    sources[0] if len(sources) == 1 else None,
                    point,
                    evidence=frames_of(datagram for one in found for datagram in one.datagrams),
                    counts={"datagrams": count},
                    details={"by": "sightings", "datagrams": [traced_index(one) for one in found[:MANY]]},
                )


def traced_index(one: TracedDatagram) -> str:
    """How people find the datagram again: source and identification."""
    name = f"0x{one.fate.identification:04x}" if one.fate.identification is not None else "-"
    return f"{one.fate.source} {name}"


def _datagram_notes(traced: Sequence[TracedDatagram]) -> Iterator[NetworkNote]:
    merged = [one for one in traced if one.is_merged_only]
    if merged:
        yield NetworkNote(
            NoteCode.MERGED_ONLY,
            Text(
                f"{len(merged)} datagrams are whole only if the fragments of several points are put together;"
                " no point had them whole",
                f"{len(merged)} 个报文只有把多个抓包点的分片拼在一起才完整，没有任何一处见到完整的报文",
            ),
            evidence=frames_of(datagram for one in merged for datagram in one.datagrams),
            counts={"datagrams": len(merged)},
        )
    altered = [one for one in traced if one.fate.match_reason is REASONS[Level.ALTERED]]
    if altered:
        yield NetworkNote(
            NoteCode.ALTERED,
            Text(
                f"{len(altered)} datagrams change their payload on the way: same identification, size and time,"
                " other bytes",
                f"{len(altered)} 个报文的载荷在途中被改动：IP 标识、长度、时间相同，但字节不同",
            ),
            evidence=frames_of(datagram for one in altered for datagram in one.datagrams),
            counts={"datagrams": len(altered)},
        )
    doubtful = [one for one in traced if one.candidates]
    if doubtful:
        yield NetworkNote(
            NoteCode.AMBIGUOUS,
            Text(
                f"{len(doubtful)} datagrams could be told apart neither by identification nor by time;"
                " none was matched",
                f"{len(doubtful)} 个报文无法用 IP 标识或时间区分，未作匹配",
            ),
            evidence=frames_of(datagram for one in doubtful for datagram in one.datagrams),
            counts={"datagrams": len(doubtful)},
        )


