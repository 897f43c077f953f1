"""Output of network devices, pasted or uploaded, as evidence: fragments that a firewall saw, counters before and after.

How a line looks is told by formats (TOML files in `app/formats/devices/`), never by this code. A sample that the tests
hold against `comware_vfr.toml`:

    *May 10 17:54:21:328 2000 FW1 VFR/7/IPVFR_DEBUG_COMMON:
    vfr_rcv: fragment, target_ip_addr: 10.1.1.1, sender_ip_addr: 10.1.1.2, id: 54, offset: 0, len: 1500.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from app.core.records import NS, Locator

LONGEST_LINE = 2_000  # longer ones are no device output; also bounds what a pattern may cost
IPV4_HEADER_BYTES = 20


class DeviceRecordKind(StrEnum):
    FRAGMENT = "fragment"  # a fragment that the device received
    INCOMPLETE = "incomplete"  # the device waits for a fragment that did not come
    COMPLETE = "complete"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """One fact that a device tells. `scope` names what a counter belongs to: interface, ACL, section.

    `offset_bytes` and `length_bytes` are of the datagram's payload, without the IP header. `reading` counts from 0 how
    often this counter was read.
    """

    locator: Locator
    kind: DeviceRecordKind
    device: str = ""
    time_ns: int | None = None
    source_ip: str | None = None
    destination_ip: str | None = None
    identification: int | None = None
    offset_bytes: int | None = None
    length_bytes: int | None = None
    scope: str = ""
    name: str = ""
    value: int | None = None
    reading: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What one file told. `lines` were read, `used_lines` of them gave a record or its context."""

    source: str
    format: str
    lines: int
    used_lines: int
    records: tuple[DeviceRecord, ...]


@dataclass(frozen=True, slots=True)
class DeviceFormat:
    """How one kind of device output is read.

    `signs`: patterns of which one shows that this format fits. `join`: how a record begins; lines that do not begin so
    continue the one before. `context`: patterns whose named groups hold for the lines that follow.
    `records`: (kind, pattern) with named groups out of the fields of `DeviceRecord`.
    """

    name: str
    description: dict[str, str]
    signs: tuple[re.Pattern[str], ...]
    join: re.Pattern[str] | None
    context: tuple[re.Pattern[str], ...]
    records: tuple[tuple[DeviceRecordKind, re.Pattern[str]], ...]
    offset_unit_bytes: int = 1
    length_includes_header: bool = False
    sample: str = ""

    @classmethod
    def from_mapping(cls, raw: Mapping[str, object]) -> DeviceFormat:
        """Raises ValueError with the key at fault."""
        try:
            return cls(
                name=_text(raw, "name"),
                description={str(k): str(v) for k, v in _table(raw, "description").items()},
                signs=tuple(re.compile(p) for p in _texts(raw, "signs")),
                join=re.compile(_text(raw, "join")) if "join" in raw else None,
                context=tuple(re.compile(p) for p in _texts(raw, "context")),
                records=tuple(
                    (DeviceRecordKind(_text(row, "kind")), re.compile(_text(row, "pattern")))
                    for row in _rows(raw, "record")
                ),
                offset_unit_bytes=int(str(raw.get("offset_unit_bytes", 1))),
                length_includes_header=bool(raw.get("length_includes_header", False)),
                sample=str(raw.get("sample", "")),
            )
        except re.error as error:
            raise ValueError(f"device format: bad pattern {error.pattern!r}: {error}") from error


def _text(raw: Mapping[str, object], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str):
        raise ValueError(f"device format: {key} must be text")
    return value


def _texts(raw: Mapping[str, object], key: str) -> list[str]:
    value = raw.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"device format: {key} must be a list of texts")
    return value


