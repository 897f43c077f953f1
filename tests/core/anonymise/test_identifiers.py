"""What a text gives away by what stands before it."""

from __future__ import annotations

import pytest

from app.core.anonymise.identifiers import event_ids_in, names_in


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("userName=zhangsan, hwAddr=00:25:11:E9:01:25", "zhangsan"),
        ("login name: lisi.wang", "lisi.wang"),
        ("用户名：王小明 认证失败", "王小明"),
        ('user "wangwu" logged off', "wangwu"),
        (r"profile C:\Users\zhaoliu\AppData\x.log", "zhaoliu"),
        ("read /home/sunqi/iNode/x.log", "sunqi"),
        ("hostName=PC-07 started", "PC-07"),
        ("计算机名: SZ-WS-12", "SZ-WS-12"),
        ("Domain : CONTOSO", "CONTOSO"),
        ('<i n="computerName">SZ-WS-12</i>', "SZ-WS-12"),
        ('<i n="mobile">13800138000</i>', "13800138000"),
    ],
)
def test_a_name_is_known_by_what_stands_before_it(text: str, name: str) -> None:
    assert name in set(names_in(text))


@pytest.mark.parametrize(
    "text",
    [
        "user name: invalid", "login=true", "host=10.1.1.1", "hostName=localhost", "user was not found",
        '<i n="patchCheckMode">Upcast</i>', "userName=", "the domain of the question", "host: 00:25:11:E9:01:25",
    ],
)  # fmt: skip
def test_ordinary_words_and_addresses_are_nobodys_name(text: str) -> None:
    assert set(names_in(text)) == set()


def test_ids_of_checks_are_found_in_logs_and_bodies() -> None:
    text = 'eventSeqID=HtSgg9gf, then <i n="eventSeqID">TNWUVf4u</i> and "eventSeqID": "x"'
    assert set(event_ids_in(text)) == {"HtSgg9gf", "TNWUVf4u"}
