import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from app.reports.wrapping import wrapped


def test_chinese_is_broken_anywhere_but_not_before_a_comma() -> None:
    text = "服务器因此无法重组。结论确定：两点当时均在抓包，缺失部分在 fwout 可见（4 个）。"
    lines = list(wrapped(text, 20))
    assert lines == ["服务器因此无法重组。", "结论确定：两点当时均", "在抓包，缺失部分在", "fwout 可见（4 个）。"]


def test_english_is_broken_between_words() -> None:
    assert list(wrapped("first fragments pass, the others do not", 16)) == [
        "first fragments",
        "pass, the others",
        "do not",
    ]


@given(st.text(alphabet="ab 中文，。（）", max_size=60), st.integers(4, 30))
def test_nothing_is_lost(text: str, width: int) -> None:
    assert "".join(wrapped(text, width)).replace(" ", "") == text.replace(" ", "")


@given(st.lists(st.text(alphabet="ab中文", min_size=1, max_size=4), max_size=20), st.integers(8, 30))
def test_no_line_is_longer_than_the_terminal(words: list[str], width: int) -> None:
    assert all(cell_len(line) <= width for line in wrapped(" ".join(words), width))


@pytest.mark.parametrize("text", ["", "   "])
def test_nothing_is_one_empty_line_or_none(text: str) -> None:
    assert "".join(wrapped(text, 10)) == ""
