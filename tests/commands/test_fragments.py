from __future__ import annotations

import json
import random
from pathlib import Path
from struct import pack

import pytest
import typer
from typer.testing import CliRunner

from app.commands.fragments import register
from tests import frames
from tests.plain_tshark import WITHOUT_REASSEMBLY, reassembled, rows

COMMAND = typer.Typer()
COMMAND.callback()(lambda: None)
register(COMMAND)


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(COMMAND, ["fragments", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def datagrams(path: Path) -> list[dict]:
    status, output, _ = run("--json", path)
    assert status == 0
    return json.loads(output)["datagrams"]


def muddle(seed: int) -> list[bytes]:
    """Fragmented datagrams of many hosts and protocols, reordered, lost, repeated, overlapping, their identifications
    used again, over plain and tagged Ethernet and in tunnels."""
    dice = random.Random(seed)
    made: list[tuple[float, bytes]] = []
    for number in range(150):
        clock = number + dice.random()
        whole = frames.udp(dice.randbytes(dice.randrange(100, 4000)), dice.randrange(1, 65_536), 6000)
        size = dice.choice((8, 64, 512, 1480)) if len(whole) < 600 else dice.choice((512, 1000, 1480))
        if dice.random() < 0.3:
            pieces = frames.fragments_v6(
                whole,
                size // 8 * 8,
                dice.choice((17, 6, 58, 89)),
                dice.randrange(12),
                source=f"2001:db8::{dice.randrange(3)}",
            )
        else:
            pieces = frames.fragments_v4(
                whole,
                size // 8 * 8,
                dice.choice((17, 17, 1, 6, 47, 50, 89)),
                ident=dice.randrange(12) << 8,  # tshark mixes protocol and VLAN into the lower bits
                source=dice.choice(("10.0.0.1", "10.0.0.2", "8.8.8.8")),
                destination=dice.choice(("192.168.1.1", "9.9.9.9")),
            )
        if dice.random() < 0.3:
            del pieces[dice.randrange(len(pieces))]
        if pieces and dice.random() < 0.3:
            pieces.insert(dice.randrange(len(pieces)), dice.choice(pieces))
        if dice.random() < 0.3:
            dice.shuffle(pieces)
        wrap = dice.choice((frames.ethernet, frames.ethernet, tag_5, tag_6, in_gre, in_vxlan))
        for piece in pieces:
            made.append((clock + dice.random() * 2, wrap(piece)))
    return [frame for _, frame in sorted(made, key=lambda item: item[0])]


def tag_5(packet: bytes) -> bytes:
    return frames.tagged(packet, (0x8100, 5))


def tag_6(packet: bytes) -> bytes:
    return frames.tagged(packet, (0x8100, 6))


def in_gre(packet: bytes) -> bytes:
    return frames.ethernet(frames.ipv4(frames.gre(packet), 47, "192.0.2.1", "192.0.2.2"))


def in_vxlan(packet: bytes) -> bytes:
    return frames.ethernet(frames.ipv4(frames.vxlan(frames.ethernet(packet)), 17, "192.0.2.1", "192.0.2.2"))


def as_tshark_reassembles(path: Path) -> dict[int, tuple[int, ...]]:
    return {
        datagram["reassembled_in"]: tuple(sorted(piece["frame"] for piece in datagram["fragments"]))
        for datagram in datagrams(path)
        if datagram["complete"]
    }


@pytest.mark.parametrize("seed", range(6))
def test_the_same_datagrams_reassemble_from_the_same_frames_as_in_tshark(tmp_path: Path, seed: int) -> None:
    path = frames.write(tmp_path / "a.pcap", frames.pcap(muddle(seed)))
    expected = reassembled(path)
    assert len(expected) > 40
    assert as_tshark_reassembles(path) == expected


def test_cut_frames_reassemble_neither_here_nor_in_tshark(tmp_path: Path) -> None:
    path = frames.write(tmp_path / "a.pcap", frames.pcap(muddle(1), snap=600))
    assert as_tshark_reassembles(path) == reassembled(path)


@pytest.mark.parametrize("seed", [11, 12])
def test_every_fragment_of_tshark_is_listed_with_its_place(tmp_path: Path, seed: int) -> None:
    path = frames.write(tmp_path / "a.pcap", frames.pcap(muddle(seed)))
    fields = ("frame.number", "ip.flags.mf", "ip.frag_offset", "ipv6.fraghdr.more", "ipv6.fraghdr.offset")
    expected = {
        int(row["frame.number"][0])
        for row in rows(path, *WITHOUT_REASSEMBLY, fields=fields)
        if {"1", "True"} & {*row["ip.flags.mf"], *row["ipv6.fraghdr.more"]}
        or {*row["ip.frag_offset"], *row["ipv6.fraghdr.offset"]} - {"0"}
    }
    listed = [piece["frame"] for datagram in datagrams(path) for piece in datagram["fragments"]]
    assert sorted(listed) == sorted(expected)


def test_the_document_has_the_agreed_shape(tmp_path: Path) -> None:
    pieces = frames.fragments_v4(frames.udp(bytes(2600)), ident=0xBEEF)
    path = frames.write(tmp_path / "a.pcap", frames.pcap(map(frames.ethernet, pieces)))
    assert datagrams(path) == [
        {
            "file": str(path),
            "source": "10.1.1.1",
            "destination": "10.2.2.2",
            "protocol": 17,
            "id": 0xBEEF,
            "ip_version": 4,
            "fragments": [
                {"frame": 1, "offset": 0, "length": 1480, "more": True},
                {"frame": 2, "offset": 1480, "length": 1128, "more": False},
            ],
            "complete": True,
            "reassembled_in": 2,
            "anomalies": [],
        }
    ]


def anomalies_of(tmp_path: Path, pieces: list[bytes]) -> list[list[str]]:
    path = frames.write(tmp_path / "a.pcap", frames.pcap(map(frames.ethernet, pieces), step_us=1_000))
    return [datagram["anomalies"] for datagram in datagrams(path)]


def test_odd_fragments_are_named(tmp_path: Path) -> None:
    whole = frames.udp(bytes(1600))
    first, last = frames.fragments_v4(whole, 1000)
    overlapping = frames.ipv4(whole[800:], offset=800)
    conflicting = frames.ipv4(b"\xff" * 808, offset=800)
    assert anomalies_of(tmp_path, [last, first]) == [["out-of-order"]]
    assert anomalies_of(tmp_path, [first]) == [["hole"]]
    assert anomalies_of(tmp_path, [first, first, last]) == [["duplicate"]]
    assert anomalies_of(tmp_path, [first, overlapping]) == [["overlap"]]
    assert anomalies_of(tmp_path, [first, conflicting]) == [["overlap-conflict"]]
    assert anomalies_of(tmp_path, frames.fragments_v4(whole, 200)) == [["tiny-fragment"]]
    assert anomalies_of(tmp_path, [first, last, first, last]) == [[], ["duplicate"]]
    assert anomalies_of(tmp_path, [frames.ipv4(bytes(1480), offset=65_000)]) == [["too-long", "hole"]]


def test_pieces_half_a_minute_apart_reassemble_as_in_tshark_but_are_named(tmp_path: Path) -> None:
    pieces = map(frames.ethernet, frames.fragments_v4(frames.udp(bytes(2600))))
    path = frames.write(tmp_path / "a.pcap", frames.pcap(pieces, step_us=40_000_000))
    (datagram,) = datagrams(path)
    assert datagram["complete"]
    assert datagram["anomalies"] == ["late-piece"]


def test_across_files_each_fragment_says_where_it_was_last_seen(tmp_path: Path) -> None:
    pieces = [frames.ethernet(packet) for packet in frames.fragments_v4(frames.udp(bytes(2600)))]
    client = frames.write(tmp_path / "client.pcap", frames.pcap(pieces))
    server = frames.write(tmp_path / "server.pcap", frames.pcap(pieces[:1]))
    status, output, _ = run("--json", client, server)
    assert status == 0
    (tie,) = json.loads(output)["last_seen"]
    assert [piece["last_seen"] for piece in tie["fragments"]] == [str(server), str(client)]
    assert [len(piece["seen"]) for piece in tie["fragments"]] == [2, 1]


def test_one_bad_file_does_not_sink_the_others(tmp_path: Path) -> None:
    pieces = [frames.ethernet(packet) for packet in frames.fragments_v4(frames.udp(bytes(2600)))]
    good = frames.write(tmp_path / "good.pcap", frames.pcap(pieces))
    bad = frames.write(tmp_path / "bad.pcap", b"nothing of the kind")
    status, output, errors = run("--json", bad, good, tmp_path / "absent.pcap")
    assert status == 1
    assert len(json.loads(output)["datagrams"]) == 1
    assert "bad.pcap is not a capture" in errors
    assert "absent.pcap cannot be read" in errors


def test_nothing_readable_is_exit_status_2(tmp_path: Path) -> None:
    status, output, errors = run(frames.write(tmp_path / "bad.pcap", b"no"))
    assert (status, output) == (2, "")
    assert "bad.pcap" in errors


def test_people_get_a_table(tmp_path: Path) -> None:
    pieces = [frames.ethernet(packet) for packet in frames.fragments_v4(frames.udp(bytes(2600)), ident=0x1234)]
    status, output, _ = run(frames.write(tmp_path / "a.pcap", frames.pcap(pieces[:1])))
    assert status == 0
    assert "0x1234" in output
    assert "0+1480…" in output
    assert "incomplete" in output
    assert "hole: a part of the datagram was not captured" in output


def test_a_fragmented_tunnel_and_what_it_carries_are_both_listed(tmp_path: Path) -> None:
    inner = frames.fragments_v4(frames.udp(bytes(2600)), ident=77)
    packets = frames.fragments_v4(frames.gre(inner[0]), 1400, 47, ident=500, source="192.0.2.1")
    packets.append(frames.ipv4(frames.gre(inner[1]), 47, source="192.0.2.1", ident=501))
    path = frames.write(tmp_path / "a.pcap", frames.pcap(map(frames.ethernet, packets)))
    found = {datagram["id"]: datagram["reassembled_in"] for datagram in datagrams(path)}
    assert found == {500: 2, 77: 3} == {500: 2, 77: max(reassembled(path))}


def test_ports_are_not_needed(tmp_path: Path) -> None:
    pieces = frames.fragments_v4(b"\x08\0\0\0\0\1\0\1" + bytes(2000), protocol=1) + frames.fragments_v4(
        pack(">H", 1) * 1500, protocol=89, ident=8
    )
    path = frames.write(tmp_path / "a.pcap", frames.pcap(map(frames.ethernet, pieces)))
    assert [datagram["protocol"] for datagram in datagrams(path)] == [1, 89]
