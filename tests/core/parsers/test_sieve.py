from __future__ import annotations

import random
from struct import pack

import numpy as np
import pytest

from app.core.parsers.capture_file import walker_for
from app.core.parsers.capture_formats import FIRST, LATER, NON_IP, OTHER, TCP, UDP
from app.core.parsers.judging import Judgement
from app.core.parsers.port_roles import port_roles
from app.core.parsers.sieve import sift
from tests import frames

ROLES = port_roles(frozenset({9019, 9029}))
BIG = frames.udp(bytes(2600))


def judge(packets: list[bytes], link_type: int = frames.ETHERNET, snap: int | None = None) -> Judgement:
    octets = frames.pcap(packets, link_type, snap=snap)
    walker = walker_for(octets)
    assert walker is not None
    (batch,) = walker.feed(octets)
    return sift(batch, np.array([link_type]), ROLES)


def kept(packet: bytes, link_type: int = frames.ETHERNET) -> bool:
    return bool(judge([packet], link_type).keep[0])


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (frames.ethernet(bytes(28), 0x0806), NON_IP),
        (frames.ethernet(b"\x42\x42\x03" + bytes(40), 38), NON_IP),
        (frames.ethernet(frames.ipv4(bytes(20), 6)), TCP),
        (frames.ethernet(frames.ipv6(bytes(20), 6)), TCP),
        (frames.ethernet(frames.ipv4(frames.udp(b"dns", 1000, 53))), UDP),
        (frames.ethernet(frames.ipv4(bytes(8), 1)), OTHER),
        (frames.tagged(frames.ipv4(bytes(20), 6), (0x8100, 5), (0x8100, 6)), TCP),
        (frames.ethernet(frames.ipv4(frames.vxlan(frames.ethernet(frames.ipv4(bytes(20), 6))))), TCP),
        (frames.ethernet(frames.ipv4(frames.gre(frames.ipv4(bytes(20), 6)), 47)), TCP),
    ],
)
def test_other_traffic_is_counted_and_let_go(packet: bytes, kind: int) -> None:
    judgement = judge([packet])
    assert (judgement.keep[0], judgement.kind[0]) == (False, kind)


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (frames.ipv4(BIG[:1480], more=True), FIRST),
        (frames.ipv4(BIG[1480:], offset=1480), LATER),
        (frames.fragments_v6(BIG)[0], FIRST),
        (frames.fragments_v6(BIG)[1], LATER),
        (frames.ipv4(frames.udp(b"x", 1, 9029)), UDP),
        (frames.ipv4(frames.udp(pack(">I", 0x000AD879), 1, 2)), UDP),
        (frames.ipv4(frames.udp(bytes(63) + b"<data>", 1, 2)), UDP),
        (frames.ipv4(b"\x0b\x01" + bytes(40), 1), OTHER),
        (frames.ipv4(bytes(20), 97), OTHER),
        (frames.ipv4(b"?", 253), OTHER),
    ],
)
def test_what_may_matter_is_kept(packet: bytes, kind: int) -> None:
    judgement = judge([frames.ethernet(packet)])
    assert (judgement.keep[0], judgement.kind[0]) == (True, kind)


@pytest.mark.parametrize("payload", [bytes(64) + b"<data>", b"<dat", b"\0\x0a\xd8\x7a", b"\0\x0a\xd8", b"<data"])
def test_what_only_resembles_ead_is_let_go(payload: bytes) -> None:
    assert not kept(frames.ethernet(frames.ipv4(frames.udp(payload, 1, 2))))


def test_a_plain_body_at_the_very_end_of_a_block_is_seen() -> None:
    packets = [frames.ethernet(frames.ipv4(frames.udp(bytes(at) + b"<data>", 1, 2))) for at in range(0, 60, 3)]
    for packet in packets:
        assert kept(packet)


@pytest.mark.parametrize("link_type", [frames.PPPOE, frames.WLAN, frames.RADIOTAP, 147, 9999])
def test_a_link_type_that_is_not_known_is_kept_for_tshark(link_type: int) -> None:
    judgement = judge([bytes(60)], link_type)
    assert (judgement.keep[0], judgement.kind[0]) == (True, 0)


def test_a_header_that_is_cut_or_odd_is_kept() -> None:
    whole = frames.ethernet(frames.ipv4(bytes(20), 6))
    assert kept(whole[:30])
    assert kept(frames.ethernet(b"\x15" + bytes(40), 0x0800))
    assert kept(frames.ethernet(b"", 0x0800))
    assert kept(b"\x01")


def test_a_known_port_names_the_service_whichever_is_lower() -> None:
    packets = [(1000, 9019), (9029, 700), (50_000, 53), (53, 50_000)]
    judgement = judge([frames.ethernet(frames.ipv4(frames.udp(b"x", *ports))) for ports in packets])
    assert judgement.port.tolist() == [9019, 9029, 53, 53]


def test_any_octets_are_judged_without_an_error() -> None:
    dice = random.Random(9)
    for link_type in (frames.ETHERNET, frames.RAW_IP, frames.NULL, frames.SLL, frames.SLL2, frames.PPP):
        judge([dice.randbytes(dice.randrange(200)) for _ in range(2000)], link_type)
    starts = (b"\x08\x00\x45", b"\x86\xdd\x60", b"\x81\x00\x00\x05\x08\x00\x45", b"\x88\x47\x00\x00\x01\x40\x45")
    judge([bytes(12) + dice.choice(starts) + dice.randbytes(dice.randrange(150)) for _ in range(4000)])
    for protocol in (4, 17, 41, 47, 44, 51):
        head = bytes.fromhex("45000000000000000000")[:9] + bytes([protocol])
        judge([bytes(12) + b"\x08\x00" + head + dice.randbytes(dice.randrange(120)) for _ in range(1000)])
