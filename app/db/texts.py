"""What PostgreSQL cannot hold, made holdable; and core objects as plain JSON and back."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter

from app.core.records import Text

Built = TypeVar("Built")
_MAX = 2**63 - 1
LONGEST_NAME = 600  # characters; an index takes 2,704 bytes
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def clean(text: str) -> str:
    """`text` without NUL and lone surrogates, which damaged logs have and a UTF-8 database refuses."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def clean_or_none(text: str | None) -> str | None:
    return None if text is None else clean(text)


def clean_name(text: str | None) -> str | None:
    """A user, MAC or event id out of a log, which can claim a megabyte: cut to what an index can hold."""
    return None if text is None else clean(text[:LONGEST_NAME])


def whole(number: int | None) -> int | None:
    """`number` if a bigint can hold it; a log or a capture can claim any number."""
    return number if number is None or -_MAX <= number <= _MAX else None


def text_rows(texts: tuple[Text, ...]) -> list[dict[str, str]]:
    """Sentences as a JSON column keeps them."""
    return [{"en": clean(text.en), "zh": clean(text.zh)} for text in texts]


def texts(rows: list[dict[str, str]]) -> tuple[Text, ...]:
    """And back."""
    return tuple(Text(row["en"], row["zh"]) for row in rows)


def to_json(value: object) -> str:
    """JSON text of plain values, cleaned throughout; hardly any needs it, so that is looked at first."""
    try:
        text = _dump(value)
        if "\\u0000" not in text and clean(text) == text:
            return text
    except ValueError:  # infinite, or not a number
        pass
    return _dump(_clean_deep(value))


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def plain(value: Any) -> Any:
    """A core dataclass as dicts and lists."""
    return _adapter(type(value)).dump_python(value, mode="json")


def built(kind: type[Built], value: Any) -> Built:
    """The core object of `kind` that `plain` was made of."""
    result: Built = _adapter(kind).validate_python(value)
    return result


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Building one takes milliseconds, using one microseconds."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def _clean_deep(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _clean_deep(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean_deep(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
