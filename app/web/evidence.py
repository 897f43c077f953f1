"""The drawer: the log line or the frame behind a claim, read from the stored file when somebody asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi import Request
from sqlalchemy.orm import Session

from app.captures.blocks import CutStream, read_blocks
from app.captures.capture import CaptureError
from app.captures.frame_details import DissectedField
from app.captures.frames import dissect_frame, frame_bytes
from app.core.records import Text
from app.db import source_queries
from app.db.results import SourceRow
from app.errors import AppError
from app.storage import Storage
from app.web.log_window import LogLine, read_window

AROUND, MOST_AROUND = 12, 400
HEX_WIDTH = 16
_OWN_NUMBER = re.compile(r"^(Frame |Frame Number: )1(?=[:,]|$)")
MOST_HEX = 4_096  # bytes of a frame that are printed


@dataclass(frozen=True, slots=True)
class HexRow:
    offset: str
    hex: str
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    text: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Layer:
    title: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Drawer:
    """What the drawer shows: `lines` of a log, or the `layers` and bytes of a frame, or the `problem` with either."""

    source: str
    line: int | None = None
    frame: int | None = None
    kind: str = ""
    problem: Text | None = None
    lines: list[LogLine] | None = None
    around: int = AROUND
    encoding: str = ""
    layers: tuple[Layer, ...] = ()
    hex: tuple[HexRow, ...] = ()
    hidden_bytes: int = 0


def drawer_of(request: Request, db: Session, analysis_id: int) -> Drawer | None:
    """What the address asks for by `src` and `line` or `frame`; None where it asks for nothing."""
    query = request.query_params
    path, line, frame = query.get("src"), _number(query.get("line")), _number(query.get("frame"))
    if path is None or (line is None and frame is None):
        return None
    source = source_queries.source_by_path(db, analysis_id, path)
    if source is None or not source.sha256:
        return Drawer(path, line, frame, problem=Text("This file is not part of the case.", "该文件不属于此案例。"))
    storage: Storage = request.app.state.storage
    try:
        if line is not None:
            return log_drawer(storage, source, line, min(_number(query.get("around")) or AROUND, MOST_AROUND))
        assert frame is not None
        return frame_drawer(storage, source, frame)
    except AppError as error:
        return Drawer(path, line, frame, source.kind, error.text)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and int(text[:18]) > 0 else None


def log_drawer(storage: Storage, source: SourceRow, line: int, around: int) -> Drawer:
    lines, encoding = read_window(_until_cut(storage, source.sha256), line, around)
    if not any(item.number == line for item in lines):
        reason = Text(f"The file has no line {line}.", f"该文件没有第 {line} 行。")
        return Drawer(source.path, line, kind=source.kind, problem=reason)
    return Drawer(source.path, line, kind=source.kind, lines=lines, around=around, encoding=source.encoding or encoding)


def _until_cut(storage: Storage, sha256: str) -> Iterator[bytes]:
    """The file's bytes, unpacked where a single file was compressed; a cut archive ends where the cut is."""
    try:
        yield from read_blocks(storage.local(sha256))
    except CutStream:
        return


def frame_drawer(storage: Storage, source: SourceRow, frame: int) -> Drawer:
    path = storage.local(source.sha256)
    try:
        raw = frame_bytes(path, frame)
        layers = tuple(
            Layer(_numbered(layer.showname, frame), tuple(_flat(layer.fields, frame)))
            for layer in dissect_frame(path, frame)
        )
    except CaptureError as error:
        # The stored file is named by its hash; the reader knows it by its name.
        named = Text(*(text.replace(path.name, source.path) for text in (error.text.en, error.text.zh)))
        return Drawer(source.path, frame=frame, kind=source.kind, problem=named)
    hidden = max(0, len(raw) - MOST_HEX)
    return Drawer(
        source.path,
        frame=frame,
        kind=source.kind,
        layers=layers,
        hex=tuple(hex_rows(raw[:MOST_HEX])),
        hidden_bytes=hidden,
    )


def _numbered(text: str, frame: int) -> str:
    """tshark dissects the frame alone and counts it as the first; the reader asked for it by its number in the file."""
    return _OWN_NUMBER.sub(rf"\g<1>{frame}", text)


def _flat(fields: Iterable[DissectedField], frame: int, depth: int = 0) -> Iterator[Field]:
    """The tree of fields as lines with their depth."""
    for field in fields:
        yield Field(_numbered(field.showname or field.name, frame), depth)
        yield from _flat(field.fields, frame, depth + 1)


def hex_rows(raw: bytes) -> Iterator[HexRow]:
    """The usual dump: offset, bytes in two groups of eight, printable characters."""
    for at in range(0, len(raw), HEX_WIDTH):
        row = raw[at : at + HEX_WIDTH]
        first, second = row[:8].hex(" "), row[8:].hex(" ")
        text = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in row)
        yield HexRow(f"{at:04x}", f"{first:<23}  {second:<23}", text)
