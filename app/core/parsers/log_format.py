"""One server-log format, built from a parsed TOML file: how a record begins, its time, its fields, its own samples."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.parsers.body import normal_mac
from app.core.parsers.inode_phrases import TO_CLIENT_TYPES, TO_SERVER_TYPES, number_of
from app.core.parsers.log_times import AUTO, Moment, TimeReader
from app.core.parsers.needles import Sought, folded
from app.core.parsers.safe_pattern import MAX_MATCHED_CHARACTERS, PatternRefused, compile_safely
from app.core.records import Direction, Endpoint, Text

FIELDS = ("thread", "level", "direction", "number", "message_id", "user", "mac", "event_id", "peer", "size")
IDENTITY = ("event_id", "mac", "user", "peer")
_KEYS = {"name", "title", "begin", "time", "uses", "needs", "weight", "fields", "direction", "samples"}
_NAME = re.compile(r"[\w.-]{1,64}")
# An address, and a port behind whatever stands between the two ("10.2.3.4, port 37870").
_PEER = re.compile(r"([0-9A-Fa-f.:]*[0-9A-Fa-f])\]?(?:[^\d\n]{1,20}(\d{1,5}))?$")
_RECEIVED = ("in", "rx", "rec", "rcv", "up", "<", "收", "接收", "上行")
_SENT = ("out", "tx", "sen", "snd", "down", "rep", "resp", ">", "发", "下发", "下行")
_MAX_EXPRESSIONS = 20
_MAX_FORMATS = 200
_SHORT = 3


class FormatError(Exception):
    """A format file that cannot be used; `text` says what is wrong in it."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


@dataclass(frozen=True, slots=True)
class Sample:
    line: str
    expect: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What one record's text told. `has_direction_word` is False where the direction was taken from the number.
    `zone_s` and `has_year`: see `Moment`."""

    time_ns: int
    resolution_ns: int
    text: str = ""
    thread: str = ""
    level: str = ""
    direction: Direction | None = None
    has_direction_word: bool = False
    number: int | None = None
    message_id: int | None = None
    user: str | None = None
    mac: str | None = None
    event_id: str | None = None
    peer: Endpoint | None = None
    size: int | None = None
    is_message: bool = False
    zone_s: int | None = None
    has_year: bool = True


@dataclass(frozen=True, slots=True)
class LogFormat:
    name: str
    title: Text
    begin: re.Pattern[str]
    time_format: str
    fields: Mapping[str, tuple[re.Pattern[str], ...]]
    received: re.Pattern[str] | None
    sent: re.Pattern[str] | None
    needs: tuple[str, ...]
    weight: float
    samples: tuple[Sample, ...]

    def reader(self, not_after_ns: int | None = None) -> LineReader:
        """`not_after_ns`: when the file was there, for times without a year."""
        return LineReader(self, not_after_ns)


class LineReader:
    """Reads lines with one format; keeps the cache of times."""

    def __init__(self, log_format: LogFormat, not_after_ns: int | None = None) -> None:
        self.format = log_format
        self._times = TimeReader(log_format.time_format, not_after_ns)
        self._fields = {
            name: [(pattern, Sought([pattern])) for pattern in patterns] for name, patterns in log_format.fields.items()
        }
        self._received, self._sent = _sieved(log_format.received), _sieved(log_format.sent)
        self._numbers = Sought(log_format.fields.get("number", ()))
        groups = log_format.begin.groupindex
        self._is_sieved = "number" in log_format.needs and "number" not in groups
        self._text_group = groups.get("text", 0)

    def match(self, line: str) -> re.Match[str] | None:
        """The match of a record's beginning, or None."""
        return self.format.begin.match(line[:MAX_MATCHED_CHARACTERS])

    def time(self, begin: re.Match[str]) -> Moment | None:
        return self._times.read(begin.group("time"))

    def read(self, begin: re.Match[str], more: str = "") -> LineFacts | None:
        """All facts of a record (`more`: its further lines); None if the time does not exist."""
        time = self.time(begin)
        return self.read_at(time, begin, more) if time is not None else None

    def text(self, begin: re.Match[str], more: str = "") -> str:
        """What the fields are looked for in."""
        text = (begin[self._text_group] or "" if self._text_group else _without_time(begin)) + more
        return text[:MAX_MATCHED_CHARACTERS]

    def may_be_message(self, text: str) -> bool:
        """A quick look; False only where `read_at` would find no number although the format needs one."""
        return not self._is_sieved or self._numbers.may_match(text, folded(text))

    def read_at(self, time: Moment, begin: re.Match[str], more: str = "") -> LineFacts:
        """All facts of a record whose time is known already."""
        groups = begin.groupdict()
        text = self.text(begin, more)
        low = folded(text)
        when: Mapping[str, Any] = time._asdict()
        raw: dict[str, str | None] = {}
        number = _number(self._find("number", groups, text, low))
        needs = self.format.needs
        if number is None and "number" in needs:
            thread, level = self._find("thread", groups, text, low), self._find("level", groups, text, low)
            return LineFacts(**when, text=text, thread=thread or "", level=level or "")
        for name in FIELDS:
            raw[name] = self._find(name, groups, text, low)
        direction, has_word = self._direction(raw["direction"], text, low, number)
        found: dict[str, Any] = {
            "thread": raw["thread"] or "",
            "level": raw["level"] or "",
            "direction": direction,
            "number": number,
            "message_id": _number(raw["message_id"]),
            "user": raw["user"],
            "mac": normal_mac(raw["mac"]),
            "event_id": raw["event_id"],
            "peer": _endpoint(raw["peer"]),
            "size": _number(raw["size"]),
        }
        return LineFacts(**when, **found, text=text, has_direction_word=has_word, is_message=not _missing(found, needs))

    def _find(self, name: str, groups: Mapping[str, str | None], text: str, low: str) -> str | None:
        if groups.get(name):
            return groups[name]
        for pattern, sought in self._fields.get(name, ()):
            found = pattern.search(text) if sought.may_match(text, low) else None
            if found is not None:
                return found.group(name) if name in pattern.groupindex else found.group(1 if pattern.groups else 0)
        return None

    def _direction(self, told: str | None, text: str, low: str, number: int | None) -> tuple[Direction | None, bool]:
        """A field that tells it, read by the format's words, then by the usual ones; else the first word of the
        line; else what the number is."""
        found = self._direction_word(told, folded(told)) if told else self._direction_word(text, low)
        if found is None and told:
            value = told.strip("-=").lower()
            found = Direction.TO_SERVER if value.startswith(_RECEIVED) else found
            found = Direction.TO_CLIENT if value.startswith(_SENT) else found
        if found is not None:
            return found, True
        if number in TO_SERVER_TYPES:
            return Direction.TO_SERVER, False
        return (Direction.TO_CLIENT, False) if number in TO_CLIENT_TYPES else (None, False)

    def _direction_word(self, text: str, low: str) -> Direction | None:
        received = sent = None
        if self._received is not None and self._received[1].may_match(text, low):
            received = self._received[0].search(text)
        if self._sent is not None and self._sent[1].may_match(text, low):
            sent = self._sent[0].search(text, 0, len(text) if received is None else received.start())
        if sent is not None:
            return Direction.TO_CLIENT
        return None if received is None else Direction.TO_SERVER


