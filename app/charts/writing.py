"""Text for drawings: which language, which zone, how wide, and nothing in it that a renderer could take for markup."""

from __future__ import annotations

import html
import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo

from app.core.records import NS, Text
from app.core.timeline.model import Lane
from app.core.timeline.texts import NO_CAPTURE, REFERENCE_CLOCK

# Marks that turn the direction of everything after them: in a log they can make a line read as another.
BIDI_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
THIN = frozenset(" .,:;·|'!ijlI()[]/")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def say(text: Text, lang: str) -> str:
    return text.zh if lang.startswith("zh") else text.en


def clean(text: str, limit: int = 200) -> str:
    """Makes hostile text one harmless, visible line: control and direction marks show as `␛` and `⟪U+202E⟫`."""
    shown = text[:limit]
    if not shown.isprintable():  # hardly ever: names and sentences are
        shown = "".join(map(_visible, shown))
    return shown + ("…" if len(text) > limit else "")


def _visible(char: str) -> str:
    if char in BIDI_MARKS:
        return f"⟪U+{ord(char):04X}⟫"
    if char in "\n\r\t":
        return " "
    if unicodedata.category(char) in ("Cc", "Cs", "Cn", "Co"):
        return chr(0x2400 + ord(char)) if ord(char) < 0x20 else "\ufffd"
    return char


def for_plotly(text: str, limit: int = 200) -> str:
    """plotly reads a subset of HTML in every text: escape all of it."""
    return html.escape(clean(text, limit), quote=True)


def width_of(text: str, size: float) -> float:
    """Estimated width in pixels at that font size: wide characters count one em, thin ones a third."""
    return size * sum(
        1.0 if unicodedata.east_asian_width(char) in "WF" else 0.31 if char in THIN else 0.57 for char in text
    )


def shorten(text: str, size: float, room: float) -> str:
    """Cuts a label to its room, with an ellipsis."""
    if width_of(text, size) <= room:
        return text
    kept = ""
    for char in text:
        if width_of(kept + char + "…", size) > room:
            break
        kept += char
    return kept + "…"


def moment(time_ns: int, zone: tzinfo, digits: int = 6) -> str:
    """ "08:52:31.405123" in that zone. Nanoseconds beyond `digits` are cut."""
    whole, rest = divmod(time_ns, NS)
    try:
        clock = (EPOCH + timedelta(seconds=whole)).astimezone(zone).strftime("%H:%M:%S")
    except (OverflowError, ValueError):  # a capture may claim any time, also one outside the calendar
        return f"{whole}"
    return f"{clock}.{rest:09d}"[: 9 + digits] if digits else clock


def day(time_ns: int, zone: tzinfo) -> str:
    try:
        return (EPOCH + timedelta(seconds=time_ns // NS)).astimezone(zone).strftime("%Y-%m-%d")
    except (OverflowError, ValueError):
        return ""


def zone_name(time_ns: int, zone: tzinfo, lang: str, is_known: bool = True) -> str:
    """Which clock the times are of, said in words: "UTC+08:00"."""
    if not is_known:
        return "日志的本地时间" if lang.startswith("zh") else "local time of the log"
    try:
        offset = (EPOCH + timedelta(seconds=time_ns // NS)).astimezone(zone).utcoffset() or timedelta()
    except (OverflowError, ValueError):
        offset = timedelta()
    minutes = round(offset.total_seconds() / 60)
    if minutes == 0:
        return "UTC"
    sign, minutes = ("-" if minutes < 0 else "+"), abs(minutes)
    return f"UTC{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def zone_of_times(zone: tzinfo, is_known: bool) -> tzinfo:
    """The reader's zone for times that are UTC; where a log's zone is not known its times are shown as they stand."""
    return zone if is_known else UTC


def clock_of(lane: Lane, *, with_band: bool = True) -> Text:
    """What stands below a lane's name: whether it was watched, and how far its clock is off; `with_band`: and how
    exactly that is known."""
    if not lane.is_observed:
        return NO_CAPTURE
    if lane.is_reference:
        return REFERENCE_CLOCK
    if lane.clock_s is None:
        return Text("", "")
    band = f" ±{signed_seconds(lane.clock_uncertainty_s)[1:]}" if with_band and lane.clock_uncertainty_s else ""
    off = f"{signed_seconds(lane.clock_s)}{band}"
    return Text(f"clock {off}", f"时钟 {off}")


def signed_seconds(value: float) -> str:
    """ "+37.250 s", "-2.3 ms", "+12 µs": three or four digits that mean something."""
    if abs(value) >= 0.9995:
        return f"{value:+.3f} s"
    return f"{value * 1e3:+.1f} ms" if abs(value) >= 0.99995e-3 else f"{value * 1e6:+.0f} µs"
