"""One datagram at one capture point as proportional boxes: the cell of the fragment table."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.analysis import DatagramFate, FragmentFate, Seen
from app.core.records import Text
from app.core.timeline.model import Ref, refs_of

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
    refs = refs_of(sighting) if sighting is not None and state is Seen.SEEN else ()
    name, end = STATES[state], offset + max(length - 1, 0)
    reason = sighting.reason if sighting is not None and state is not Seen.SEEN else None
    why_en, why_zh = (f": {reason.en}", f"：{reason.zh}") if reason else ("", "")
    where = _where(refs)
    text = Text(
        f"{point}{where.en}: bytes {offset:,}–{end:,} {name.en}{why_en}",
        f"{point}{where.zh}：字节 {offset:,}–{end:,} {name.zh}{why_zh}",
    )
    return FragmentBox(offset, length, length / total if total else 0.0, state, text, refs)


def _where(refs: tuple[Ref, ...]) -> Text:
    """The first frames, or the line of a device's log."""
    if not refs:
        return Text("", "")
    if refs[0].line is not None:
        return Text(f", line {refs[0].line:,}", f"，第 {refs[0].line:,} 行")
    frames = f" #{', '.join(str(ref.frame) for ref in refs[:4])}"
    return Text(frames, frames)
