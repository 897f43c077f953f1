from __future__ import annotations

import zlib
from struct import pack

import pytest

from app.core.ead_wire import INFLATED_LIMIT_BYTES, looks_like_ead, read_message

POLICY = b'<data><i n="damProxyIp">365969448</i><i n="damProxyPort">9029</i><i n="eventSeqID">e1</i></data>'
WHO = b'<data><i n="userName">u1@x</i><i n="hwAddr">00-25-11-e9-00-01</i><i n="eventSeqID">e1</i></data>'
RESULT = b'<data><i n="userName">u1@x</i><i n="checkResult">Windows|7|KB1;KB2</i></data>'


def wire(head: int, body: bytes, number: int = 1, message_id: int = 21_429) -> bytes:
    return pack(">IH16sIH", head, 28 + len(body), bytes(16), message_id, number) + body


def test_a_plain_message_gives_header_and_identity() -> None:
    message = read_message(wire(0x000AD877, WHO))
    assert message is not None
    assert (message.number, message.message_id, message.coding, message.header_bytes) == (1, 21_429, "plain", 28)
    assert (message.user, message.mac, message.event_id) == ("u1@x", "00:25:11:E9:00:01", "e1")
    assert message.plain_bytes == len(WHO)


def test_a_compressed_body_is_inflated() -> None:
    message = read_message(wire(0x000AD878, zlib.compress(POLICY), 2))
    assert message is not None
    assert (message.number, message.coding, message.plain_bytes) == (2, "zlib", len(POLICY))
    assert message.event_id == "e1"


def test_the_beginning_of_a_compressed_body_gives_its_fields_but_no_length() -> None:
    body = zlib.compress(WHO.replace(b"</data>", b"") + bytes(range(256)) * 20)
    message = read_message(wire(0x000AD878, body)[:200], len(body) + 28)
    assert message is not None
    assert (message.user, message.plain_bytes) == ("u1@x", None)


def test_an_encrypted_message_says_so_and_no_more() -> None:
    message = read_message(wire(0x000AD879, bytes(range(200)), 3))
    assert message is not None
    assert (message.coding, message.number, message.plain_bytes, message.user) == ("encrypted", 3, None, None)


@pytest.mark.parametrize("header", [0, 8, 14, 40, 63])
def test_a_plain_body_is_found_behind_any_header(header: int) -> None:
    message = read_message(b"\x55" * header + RESULT)
    assert message is not None
    assert (message.header_bytes, message.plain_bytes, message.head_id) == (header, len(RESULT), None)
    assert (message.number, message.reason) == (3, "plain body, number from the body")


def test_a_head_id_with_another_header_gives_no_invented_numbers() -> None:
    message = read_message(pack(">IHII", 0x000AD878, 3, 48_204, 77) + b'<data><i n="other">1</i></data>')
    assert message is not None
    assert (message.number, message.message_id, message.coding) == (None, None, "plain")


def test_zlib_behind_another_header_is_found() -> None:
    message = read_message(pack(">IHII", 0x000AD878, 2, 21_001, 399) + zlib.compress(POLICY))
    assert message is not None
    assert (message.coding, message.header_bytes, message.number) == ("zlib", 14, 2)


@pytest.mark.parametrize(
    ("body", "number"), [(WHO, 1), (POLICY, 2), (RESULT, 3), (b"<data><i n='x'>1</i></data>", None)]
)
def test_the_number_is_told_by_content_only_where_it_is_certain(body: bytes, number: int | None) -> None:
    message = read_message(bytes(10) + body)
    assert message is not None
    assert message.number == number


def test_the_first_fragment_tells_the_length_of_the_whole_plain_body() -> None:
    whole = bytes(14) + RESULT.replace(b"KB2", b"KB2;" * 800)
    message = read_message(whole[:1472], len(whole))
    assert message is not None
    assert message.plain_bytes == len(whole) - 14


def test_a_bomb_is_inflated_to_the_limit_only() -> None:
    message = read_message(wire(0x000AD878, zlib.compress(b"<data>" + bytes(50 * INFLATED_LIMIT_BYTES))))
    assert message is not None
    assert message.plain_bytes is None


@pytest.mark.parametrize("payload", [b"", b"\0", b"GET / HTTP/1.1", b"x" * 90 + b"<data>", b"\0\x0a\xd8\x7a"])
def test_other_traffic_is_not_ead(payload: bytes) -> None:
    assert read_message(payload) is None
    assert not looks_like_ead(payload)
