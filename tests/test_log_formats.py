"""Formats are loaded from folders, and a broken file costs nothing but itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.parsers.log_format import FormatError
from app.log_formats import format_from_text, format_problems, load_formats

MINE = """
name = "mine"
uses = "generic"
begin = '^(?P<time>\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d) MINE (?P<text>.*)'
"""


def test_the_product_has_two_formats() -> None:
    assert [item.name for item in load_formats()] == ["generic", "family"]
    assert format_problems() == ()


def test_a_folder_adds_and_replaces_formats(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    (tmp_path / "own-family.toml").write_text(MINE.replace('"mine"', '"family"'))
    formats = {item.name: item for item in load_formats((tmp_path,))}
    assert set(formats) == {"generic", "family", "mine"}
    assert "MINE" in formats["family"].begin.pattern
    assert formats["mine"].fields["mac"] == formats["generic"].fields["mac"]


def test_a_broken_file_is_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("name = ")
    (tmp_path / "b.toml").write_text(MINE.replace("(?P<text>.*)", "(a+)+(?P<text>.*)"))
    (tmp_path / "c.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "d.toml").write_text(MINE)
    assert "mine" in {item.name for item in load_formats((tmp_path,))}
    problems = format_problems((tmp_path,))
    assert [problem.path.name for problem in problems] == ["a.toml", "b.toml", "c.toml"]
    assert "repetition inside a repetition" in problems[1].text.en


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    assert "mine" in {item.name for item in load_formats((tmp_path,))}
    (tmp_path / "mine.toml").write_text(MINE.replace('"mine"', '"yours!"').replace("!", ""))
    assert "yours" in {item.name for item in load_formats((tmp_path,))}


def test_a_pasted_format_is_built_with_the_products_fields() -> None:
    assert format_from_text(MINE).fields["mac"]
    with pytest.raises(FormatError):
        format_from_text("begin = 3")


def test_a_folder_that_does_not_exist_adds_nothing(tmp_path: Path) -> None:
    assert len(load_formats((tmp_path / "none",))) == 2
