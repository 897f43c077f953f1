"""Addresses and ports that are known to be translated to each other."""

from __future__ import annotations

from app.core.network.groups import Group, Level
from app.core.network.translated_ends import TranslatedEnds
from tests.core.net_world import PORT, SERVER, Sent, message
from tests.core.network.test_matching import OUTSIDE, capture, datagram


def single(number: int, sent: Sent) -> Group:
    (seen,) = capture(number, sent)
    return Group((seen,))


def translated(inside: Sent, outside: Sent) -> Group:
    group = single(0, inside)
    group.take(single(1, outside), Level.TRANSLATED, 2655)
    return group


def answer(to: str, port: int) -> Sent:
    return Sent(0, SERVER, to, PORT, port, message(4, 1, 76), 8)


KNOWN = TranslatedEnds([translated(datagram(), datagram(source=OUTSIDE, port=61_000))])


def test_what_was_found_translated_once_is_known_both_ways() -> None:
    assert KNOWN.join(single(0, datagram(5)), single(1, datagram(5, source=OUTSIDE, port=61_000)))
    assert KNOWN.join(single(0, answer("10.1.1.1", 40_001)), single(1, answer(OUTSIDE, 61_000)))


def test_another_terminal_behind_the_same_address_is_not() -> None:
    assert not KNOWN.join(single(0, datagram(5)), single(1, datagram(5, source=OUTSIDE, port=61_001)))
    assert not KNOWN.join(
        single(0, datagram(5, source="10.1.1.2")), single(1, datagram(5, source=OUTSIDE, port=61_000))
    )


def test_the_same_addresses_need_no_translation() -> None:
    assert TranslatedEnds([]).join(single(0, datagram(5)), single(1, datagram(5)))
