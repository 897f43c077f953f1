"""Which signs a ladder uses, so that its legend explains those and no others."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.timeline.model import LogMark, MarkKind, MessageArrow, Span, Stretch
from app.core.timeline.time_axis import Fold

ORDER = (
    "to_server",
    "to_client",
    "seen",
    "lost",
    "unseen",
    "fading",
    "log",
    "check",
    "wait",
    "give_up",
    "good",
    "bad",
    "fold",
)


def build_legend(
    arrows: Sequence[MessageArrow], marks: Sequence[LogMark], spans: Sequence[Span], folds: Sequence[Fold]
) -> tuple[str, ...]:
    """Keys into `timeline_texts.LEGEND`, in reading order."""
    used = {arrow.direction.value for arrow in arrows} | {span.kind.value for span in spans}
    lines = [line for arrow in arrows for line in arrow.lines]
    kinds = {piece.kind for line in lines for piece in line.pieces}
    if any(line.seen for line in lines):
        used.add("seen")
    if any(line.cross is not None for line in lines):
        used.add("lost")
    used |= {kind.value for kind in (Stretch.UNSEEN, Stretch.FADING) if kind in kinds}
    used |= {mark.kind.value for mark in marks if mark.kind is not MarkKind.NOTICE}
    if folds:
        used.add("fold")
    return tuple(key for key in ORDER if key in used)
