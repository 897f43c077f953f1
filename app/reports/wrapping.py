"""Lines of a width on a terminal. Chinese may be broken between any two characters, but not before a comma."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len

_OPENING, _CLOSING, _HAN = "（【《“‘「", "，。、；：！？）】》”’」", "\u3400-\u9fff\uf900-\ufaff"
# What is not broken: a word, or one Chinese character, with the signs that belong to it.
_UNIT = re.compile(rf"\s+|[{_OPENING}]*(?:[{_HAN}]|[^\s{_HAN}{_OPENING}{_CLOSING}]+)[{_CLOSING}]*|\S")


def wrapped(text: str, width: int) -> Iterator[str]:
    line = ""
    for unit in _UNIT.findall(text):
        if line and cell_len(line + unit.rstrip()) > width:
            yield line.rstrip()
            line = unit.lstrip()
        else:
            line += unit
    if line.strip() or not text:
        yield line.rstrip()
