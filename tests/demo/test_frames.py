from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from app.demo import frames
from app.demo.pcap import Interface, Recorded, write_pcap, write_pcapng

BAD = "_ws.malformed or ip.checksum.status == Bad or udp.checksum.status == Bad or tcp.checksum.status == Bad or " + (
    "icmp.checksum.status == Bad or icmpv6.checksum.status == Bad"
)
CHECKS = ("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE")


def tshark(path: Path, *arguments: str) -> list[str]:
    command = ["tshark", "-n", "-r", str(path), *CHECKS, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def written(folder: Path, packets: list[frames.IpPacket]) -> Path:
    path = folder / "written.pcap"
    path.write_bytes(
        write_pcap(
            Recorded(number * 1_000_000, frames.ip_frame(packet, "02:00:00:00:00:01", "02:00:00:00:00:02"))
            for number, packet in enumerate(packets)
        )
    )
    return path


def datagram(source: str, destination: str, size: int, identification: int = 77) -> frames.IpPacket:
    payload = random.Random(size).randbytes(size)
    segment = frames.udp(source, 50_000, destination, 9029, payload)
    return frames.IpPacket(source, destination, frames.UDP, segment, identification)


V4, V6 = ("10.1.1.1", "10.2.2.2"), ("2001:db8::1", "2001:db8::2")


@pytest.mark.parametrize("ends", [V4, V6])
@pytest.mark.parametrize("mtu", [576, 1280, 1500, 9000])
def test_fragments_of_any_mtu_reassemble_in_tshark_with_a_good_checksum(
    ends: tuple[str, str], mtu: int, tmp_path: Path
) -> None:
    pieces = list(frames.fragment(datagram(*ends, 4_001), mtu))
    assert all(len(piece.to_bytes()) <= mtu for piece in pieces)
    path = written(tmp_path, pieces)
    assert tshark(path, "-Y", BAD) == []
    lengths = tshark(path, "-Y", "udp.checksum.status == Good", "-T", "fields", "-e", "udp.length")
    assert lengths == ["4009"]


def test_a_fragment_split_further_still_reassembles(tmp_path: Path) -> None:
    pieces = [again for piece in frames.fragment(datagram(*V4, 2_500), 1500) for again in frames.fragment(piece, 600)]
    assert len(pieces) == 5
    path = written(tmp_path, pieces)
    assert tshark(path, "-Y", "udp.checksum.status == Good", "-T", "fields", "-e", "udp.length") == ["2508"]


@pytest.mark.parametrize("size", [10, 2_500])
def test_translated_addresses_and_ports_keep_a_good_checksum(size: int, tmp_path: Path) -> None:
    pieces = frames.fragment(datagram(*V4, size), 1500)
    moved = [frames.translate(piece, "172.31.0.9", V4[1], (41_000, 9029) if piece.ports else None) for piece in pieces]
    path = written(tmp_path, moved)
    assert tshark(path, "-Y", BAD) == []
    fields = ["-e", "ip.src", "-e", "udp.srcport", "-e", "udp.length"]
    whole = tshark(path, "-Y", "udp.checksum.status == Good", "-T", "fields", *fields)
    assert whole == [f"172.31.0.9\t41000\t{size + 8}"]


@pytest.mark.parametrize(("ends", "kind"), [(V4, (3, 4)), (V4, (11, 1)), (V6, (2, 0)), (V6, (3, 1))])
def test_an_icmp_error_quotes_the_datagram(ends: tuple[str, str], kind: tuple[int, int], tmp_path: Path) -> None:
    error = frames.icmp_error(*kind, ends[1], datagram(*ends, 1_400, identification=0x1234), 1_300)
    path = written(tmp_path, [error])
    assert tshark(path, "-Y", BAD) == []
    name = "icmpv6" if ":" in ends[0] else "icmp"
    row = tshark(path, "-T", "fields", "-e", f"{name}.type", "-e", f"{name}.code", "-e", "udp.dstport")
    assert row == [f"{kind[0]}\t{kind[1]}\t9029"]


def test_tags_and_padding_do_not_disturb_the_packet(tmp_path: Path) -> None:
    frame = frames.ip_frame(datagram(*V4, 1), "02:00:00:00:00:01", "02:00:00:00:00:02", (10, 20))
    path = tmp_path / "tagged.pcap"
    path.write_bytes(write_pcap([Recorded(0, frame)]))
    assert tshark(path, "-T", "fields", "-e", "vlan.id", "-e", "udp.length") == ["10,20\t9"]
    assert tshark(path, "-Y", BAD) == []


@pytest.mark.parametrize(("byte_order", "has_nanoseconds"), [("<", False), (">", False), ("<", True), (">", True)])
def test_each_kind_of_pcap_keeps_time_and_cut_length(byte_order: str, has_nanoseconds: bool, tmp_path: Path) -> None:
    frame = frames.arp(1, "02:00:00:00:00:02", "10.0.0.2", "02:00:00:00:00:01", "10.0.0.1")
    path = tmp_path / "x.pcap"
    path.write_bytes(
        write_pcap([Recorded(1_700_000_000_123_456_789, frame)], 40, 1, byte_order, has_nanoseconds=has_nanoseconds)
    )
    row = tshark(path, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.cap_len", "-e", "frame.len")[0].split(
        "\t"
    )
    assert row[0] == ("1700000000.123456789" if has_nanoseconds else "1700000000.123456000")
    assert row[1:] == ["40", "60"]


def test_a_pcapng_tells_filter_and_drops(tmp_path: Path) -> None:
    frame = frames.arp(1, "02:00:00:00:00:02", "10.0.0.2", "02:00:00:00:00:01", "10.0.0.1")
    path = tmp_path / "x.pcapng"
    interface = Interface("mirror", filter="udp port 9029", received=12, dropped=11, has_nanoseconds=True)
    path.write_bytes(write_pcapng([Recorded(1_700_000_000_123_456_789, frame)], [interface], "a comment"))
    told = subprocess.run(["capinfos", str(path)], capture_output=True, text=True, check=True).stdout
    assert "udp port 9029" in told
    assert "Number of stat entries = 1" in told
    assert tshark(path, "-T", "fields", "-e", "frame.time_epoch") == ["1700000000.123456789"]


def test_a_checksum_over_an_odd_length_is_the_known_one() -> None:
    assert frames.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # RFC 1071, section 3
    assert frames.checksum(b"\x01") == 0xFEFF
