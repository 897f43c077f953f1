"""One server-log format, built from a parsed TOML file: how a record begins, its time, its fields, its own samples."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.core.parsers.log_times import AUTO
from app.core.parsers.safe_pattern import PatternRefused, compile_safely
from app.core.records import Text

FIELDS = ("thread", "level", "direction", "number", "message_id", "user", "mac", "event_id", "peer", "size")
_KEYS = {"name", "title", "begin", "time", "uses", "needs", "weight", "fields", "direction", "samples"}
_NAME = re.compile(r"[\w.-]{1,64}")
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