def _table(raw: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = raw.get(key, {})
    if not isinstance(value, Mapping):
        raise ValueError(f"device format: {key} must be a table")
    return value


def _rows(raw: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    value = raw.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise ValueError(f"device format: {key} must be a list of tables")
    return value


# What device output has in common: a prompt with a command, or a line of the information centre.
_COMMON_SIGNS = re.compile(
    r"^[<\[][\w.-]+[>\]]\s*(?:dis|debugging|reset)\w*\b|vfr_rcv:|vfr_operation:"
    r"|^\s*Totally \d+ packets? permitted|^\s*Reassembling:",
    re.MULTILINE | re.IGNORECASE,
)


def sniff_device_output(head: bytes, formats: Sequence[DeviceFormat] = ()) -> float:
    """How sure it is that these first bytes are the output of a network device, 0 … 1."""
    text = _decode(head)
    if "\x00" in text:
        return 0.0
    if any(sign.search(text) for form in formats for sign in form.signs):
        return 0.9
    return 0.7 if _COMMON_SIGNS.search(text) else 0.0


def parse_device_output(
    blocks: Iterable[bytes], source: str, formats: Sequence[DeviceFormat]
) -> tuple[DeviceFacts, ...]:
    """Reads one file with every format that recognises it, for one paste may hold several commands. Never raises."""
    lines = _decode(b"".join(blocks)).splitlines()
    text = "\n".join(line[:LONGEST_LINE] for line in lines)
    fitting = [form for form in formats if any(sign.search(text) for sign in form.signs)]
    return tuple(_Reader(form, source).read(lines) for form in fitting)


def _decode(raw: bytes) -> str:
    """Device output is ASCII; interface descriptions may hold Chinese in the terminal's own encoding."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", errors="replace")


@dataclass(slots=True)
class _Reader:
    form: DeviceFormat
    source: str
    context: dict[str, str] = field(default_factory=dict)
    readings: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def read(self, lines: Sequence[str]) -> DeviceFacts:
        records: list[DeviceRecord] = []
        used = 0
        for number, count, text in self._joined(lines):
            is_context = self._learn(text)
            found = list(self._records(text, number))
            records.extend(found)
            used += count if found or is_context else 0
        return DeviceFacts(self.source, self.form.name, len(lines), used, tuple(records))

    def _joined(self, lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
        """(first line, how many lines, text)"""
        if self.form.join is None:
            yield from ((number, 1, line[:LONGEST_LINE]) for number, line in enumerate(lines, start=1))
            return
        start, parts = 1, list[str]()
        for number, line in enumerate(lines, start=1):
            begins = self.form.join.search(line[:LONGEST_LINE]) is not None
            if begins or not line.strip():
                if parts:
                    yield start, len(parts), " ".join(parts)[:LONGEST_LINE]
                start, parts = number, []
            if line.strip():
                if not parts:
                    start = number
                parts.append(line.strip())
        if parts:
            yield start, len(parts), " ".join(parts)[:LONGEST_LINE]

    def _learn(self, text: str) -> bool:
        found = False
        for pattern in self.form.context:
            match = pattern.search(text)
            if match:
                found = True
                self.context.update({k: v.strip() for k, v in match.groupdict().items() if v is not None})
        return found

    def _records(self, text: str, line: int) -> Iterator[DeviceRecord]:
        for kind, pattern in self.form.records:
            for match in pattern.finditer(text):
                yield self._record(kind, {**self.context, **_given(match)}, text, line)

    def _record(self, kind: DeviceRecordKind, said: dict[str, str], text: str, line: int) -> DeviceRecord:
        scope = " ".join(said[k] for k in ("interface", "direction", "acl", "section") if said.get(k))
        name = " ".join(said.get("name", "").split())
        reading = 0
        if kind is DeviceRecordKind.COUNTER:
            key = (said.get("device", ""), scope, name)
            reading = self.readings.get(key, -1) + 1
            self.readings[key] = reading
        offset, length = _number(said.get("offset")), _number(said.get("length"))
        if length is not None and self.form.length_includes_header:
            length = max(0, length - IPV4_HEADER_BYTES)
        return DeviceRecord(
            locator=Locator(self.source, line=line),
            kind=kind,
            device=said.get("device", ""),
            time_ns=_time_ns(said),
            source_ip=said.get("source_ip"),
            destination_ip=said.get("destination_ip"),
            identification=_number(said.get("identification")),
            offset_bytes=None if offset is None else offset * self.form.offset_unit_bytes,
            length_bytes=length,
            scope=scope,
            name=name,
            value=_number(said.get("value")),
            reading=reading,
            text=text[:300],
        )


def _given(match: re.Match[str]) -> dict[str, str]:
    return {key: value for key, value in match.groupdict().items() if value is not None}


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(text, 16) if text.lower().startswith("0x") else int(text)
    except ValueError:
        return None


_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, start=1)}


def _time_ns(said: Mapping[str, str]) -> int | None:
    """`May 10 17:54:21:328 2000`: the device's own clock, read as if it were UTC."""
    parts = said.get("month"), said.get("day"), said.get("clock"), said.get("year")
    if not all(parts):
        return None
    month, day, clock, year = (part or "" for part in parts)
    try:
        hour, minute, second, *rest = (int(part) for part in re.split(r"[:.]", clock))
        moment = datetime(int(year), _MONTHS[month], int(day), hour, minute, second, tzinfo=UTC)
    except (ValueError, KeyError):
        return None
    return int(moment.timestamp()) * NS + (rest[0] if rest else 0) * 1_000_000
