"""One record of a server log while its lines come in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.core.parsers.inode_phrases import BODY
from app.core.parsers.log_text import decode
from app.core.parsers.safe_pattern import MAX_MATCHED_CHARACTERS


@dataclass(slots=True)
class ServerRecord:
    begin: re.Match[str]
    line: int
    offset: int
    raw: bytes | bytearray  # bytes as long as it has but one line, as most have
    has_words: bool  # whether a message may be in it
    has_open_body: bool = False
    is_closed: bool = False  # a blank line came: text after it is nobody's

    def expect_more(self) -> None:
        if isinstance(self.raw, bytes):
            self.note_body(self.raw)
            self.raw = bytearray(self.raw)

    def add(self, raw: bytes) -> None:
        self.raw += b"\n" + raw
        self.note_body(raw)

    def note_body(self, raw: bytes) -> None:
        """Asked of each line once: a record can be long, and blank lines many."""
        if b"</data>" in raw:
            self.has_open_body = False
        elif b"<data" in raw:
            self.has_open_body = True

    def further_lines(self) -> str:
        """Those after the first one, up to the body."""
        head_end = self.raw.find(b"\n")
        if head_end < 0:
            return ""
        body = BODY.search(self.raw)
        end = body.start() if body else head_end + MAX_MATCHED_CHARACTERS
        return " " + decode(bytes(self.raw[head_end:end])).strip()