_Sieved = tuple[re.Pattern[str], Sought]


def _sieved(pattern: re.Pattern[str] | None) -> _Sieved | None:
    return (pattern, Sought([pattern])) if pattern is not None else None


def _without_time(begin: re.Match[str]) -> str:
    line = begin.string
    start, end = begin.span("time")
    return f"{line[:start]} {line[end:]}".strip()


def missing_fields(facts: LineFacts, needs: tuple[str, ...]) -> tuple[str, ...]:
    """Which of the fields that a message of this format needs the line does not have."""
    return _missing({name: getattr(facts, name) for name in FIELDS}, needs)


def _missing(found: Mapping[str, object], needs: tuple[str, ...]) -> tuple[str, ...]:
    def lacks(name: str) -> bool:
        return found[name] in (None, "")

    return tuple(name for name in needs if (all(map(lacks, IDENTITY)) if name == "identity" else lacks(name)))


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        value = number_of(text.encode())
    except ValueError:
        return None
    return value if value <= 0xFFFF_FFFF else None


def _endpoint(text: str | None) -> Endpoint | None:
    if text is None:
        return None
    match = _PEER.match(text.strip(" ["))
    if match is None:
        return None
    port = int(match.group(2)) if match.group(2) else None
    return Endpoint(match.group(1), port if port is None or port <= 0xFFFF else None)


def build_formats(mappings: Iterable[Mapping[str, object]]) -> tuple[LogFormat, ...]:
    """Formats out of parsed TOML files; a later one of the same name replaces an earlier one. Raises FormatError."""
    by_name: dict[str, Mapping[str, object]] = {}
    for mapping in mappings:
        name = mapping.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _wrong("name", "must be a word of letters, digits, . _ -", "必须由字母、数字和 . _ - 组成")
        by_name[name] = mapping
    if len(by_name) > _MAX_FORMATS:
        raise _wrong("name", "more than 200 formats", "格式超过 200 个")
    return tuple(_build(mapping, by_name) for mapping in by_name.values())


