"""Text bytes lead back to the stored file whatever it was encoded in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.parsers.log_text import TextStream, decode, wide_codec

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff\x00\r\n"), max_size=60)


def split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(TEXT, st.sampled_from(["utf-16-le", "utf-16-be"]), st.integers(1, 50))
def test_utf16_offsets_lead_to_the_stored_bytes(text: str, codec: str, size: int) -> None:
    text = f"[2024-05-06 07:08:09] a\n{text}\n[2024-05-06 07:08:10] b\n" * 3
    stream = TextStream(split("\ufeff".encode(codec) + text.encode(codec), size))
    assert b"".join(stream).decode() == text
    for at in (0, len(text) // 2, len(text) - 1):
        offset = len(text[:at].encode())
        assert stream.file_offset(offset) == 2 + len(text[:at].encode(codec))


@given(st.lists(TEXT.filter(bool), min_size=1, max_size=5), st.integers(1, 50))
def test_utf8_is_passed_on_as_it_stands(lines: list[str], size: int) -> None:
    data = "\n".join(lines).encode()
    if wide_codec(data) is not None:
        return
    assert b"".join(TextStream(split(data, size))) == data


def test_every_encoding_of_a_mixture_is_named() -> None:
    utf8, gbk = "编码一\n".encode(), "编码二\n".encode("gb18030")
    for data, name in [
        (b"abc\n", "ascii"),
        (utf8, "utf-8"),
        (b"\xef\xbb\xbf" + utf8, "utf-8-sig"),
        (gbk, "gb18030"),
        (utf8 * 20 + gbk, "mixed: gb18030, utf-8"),
    ]:
        stream = TextStream([data])
        list(stream)
        assert stream.encoding == name


def test_a_character_cut_between_blocks_is_no_other_encoding() -> None:
    data = "[2024] 安全认证\n".encode() * 100
    for size in (1, 7, 100):
        stream = TextStream(split(data, size))
        list(stream)
        assert stream.encoding == "utf-8"


@pytest.mark.parametrize(
    ("raw", "text"),
    [("认证".encode(), "认证"), ("认证".encode("gbk"), "认证"), ("认证".encode()[:-1], "认"), (b"a\xff", "a\ufffd")],
)
def test_single_texts_are_decoded_by_what_they_are(raw: bytes, text: str) -> None:
    assert decode(raw) == text
