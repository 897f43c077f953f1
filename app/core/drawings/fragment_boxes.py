"""One datagram at one capture point as proportional boxes: the cell of the fragment table."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.analysis import DatagramFate, FragmentFate, Seen
from app.core.records import Text
from app.core.timeline.model import Ref

STATES: dict[Seen, Text] = {
    Seen.SEEN: Text("seen", "见到"),
    Seen.MISSING: Text("missing", "缺失"),
    Seen.UNKNOWN: Text("unknown", "未知"),
}


@dataclass(frozen=True, slots=True)
class FragmentBox:
    """A byte range and its state. `share` of the datagram, all shares adding up to 1."""

    offset: int
    length: int
    share: float
    state: Seen
    text: Text
    refs: tuple[Ref, ...] = ()


def fragment_boxes(datagram: DatagramFate, point: str) -> tuple[FragmentBox, ...]:
    """Boxes in order of offset; where a device split fragments further, the pieces as they were at that point."""
    total = max((fragment.offset + fragment.length for fragment in datagram.fragments), default=0)
    pieces = sorted(datagram.split_at.get(point, ()))
    boxes: list[FragmentBox] = []
    for fragment in sorted(datagram.fragments, key=lambda fragment: fragment.offset):
        inside = [
            (start, length) for start, length in pieces if fragment.offset <= start < fragment.offset + fragment.length
        ]
        if inside:
            boxes.extend(_split(fragment, point, inside, total))
        else:
            boxes.append(_box(fragment, point, fragment.offset, fragment.length, total, None))
    return tuple(boxes)


def _split(fragment: FragmentFate, point: str, pieces: list[tuple[int, int]], total: int) -> list[FragmentBox]:
    boxes, at, end = [], fragment.offset, fragment.offset + fragment.length
    for start, length in pieces:
        if start > at:
            boxes.append(_box(fragment, point, at, start - at, total, Seen.MISSING))
        length = min(length, end - start)
        if start + length > at:
            boxes.append(_box(fragment, point, max(start, at), start + length - max(start, at), total, Seen.SEEN))
        at = max(at, start + length)
    if at < end:
        boxes.append(_box(fragment, point, at, end - at, total, Seen.MISSING))
    return boxes


def _box(fragment: FragmentFate, point: str, offset: int, length: int, total: int, state: Seen | None) -> FragmentBox:
    sighting = fragment.sightings.get(point)
    state = state or (sighting.state if sighting else Seen.UNKNOWN)
    refs: tuple[Ref, ...] = ()
    if sighting is not None and sighting.source and state is Seen.SEEN:
        refs = tuple(Ref(sighting.source, frame=frame) for frame in sighting.frames)
    name, end = STATES[state], offset + max(length - 1, 0)
    reason = sighting.reason if sighting is not None and state is not Seen.SEEN else None
    why_en, why_zh = (f": {reason.en}", f"：{reason.zh}") if reason else ("", "")
    frames = f" #{', '.join(str(ref.frame) for ref in refs[:4])}" if refs else ""
    text = Text(
        f"{point}{frames}: bytes {offset:,}–{end:,} {name.en}{why_en}",
        f"{point}{frames}：字节 {offset:,}–{end:,} {name.zh}{why_zh}",
    )
    return FragmentBox(offset, length, length / total if total else 0.0, state, text, refs)
