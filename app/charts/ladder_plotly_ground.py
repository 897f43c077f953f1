"""Traces of a ladder beside its messages: spans of waiting, and what the logs say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from app.charts.figures import Trace
from app.charts.ladder_plotly_drawing import Drawing, Points
from app.charts.writing import moment
from app.core.timeline.model import LogMark, MarkKind, Piece, SpanKind, Stretch


def spans(of: Drawing) -> Iterable[Trace]:
    styles = {
        SpanKind.CHECK: (of.theme.check_fill, "check"),
        SpanKind.WAIT: (of.theme.wait_fill, "wait"),
        SpanKind.GIVE_UP: (of.theme.wait_fill, "give_up"),
    }
    texts = {SpanKind.CHECK: of.theme.check, SpanKind.WAIT: of.theme.wait, SpanKind.GIVE_UP: of.theme.bad}
    for kind, (fill, key) in styles.items():
        spans = [span for span in of.timeline.spans if span.kind is kind]
        if not spans:
            continue
        points, words = Points(), Points()
        for span in spans:
            points.line(Piece(span.x, span.y0, span.x, span.y1, Stretch.SEEN))
            words.add(span.x, span.label_y, f"\u2002\u2002{of.say(span.text)}\u2002\u2002")
        yield {
            "type": "scatter",
            "mode": "lines",
            "x": points.x,
            "y": points.y,
            "name": of.legend(key),
            "line": {"color": fill, "width": 8, "dash": "4px,2px" if kind is SpanKind.GIVE_UP else "solid"},
            "hoverinfo": "skip",
        }
        if not of.small:
            right = [word.x < len(of.timeline.lanes) / 2 for word in spans]
            yield of.text(words, texts[kind], 11, ["middle right" if is_right else "middle left" for is_right in right])


def ties(of: Drawing) -> Iterable[Trace]:
    points = Points()
    for mark in of.timeline.marks:
        if mark.tie_x is not None and mark.tie_y is not None:
            points.line(Piece(mark.x, mark.y, mark.tie_x, mark.tie_y, Stretch.SEEN))
    if points.x:
        yield {
            "type": "scatter",
            "mode": "lines",
            "x": points.x,
            "y": points.y,
            "hoverinfo": "skip",
            "line": {"color": of.theme.log, "width": 1, "dash": "1px,3px"},
        }


def logs(of: Drawing) -> Iterable[Trace]:
    styles = {
        MarkKind.LOG: ("diamond", of.theme.log, 8, "log"),
        MarkKind.NOTICE: ("diamond", of.theme.text, 8, None),
        MarkKind.BAD: ("circle-x", of.theme.bad, 15, "bad"),
        MarkKind.GOOD: ("circle", of.theme.good, 15, "good"),
    }
    for kind, (symbol, color, size, key) in styles.items():
        marks = [mark for mark in of.timeline.marks if mark.kind is kind]
        if not marks:
            continue
        points = Points()
        for mark in marks:
            written = moment(mark.written_ns, UTC, 0)
            points.add(mark.x, mark.y, f"{of.say(mark.text)}<br>{written}{of.sources(mark.refs)}", mark.refs)
        yield of.marks(
            points,
            {
                "symbol": symbol,
                "size": size,
                "color": color,
                "line": {"color": of.theme.background, "width": 1.5},
            },
            key,
        )
        for side in ("client", "server"):
            if kind is not MarkKind.LOG or not of.small:
                yield from _log_words(of, [mark for mark in marks if mark.side == side], kind, color, side)


def _log_words(of: Drawing, marks: list[LogMark], kind: MarkKind, color: str, side: str) -> Iterable[Trace]:
    if not marks:
        return
    words = Points()
    for mark in marks:
        word = of.say(mark.brief if of.is_brief and mark.brief else mark.text, 60)
        gap = "\u2002\u2002" if kind is not MarkKind.LOG else "\u2002"
        tick = "✓ " if kind is MarkKind.GOOD else ""
        word = tick + word
        words.add(mark.x, mark.y, gap + word if side == "client" else word + gap)
    above = "top" if kind is MarkKind.LOG else "middle"
    yield of.text(
        words,
        of.theme.muted if kind is MarkKind.LOG else color,
        10.5 if kind is MarkKind.LOG else 12,
        f"{above} {'right' if side == 'client' else 'left'}",
        weight=700 if kind in (MarkKind.GOOD, MarkKind.BAD) else 400,
    )