def _build(mapping: Mapping[str, object], by_name: Mapping[str, Mapping[str, object]]) -> LogFormat:
    unknown = sorted(set(mapping) - _KEYS)
    if unknown:
        raise _wrong(
            unknown[0], f"is not a key of a format; known are {', '.join(sorted(_KEYS))}", "不是格式文件的有效键"
        )
    name = str(mapping["name"])
    base: Mapping[str, object] = {}
    if "uses" in mapping:
        base = by_name.get(str(mapping["uses"]), {})
        if not base:
            raise _wrong("uses", f"there is no format {mapping['uses']!r}", f"不存在格式 {mapping['uses']!r}")
    begin = _pattern("begin", mapping.get("begin"))
    if "time" not in begin.groupindex:
        raise _wrong("begin", "needs a group (?P<time>…)", "需要包含命名组 (?P<time>…)")
    fields = {**_table("fields", base.get("fields")), **_table("fields", mapping.get("fields"))}
    direction = {**_table("direction", base.get("direction")), **_table("direction", mapping.get("direction"))}
    strange = sorted(set(fields) - set(FIELDS))
    if strange:
        raise _wrong(f"fields.{strange[0]}", f"is not a field; known are {', '.join(FIELDS)}", "不是有效字段")
    return LogFormat(
        name=name,
        title=_title(mapping.get("title"), name),
        begin=begin,
        time_format=_time_format(mapping.get("time", AUTO)),
        fields={key: _patterns(f"fields.{key}", value) for key, value in fields.items()},
        received=_words(direction.get("received")),
        sent=_words(direction.get("sent")),
        needs=_needs(mapping.get("needs", ["number"])),
        weight=_weight(mapping.get("weight", 0.5)),
        samples=_samples(mapping.get("samples")),
    )


def _wrong(key: str, en: str, zh: str) -> FormatError:
    return FormatError(Text(f"{key}: {en}.", f"{key}：{zh}。"))


def _pattern(key: str, value: object) -> re.Pattern[str]:
    if not isinstance(value, str) or not value:
        raise _wrong(key, "must be a regular expression", "必须是正则表达式")
    try:
        return compile_safely(value)
    except PatternRefused as refused:
        raise FormatError(Text(f"{key}: {refused.text.en}", f"{key}：{refused.text.zh}")) from refused


def _patterns(key: str, value: object) -> tuple[re.Pattern[str], ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or len(listed) > _MAX_EXPRESSIONS:
        raise _wrong(key, "must be a list of at most 20 expressions", "必须是不超过 20 个表达式的列表")
    return tuple(_pattern(key, item) for item in listed)


def _table(key: str, value: object) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(key, "must be a table", "必须是表")
    return value


def _title(value: object, name: str) -> Text:
    if isinstance(value, dict):
        return Text(str(value.get("en", name))[:200], str(value.get("zh", value.get("en", name)))[:200])
    return Text(str(value)[:200], str(value)[:200]) if value else Text(name, name)


def _words(value: object) -> re.Pattern[str] | None:
    if not value:
        return None
    if not isinstance(value, list) or not all(isinstance(word, str) and 0 < len(word) <= 40 for word in value):
        raise _wrong("direction", "must be lists of words", "必须是词语列表")
    return re.compile("|".join(_as_expression(word) for word in value[:100]), re.IGNORECASE)


def _as_expression(word: str) -> str:
    """A word may stand in a longer one (`recv` in `recvThread`), but two letters say nothing inside another word."""
    escaped = re.escape(word)
    return rf"\b{escaped}\b" if len(word) <= _SHORT and word.isascii() and word.isalnum() else escaped


def _time_format(value: object) -> str:
    if not isinstance(value, str) or len(value) > 100:
        raise _wrong("time", 'must be "auto", "epoch" or a strptime format', "必须是 auto、epoch 或 strptime 格式")
    return value


def _needs(value: object) -> tuple[str, ...]:
    known = {*FIELDS, "identity"}
    if not isinstance(value, list) or not all(item in known for item in value):
        raise _wrong("needs", f"must be a list out of {', '.join(sorted(known))}", "必须是有效字段的列表")
    return tuple(value)


def _weight(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _wrong("weight", "must be a number from 0 to 1", "必须是 0 到 1 之间的数")
    return float(value)


def _samples(value: object) -> tuple[Sample, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(
        isinstance(item, dict) and isinstance(item.get("line"), str) for item in value
    ):
        raise _wrong("samples", "must be tables with a line", "每个样例必须包含 line")
    return tuple(Sample(item["line"], _table("samples.expect", item.get("expect"))) for item in value)
