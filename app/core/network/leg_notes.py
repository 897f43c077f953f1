"""What is worth telling of sources and legs, with the frames that show it; the rules make findings of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise

from app.core.analysis import Fate, Seen
from app.core.network.clocks import ClockNet
from app.core.network.groups import REASONS, Level
from app.core.network.sent_pieces import OFFLOAD_BYTES
from app.core.network.source_notes import (
    MANY,
    clock_notes,
    cut_note,
    drop_note,
    filter_note,
    frames_of,
    is_offloaded,
    mirror_note,
    offload_note,
    point_of,
)
from app.core.network.traces import CaptureInput, NetworkNote, NoteCode, TracedDatagram
from app.core.network.visibility import Guard
from app.core.records import Datagram, Direction, Text

ALL_WHOLE = {Fate.WHOLE}
IP_HEADER = {4: 20, 6: 48}  # IPv6: with the fragment header


def gather_notes(
    captures: Sequence[CaptureInput], net: ClockNet, guard: Guard, traced: Sequence[TracedDatagram]
) -> tuple[NetworkNote, ...]:
    here: dict[str, list[Datagram]] = {capture.source: [] for capture in captures}
    twice: dict[str, list[Datagram]] = defaultdict(list)
    offloaded: dict[str, list[Datagram]] = defaultdict(list)
    points = {capture.source: point_of(capture) for capture in captures}
    for one in traced:
        for datagram in one.datagrams:
            here[datagram.source].append(datagram)
        if one.fate.split_at or [True for piece in one.fate.fragments if piece.length > OFFLOAD_BYTES]:
            for datagram in filter(is_offloaded, one.datagrams):
                offloaded[datagram.source].append(datagram)
        for datagram in one.datagrams if one.fate.duplicates else ():
            if points[datagram.source] in one.fate.duplicates:
                twice[datagram.source].append(datagram)
    notes: list[NetworkNote] = []
    for index, capture in enumerate(captures):
        source = capture.source
        notes.extend(filter_note(capture, guard.watches[index].filter, here[source]))
        notes.extend(drop_note(capture))
        notes.extend(mirror_note(capture, here[source], twice[source]))
        notes.extend(clock_notes(captures, net, index, here[source], partial(_shared_at, source, traced)))
        notes.extend(cut_note(capture, here[source]))
        notes.extend(offload_note(capture, offloaded[source]))
    notes.extend(_leg_notes(points, traced))
    notes.extend(_unknown_notes(captures, traced))
    notes.extend(_datagram_notes(traced))
    return tuple(notes)


def _shared_at(source: str, traced: Sequence[TracedDatagram]) -> Iterator[Datagram]:
    """What a capture saw that others saw as well."""
    for one in traced:
        if len(one.datagrams) > 1:
            yield from (datagram for datagram in one.datagrams if datagram.source == source)


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
    unsure = [one for one in traced if set(one.fate.fate.values()) != ALL_WHOLE]
    for point in dict.fromkeys(point_of(capture) for capture in captures):
        sources = [capture.source for capture in captures if point_of(capture) == point]
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
