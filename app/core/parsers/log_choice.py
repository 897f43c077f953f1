"""Which server-log format a text is in: all are tried on lines spread over its beginning, and the score is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.core.parsers.log_format import LogFormat
from app.core.parsers.log_lines import LineFacts, LineReader
from app.core.parsers.log_text import as_narrow, decode
from app.core.parsers.safe_pattern import MAX_MATCHED_CHARACTERS

LINE_BYTES = 4 * MAX_MATCHED_CHARACTERS
_SNIFFED_LINES = 400
_SNIFFED_MORE = 20
_DOMAIN_WORDS = re.compile(
    r"eventSeqID|hwAddr|SecPkt|\bEAD|policy ?(?:server|service)|策略服务器|安全检查|号\s?报文|event_?id", re.IGNORECASE
)
_CLIENT_WORDS = ("secPushInner", "pushSecRslt", "secRcvThrd", "sndSecMsg")  # functions of the client
_SURE_MESSAGES = 3
_MESSAGES_WEIGHT = 0.75  # at most: a format that fits any line needs more than messages to win
_CONTINUATION = re.compile(rb"[ \t]|</?[A-Za-z]")  # a syslog priority `<134>` is none


def sniff_server_log(head: bytes, formats: Sequence[LogFormat]) -> tuple[float, str]:
    """The best format's score, 0 (no such log) to 1, and its name ("" without formats)."""
    text = as_narrow(head)
    if text.count(b"\x00") * 10 > len(text):
        return 0.0, formats[0].name if formats else ""
    records = sample_records(text)
    return max(
        ((score_of(records, item), item.name) for item in formats), key=lambda scored: scored[0], default=(0.0, "")
    )


def has_times(head: bytes, formats: Sequence[LogFormat]) -> bool:
    """Whether most records of a text begin as a log's do, whatever it tells."""
    records = sample_records(as_narrow(head))
    readers = [LineReader(item) for item in formats]
    begun = sum(any(reader.match(first) is not None for reader in readers) for first, _ in records)
    return begun * 2 > len(records)


Sampled = tuple[str, str]  # a line, and the lines that continue it


def sample_records(text: bytes) -> list[Sampled]:
    """Lines spread over the head, most from its beginning: a log may begin with much chatter."""
    raw: list[list[bytes]] = []
    for line in text.split(b"\n"):
        if not line.strip():
            continue
        # Indented lines and elements continue a record: they speak neither for a format nor against it.
        if raw and _CONTINUATION.match(line):
            raw[-1].append(line)
        elif not raw or not _CONTINUATION.match(line):
            raw.append([line])
    step = max(len(raw) // _SNIFFED_LINES, 1)
    chosen = raw[: _SNIFFED_LINES // 2] + raw[_SNIFFED_LINES // 2 :: step][:_SNIFFED_LINES]
    return [(_text_of(first), " ".join(_text_of(line) for line in more[:_SNIFFED_MORE])) for first, *more in chosen]


def _text_of(line: bytes) -> str:
    return decode(line[:LINE_BYTES].strip(b"\r\xef\xbb\xbf"))


def score_of(records: Sequence[Sampled], log_format: LogFormat) -> float:
    reader = LineReader(log_format)
    begun = messages = 0
    is_domain = False
    for line, more in records:
        begin = reader.match(line)
        facts = reader.read(begin, " " + more if more else "") if begin is not None else None
        if facts is not None:
            begun += 1
            messages += facts.is_message
            is_domain = is_domain or _is_rich(facts)
    if not begun:
        return 0.0
    share = begun / len(records)
    score = log_format.weight * share
    if messages:
        is_domain = is_domain or any(_DOMAIN_WORDS.search(line) or _DOMAIN_WORDS.search(more) for line, more in records)
        sure = min(messages / _SURE_MESSAGES, 1.0)
        score += (
            min(1 - log_format.weight, _MESSAGES_WEIGHT)
            * (0.5 + 0.25 * share + 0.25 * sure)
            * (0.8 if is_domain else 0.1)
        )
    if any(word in line for line, _ in records for word in _CLIENT_WORDS):
        score *= 0.4
    return round(min(score, 1.0), 3)


def _is_rich(facts: LineFacts) -> bool:
    """Whether a line tells so much of a message that no word of the trade is needed."""
    has_event = facts.event_id is not None and not facts.event_id.isdecimal()
    return facts.is_message and facts.has_direction_word and (has_event or bool(facts.user and facts.mac))
