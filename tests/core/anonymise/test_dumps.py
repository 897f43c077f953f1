"""Bytes that a log shows as hexadecimal digits name nobody any more."""

from __future__ import annotations

import re
import zlib
from ipaddress import ip_address
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.anonymise.addresses import AddressMap
from app.core.anonymise.checksums import ones_sum
from app.core.anonymise.dumps import DumpMap
from app.core.anonymise.names import NameMap
from app.core.anonymise.octets import OctetMap
from app.core.anonymise.text import TextMap
from tests.core.anonymise.dump_styles import STYLES, run

USERS = ("8264101@OMR", "zhangsan", "CORP\\lisi.wang", "王小明", "Müller-Lüdenscheidt")
MACS = ("3C:52:82:48:01:01", "A0:B1:C2:D3:E4:F5")
ADDRESSES = ("21.208.64.40", "192.168.117.203", "10.153.89.14", "2408:8756:4f0a::17")
CODECS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")


def dump_map() -> DumpMap:
    names = NameMap()
    names.learn(USERS, MACS)
    addresses = AddressMap(b"k" * 32)
    for address in ADDRESSES:
        addresses.text(address)
    texts = TextMap(names, addresses)
    return DumpMap(texts, OctetMap(texts), b"k" * 32)


def originals() -> dict[str, bytes]:
    """Everything that may not be found, by what it is."""
    found = {f"{user} in {codec}": user.encode(codec) for user in USERS for codec in CODECS}
    found |= {f"{mac} as bytes": bytes.fromhex(mac.replace(":", "")) for mac in MACS}
    found |= {f"{address} as bytes": ip_address(address).packed for address in ADDRESSES}
    found |= {f"{address} as {codec}": address.encode(codec) for address in ADDRESSES for codec in CODECS}
    return found | {f"{mac} as text": mac.encode() for mac in MACS}


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """Identifiers at any place between bytes of all sorts."""
    between = st.one_of(
        st.binary(max_size=9), st.sampled_from([b"<data>", b'<i n="userName">', b"</i>\r\n", b" | ", b""])
    )
    things = draw(st.lists(st.sampled_from(sorted(originals())), min_size=1, max_size=5))
    parts = [draw(between) + b" " + originals()[thing] + b" " for thing in things]
    return b"".join([*parts, draw(between)])


@given(contents(), st.sampled_from(sorted(STYLES)), st.integers(0, 1 << 30))
def test_no_original_is_in_the_bytes_or_the_text(octets: bytes, style: str, seed: int) -> None:
    shown = STYLES[style](octets, Random(seed))
    assert shown.octets(shown.text)[: len(octets)] == octets
    text = f"[2026-11-23 16:52:28] [Cmn] [1394] before\n{shown.text}\n[2026-11-23 16:52:29] [Cmn] [1394] after\n"
    moved = len(text.partition("before\n")[0]) + len("before\n")
    new = dump_map().replace(text)[moved:]
    decoded = shown.octets(new)
    for what, original in originals().items():
        assert original not in decoded, (what, new)
    for identifier in (*USERS, *MACS, *ADDRESSES):
        assert identifier not in new
    # Everything that is neither a digit nor a character of the column stays.
    places = {place for pair in shown.digits for place in pair} | set(shown.column)
    assert len(new) == len(text) - moved
    assert all(a == b for at, (a, b) in enumerate(zip(shown.text, new, strict=False)) if at not in places)
    # The column shows the same bytes as the digits.
    assert shown.shown(new) == "".join(chr(b) if 32 <= b < 127 else "." for b in decoded[: len(shown.column)]), new


def test_what_names_nobody_stays(subtests: pytest.Subtests) -> None:
    octets = b'<data><i n="heartBeatInterval">60</i><i n="patchCheckMode">1</i></data> KB3990486 \x00\x01\xfe'
    for style, write in STYLES.items():
        text = write(octets, Random(3)).text
        with subtests.test(style):
            assert dump_map().replace(text) == text


def test_digits_that_are_no_bytes_keep_their_own_replacement() -> None:
    digest, guid = "d41d8cd98f00b204e9800998ecf8427e", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
    new = dump_map().replace(
        f"file {digest}\nfile {digest}\n{{{guid}}} {digest.upper()}\n3c-52-82-48-01-01 a0b1-c2d3-e4f5\n"
    )
    first, second, third, macs = new.splitlines()
    assert first == second != digest
    assert re.fullmatch(r"file [0-9a-f]{32}", first)
    assert third.split()[1] == first.split()[1].upper()
    assert guid not in third
    assert macs == "02-00-00-00-00-01 0200-0000-0002"
    assert (
        dump_map().replace("12:22:33:44:55:66 is unknown, 20170712 too") == "02:00:00:00:00:03 is unknown, 20170712 too"
    )


def test_a_packet_keeps_right_checksums() -> None:
    header = bytearray.fromhex("45000034123400004011000015d0402819a80a07")
    header[10:12] = (ones_sum(bytes(header)) ^ 0xFFFF).to_bytes(2)
    frame = (
        bytes.fromhex("3c5282480101a0b1c2d3e4f50800")
        + header
        + b"\x23\x33\x23\x45\0\x20\0\0"
        + b"user zhangsan here......"
    )
    shown = run(frame, Random(1))
    new = shown.octets(dump_map().replace(shown.text))
    assert new != frame
    assert ones_sum(new[14:34]) == 0xFFFF
    assert new[26:30] != frame[26:30]
    # An address that nothing else names is replaced too: it stands where a packet's address stands.
    assert new[30:34] != frame[30:34]
    assert b"zhangsan" not in new
    assert new[:14] == bytes.fromhex("0200000000010200000000020800")


def test_what_is_packed_in_a_dump_is_replaced_too() -> None:
    body = (
        b'<data><i n="userName">zhangsan</i>'
        + b'<i n="patch">'
        + b";".join(b"KB%d" % (3990000 + n * n) for n in range(40))
        + b"</i>"
        + b"</data>"
    )
    packed = zlib.compress(body)
    message = b"\x00\x0a\xd8\x78" + (28 + len(packed)).to_bytes(2) + bytes(22) + packed
    shown = STYLES["hexdump -C"](b"\x01\x02\x03" + message + b"\x04zhangsan", Random(2))
    new = shown.octets(dump_map().replace(shown.text))
    assert new[:3] == b"\x01\x02\x03"
    inside = zlib.decompress(new[31 : 31 + len(packed)])
    assert len(inside) == len(body)
    assert b"zhangsan" not in inside + new


def test_two_threads_write_their_rows_in_turn() -> None:
    octets = b'<data><i n="userName">zhangsan</i><i n="x">................</i>'
    rows = [f"[2026-11-23 16:52:28] [Cmn] [1394] {octets[at : at + 13].hex(' ')}" for at in range(0, len(octets), 13)]
    others = [f"[2026-11-23 16:52:28] [Cmn] [13a8] sndSecMsg: transfer [{number}]" for number, _ in enumerate(rows)]
    text = "\n".join(line for pair in zip(rows, others, strict=True) for line in pair)
    new = dump_map().replace(text)
    kept = bytes.fromhex("".join(line.rpartition("] ")[2] for line in new.splitlines()[::2]))
    assert len(kept) == len(octets)
    assert b"zhangsan" not in kept
    assert new.splitlines()[1::2] == others
