"""Identifiers replaced where they stand."""

from __future__ import annotations

import re

from app.core.anonymise.addresses import AddressMap
from app.core.anonymise.names import NameMap
from app.core.anonymise.text import TextMap


def masked(text: str, users: tuple[str, ...] = (), ids: tuple[str, ...] = (), words: tuple[str, ...] = ()) -> str:
    names = NameMap()
    names.learn(users, (), words, ids)
    return TextMap(names, AddressMap(b"k" * 32)).replace(text)


def test_digests_stay_digests_and_equal_ones_equal() -> None:
    digest = "d41d8cd98f00b204e9800998ecf8427e"
    new = masked(f"{digest} and {digest.upper()}")
    first, second = new.split(" and ")
    assert digest not in new.lower()
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert second == first.upper()


def test_guids_and_sids_keep_their_shape() -> None:
    new = masked("{6F9619FF-8B86-D011-B42D-00CF4FC964FF} S-1-5-21-3623811015-3361044348-30300820-1013")
    assert re.fullmatch(r"\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\} S-1-5-21-\d{10}-\d{10}-\d{8}-\d{4}", new)
    assert "6F9619FF" not in new
    assert "3623811015" not in new


def test_domains_keep_their_end() -> None:
    new = masked("mail to wangwu@mail.contoso.com via www.contoso.com")
    assert new.endswith(".com")
    assert "contoso" not in new
    assert "wangwu" not in new
    host = new.split("@")[1].split(" ")[0]
    assert host.split(".")[1] == new.split("www.")[1].split(".")[0]


def test_ids_of_checks_differ_by_their_capitals() -> None:
    new = masked("eventSeqID=HtSgg9gf eventSeqID=htsgg9gf", ids=("HtSgg9gf", "htsgg9gf")).split()
    assert new[0] != new[1]
    assert "gg9gf" not in "".join(new)


def test_a_short_id_is_replaced_only_where_it_is_called_so() -> None:
    assert masked("eventSeqID=123 and 123 bytes", ids=("123",)) == "eventSeqID=001 and 123 bytes"


def test_names_of_other_scripts_are_replaced_by_letters_as_long() -> None:
    for name in ("Иванов", "Müller", "山田たろう", "김철수"):
        new = masked(f"<{name}>", users=(name,))
        assert name not in new
        assert len(new.encode()) == len(f"<{name}>".encode())


def test_the_words_of_a_log_stay() -> None:
    text = "[2026-11-23 16:52:29] [DtlCmn] [1394] SecPkt secPushInner: out-pkt [1] iMCV700R003B04D016SP01 KB3990486"
    assert masked(text, users=("8264101@OMR",)) == text
