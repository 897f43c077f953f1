"""Facts of a log explained in both languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.meaning import (
    MESSAGE_TYPES,
    NOTICES,
    RESULT_CODES,
    describe_policy,
    describe_sizes,
    explain_notice,
    explain_result,
    fragment_sizes,
    proxy_address,
)
from app.core.policy_attributes import ATTRIBUTES, VALUE_WORDS
from app.core.records import Text

EVERY_TEXT = [
    *(attribute.meaning for attribute in ATTRIBUTES),
    *VALUE_WORDS.values(),
    *MESSAGE_TYPES.values(),
    *RESULT_CODES.values(),
    *(notice.meaning for notice in NOTICES),
]


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


@pytest.mark.parametrize("text", EVERY_TEXT)
def test_every_text_exists_in_both_languages(text: Text) -> None:
    assert text.en and not is_chinese(text.en)
    assert is_chinese(text.zh)


def test_a_policy_is_decoded_and_unknown_attributes_are_shown_as_they_are() -> None:
    items = {
        item.name: item
        for item in describe_policy(
            [
                ("damProxyIp", "2886992649"),
                ("heartBeatInterval", "600"),
                ("patchLevel", "Critical,monitor;Low,remind"),
                ("checkList", "Virus-Def-Version;Windows"),
                ("antiProxy", "true"),
                ("newThing", "42"),
                ("damProxyIp", "no"),
            ]
        )
    }
    assert items["heartBeatInterval"].shown == Text("600 s", "600 秒")
    assert items["patchLevel"].shown.en == "critical: monitor only; low: remind the user"
    assert items["checkList"].shown.zh == "病毒库版本、Windows 补丁"
    assert items["antiProxy"].shown == Text("yes", "是") and items["antiProxy"].is_from_name
    assert items["newThing"].meaning is None and items["newThing"].shown.en == "42"
    assert items["damProxyIp"].shown.en == "no"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("2886992649", "172.20.3.9"),
        ("1", "0.0.0.1"),
        ("0", None),
        ("4294967296", None),
        ("", None),
        ("-1", None),
        ("٣", None),
    ],
)
def test_the_proxy_address_is_a_decimal_integer(value: str, address: str | None) -> None:
    assert proxy_address(value) == address


@given(st.integers(0, 60_000), st.integers(576, 9_200), st.sampled_from([4, 6]))
def test_fragments_carry_the_payload_whole_and_fit_the_mtu(payload: int, mtu: int, version: int) -> None:
    sizes = fragment_sizes(payload, mtu, version)
    assert sum(sizes) == payload + 8
    headers = {4: 20, 6: 40 if len(sizes) == 1 else 48}[version]
    assert all(size + headers <= mtu for size in sizes)
    assert all(size % 8 == 0 for size in sizes[:-1])
    assert (len(sizes) == 1) == (payload <= mtu - {4: 28, 6: 48}[version])


@pytest.mark.parametrize(
    ("plain", "deflated", "band", "fragments"),
    [
        (1444, 600, "small", 1),
        (1445, 600, "fragmented", 2),
        (3000, 1300, "fragmented", 3),
        (3001, 1300, "compressed", 3),
        (3600, 1500, "compressed-fragmented", 3),
        (3001, None, "over-threshold", 3),
    ],
)
def test_sizes_lie_in_one_of_the_bands(plain: int, deflated: int | None, band: str, fragments: int) -> None:
    sizes = describe_sizes(plain, deflated)
    assert (sizes.band, len(sizes.fragments)) == (band, fragments)
    assert sizes.unfragmented_limit_bytes == 1472 and sizes.would_compress == (plain > 3000)
    assert str(sizes.payload_bytes) in sizes.summary.en or str(plain) in sizes.summary.en


def test_limits_follow_the_mtu_the_header_and_the_ip_version() -> None:
    assert describe_sizes(1400, None, mtu=1400).band == "fragmented"
    assert describe_sizes(1450, None, header_bytes=14).band == "small"
    assert describe_sizes(1440, None, ip_version=6).unfragmented_limit_bytes == 1452
    with pytest.raises(ValueError, match="carries no IP"):
        describe_sizes(1, None, mtu=40)


def test_result_codes_without_documentation_are_named_so() -> None:
    assert explain_result(0) == RESULT_CODES[0]
    assert "9" in explain_result(9).en and "9" in explain_result(9).zh


@pytest.mark.parametrize(
    ("sentence", "word", "is_passed"),
    [
        ("安全认证失败，未收到策略服务器回应。即将强行下线", "no answer", False),
        ("安全检查通过", "passed", True),
        ("安全检查未通过，请修复后重新认证", "not allow", False),
        ("8021X authentication success, 身份认证成功", "identity authentication succeeded", None),
        ("Security check failed", "not allow", False),
        ("策略代理服务器地址无效", "proxy", False),
        ("心跳超时，强制下线", "heartbeats", False),
        ("No response from policy server", "no answer", False),
    ],
)
def test_sentences_for_the_user_are_explained_by_their_most_telling_part(
    sentence: str, word: str, is_passed: bool | None
) -> None:
    notice = explain_notice(sentence)
    assert notice is not None and word in notice.meaning.en and notice.is_passed is is_passed


def test_other_sentences_are_not_explained() -> None:
    assert explain_notice("link up, speed 1000") is None
