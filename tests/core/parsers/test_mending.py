"""What a wrap means is decided by where it lies."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.parsers.mending import mend, settle, squeeze

WHOLE = (
    b'<data><i n="userName">wu@hq</i><i n="checkResult">Windows|11 Home Service Pack 3|0x0409|'
    + b";".join(b"KB%d" % number for number in range(5_000_000, 5_000_060))
    + b'</i><i n="AScheckResult"></i></data>'
)


def test_breaks_and_indentation_between_elements_mean_nothing() -> None:
    body = WHOLE.replace(b"><i ", b">\r\n    <i ").replace(b"></data>", b">\r\n</data>")
    assert mend(body).text == WHOLE == re.sub(rb"\s*\r?\n\s*", b"", body)
    assert mend(body).is_exact


def test_a_break_inside_a_patch_list_ate_nothing() -> None:
    broken = WHOLE.replace(b"KB5000012", b"KB50\n00012").replace(b";KB5000030", b";K\nB5000030")
    assert mend(broken).text == WHOLE and mend(broken).is_exact


def test_a_break_inside_a_tag_says_itself_whether_a_space_belongs_there() -> None:
    broken = WHOLE.replace(b'<i n="AS', b'<i\n\nn="AS').replace(b"checkResult", b"check\nResult", 1)
    assert mend(broken).text == WHOLE and mend(broken).is_exact


def test_a_break_between_words_is_unknown_and_guessed() -> None:
    mended = mend(WHOLE.replace(b"Pack 3", b"Pack\n3").replace(b"KB5000012", b"KB5\n000012"))
    assert mended.text == WHOLE
    assert not mended.is_exact and len(mended.unknown) == 1


def test_one_space_left_at_the_break_is_the_space() -> None:
    mended = mend(WHOLE.replace(b"Pack 3", b"Pack \n3").replace(b"KB5000012", b"KB5\n000012"))
    assert mended.text == WHOLE and mended.is_exact


@given(st.integers(2, 200))
def test_a_hard_wrap_ate_nothing(column: int) -> None:
    wrapped = b"\n".join(WHOLE[at : at + column] for at in range(0, len(WHOLE), column))
    mended = mend(wrapped)
    assert mended.text == WHOLE and mended.is_exact


@given(
    st.sets(st.integers(7, len(WHOLE) - 8), min_size=2, max_size=12),
    st.sets(st.integers(7, len(WHOLE) - 8), max_size=12),
)
def test_two_copies_settle_what_only_one_of_them_broke(first: set[int], second: set[int]) -> None:
    copies = [mend(break_at(WHOLE, places)) for places in (first, second - first)]
    if squeeze(copies[0].text) != squeeze(copies[1].text):
        return  # a break in the indentation of a tag was read otherwise: such copies are left alone
    assert settle(copies).text == WHOLE


def break_at(text: bytes, places: set[int]) -> bytes:
    """Breaks before each place, eating a space that lies there."""
    for place in sorted(places, reverse=True):
        text = text[:place].rstrip(b" ") + b"\n" + text[place:].lstrip(b" ")
    return text


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        (b'<data><i n="a">>false</i></data>', b'<data><i n="a">false</i></data>'),
        (b'<data><i n="a">x</i>  \n><i n="b">y</i></data>', b'<data><i n="a">x</i><i n="b">y</i></data>'),
        (b'<data><i n="a">Windows]7</i></data>', b'<data><i n="a">Windows|7</i></data>'),
        (b'<data><i n="a">x</i></data>\n```\n\n<i n="b"></i>\n</data>', b'<data><i n="a">x</i><i n="b"></i></data>'),
        (b'<data><i n="a"/></data>', b'<data><i n="a"/></data>'),
    ],
)
def test_damage_of_copies_is_mended(written: bytes, mended: bytes) -> None:
    assert mend(written).text == mended
    assert mend(written).is_exact


def test_a_body_without_end_is_not_complete() -> None:
    assert not mend(WHOLE[:-7]).is_complete
    assert not mend(WHOLE[:300] + b"\n").is_exact
