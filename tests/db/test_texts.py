"""What a database cannot hold is made holdable, and nothing else is changed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db.texts import clean, clean_name, to_json, whole

ANYTHING = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANYTHING)
def test_cleaned_text_can_be_stored(text: str) -> None:
    cleaned = clean(text)
    assert "\x00" not in cleaned
    cleaned.encode("utf-8")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert clean(text) == text
    assert json.loads(to_json([text, {"key": text}])) == [text, {"key": text}]


@given(st.recursive(ANYTHING | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(ANYTHING, inner)))
def test_cleaned_json_can_be_stored(value: object) -> None:
    text = to_json(value)
    text.encode("utf-8")
    assert "\\u0000" not in text.replace("\\\\", "")
    json.loads(text, parse_constant=pytest.fail)  # no NaN and no infinity, save in words


def test_a_backslash_before_a_number_that_looks_like_an_escape_is_kept() -> None:
    assert json.loads(to_json("C:\\u0000")) == "C:\\u0000"


@pytest.mark.parametrize(("number", "kept"), [(0, 0), (2**63 - 1, 2**63 - 1), (2**63, None), (-(10**30), None)])
def test_numbers_beyond_64_bits_are_not_known(number: int, kept: int | None) -> None:
    assert whole(number) == kept


def test_a_name_of_a_megabyte_is_cut_to_what_an_index_can_hold() -> None:
    assert len((clean_name("安" * 1_000_000) or "").encode()) < 2_704
    assert clean_name("8264101@OMR") == "8264101@OMR" and clean_name(None) is None
