"""Bodies are read without an XML parser."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.parsers.body import BodyReader, normal_mac, read_body


def test_fields_are_kept_in_order_with_repeated_and_empty_ones() -> None:
    body = read_body(b'<data><i n="b">1</i><i n="a"/><i n="b">2</i><i n="c"></i></data>')
    assert body.fields == (("b", "1"), ("a", ""), ("b", "2"), ("c", ""))
    assert body.first("b") == "1" and body.first("x") is None


def test_a_lost_closing_tag_ends_at_the_next_element() -> None:
    body = read_body(b'<data><i n="a">1<i n="b">2</i><i n="c">3</data>')
    assert body.fields == (("a", "1"), ("b", "2"), ("c", "3"))


def test_entities_and_declarations_are_only_text() -> None:
    bomb = b'<data><!DOCTYPE x [<!ENTITY a "&b;&b;">]><i n="a">&a;</i></data>'
    assert read_body(bomb).first("a") == "&a;"


def test_the_patch_list_becomes_a_summary() -> None:
    body = read_body(
        b'<data><i n="checkResult">Windows|10 Pro|0x0804|KB1;KB2;kb1;KB3;KB3</i><i n="checkResult">AV|x</i></data>'
    )
    assert body.check is not None
    assert (body.check.patches, body.check.distinct_patches, body.check.repeated) == (5, 3, ("kb1", "KB3"))
    assert (body.check.system, body.check.language) == ("Windows|10 Pro", "0x0804")
    assert body.check.antivirus == (("AV", "x"),)
    assert ("checkResult", "Windows|10 Pro|0x0804") in body.fields


def test_a_system_without_patches_is_still_a_system() -> None:
    check = read_body(b'<data><i n="checkResult">Windows|10 Pro|0x0804|</i></data>').check
    assert check is not None and (check.system, check.patches) == ("Windows|10 Pro", 0)


@given(st.text(st.characters(codec="utf-8", exclude_characters="<>\r\n\x0b\x0c"), max_size=50))
def test_plain_bytes_count_utf8_whatever_the_log_was_written_in(user: str) -> None:
    text = f'<data><i n="userName">x{user}x</i><i n="n">1</i></data>'
    assert read_body(text.encode()).plain_bytes == len(text.encode())
    assert read_body(text.encode()).first("userName") == f"x{user}x"


def test_gb18030_and_utf8_copies_of_one_body_have_one_digest() -> None:
    text = '<data><i n="userName">张伟</i></data>'
    assert read_body(text.encode()).digest == read_body(text.encode("gb18030")).digest


def test_bodies_that_differ_in_identity_only_share_their_shape() -> None:
    reader = BodyReader()
    first = reader.read(b'<data><i n="userName">a</i><i n="eventSeqID">e1</i><i n="v">1</i></data>')
    second = reader.read(b'<data><i n="userName">bcd</i><i n="eventSeqID">e2</i><i n="v">1</i></data>')
    assert first.shape is second.shape
    bodies = [read.shape.with_identity(read.identity) for read in (first, second)]
    assert bodies[0].digest != bodies[1].digest
    assert bodies[1] == replace(read_body(second.as_mended().text), deflated_bytes=bodies[0].deflated_bytes)


def test_a_value_longer_than_any_real_one_is_cut_not_kept() -> None:
    body = read_body(b'<data><i n="a">' + b"x" * 100_000 + b"</i></data>")
    assert len(body.first("a") or "") < 5_000 and body.plain_bytes > 100_000


@pytest.mark.parametrize(
    "piece", [b"<i ", b"<i n=", b'<i n="a">', b"</i>", b">", b"</data>", b"<data>", b" \n", b"<i\t"]
)
def test_a_body_of_one_piece_repeated_is_read_within_bounds(piece: bytes) -> None:
    assert len(read_body(b"<data>" + piece * 50_000 + b"</data>").fields) <= 2_000


@pytest.mark.parametrize(
    "text", ["00:25:11:e9:55:b9", "0025-11E9-55B9", "00-25-11-E9-55-B9", "002511e955b9", "0025.11e9.55b9"]
)
def test_any_separator_style_of_a_mac_is_understood(text: str) -> None:
    assert normal_mac(text) == "00:25:11:E9:55:B9"


@pytest.mark.parametrize("text", [None, "", "00:25:11:E9:55", "00:25:11:E9:55:BG", "x" * 100])
def test_what_is_no_mac_is_none(text: str | None) -> None:
    assert normal_mac(text) is None


VALUES = st.text("ab1@.]>< \n|é", max_size=8)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES, st.sampled_from(["\n", "\n  ", "", "\r\n"])), min_size=2, max_size=6))
def test_a_body_like_those_before_is_read_as_if_it_were_the_first(written: list[tuple[str, str, str, str]]) -> None:
    reader = BodyReader()
    for user, mac, event, between in written:
        elements = (f'<i n="userName">{user}</i>', f'<i n="hwAddr">{mac}</i>', '<i n="v">Windows</i>',
                    f'<i n="eventSeqID">{event}</i></data>')  # fmt: skip
        raw = between.join(("<data>", *elements)).encode()
        read = reader.read(raw)
        body = read.shape.with_identity(read.identity, read.digest)
        expected = read_body(raw)
        if body.is_exact and expected.is_exact:
            assert body == replace(expected, deflated_bytes=body.deflated_bytes)


def test_a_text_beyond_what_is_held_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.parsers.body.MAX_HELD_BYTES", 10)
    raw = b'<data><i n="userName">a</i><i n="checkResult">Windows|7|0x0804|KB1;KB2</i></data>'
    read = BodyReader().read(raw)
    assert not read.shape.is_held
    body = read.shape.with_identity(read.identity, read.digest)
    monkeypatch.undo()
    assert body == read_body(raw)


def test_what_a_line_says_of_a_terminal_adds_nothing_to_the_size_of_its_body() -> None:
    raw = b'<data><i n="a">b</i></data>'
    assert BodyReader().read(raw).shape.with_identity((b"li.lei", None, b"e1")).plain_bytes == len(raw)
