import struct
import subprocess

import pytest

from app.core.diagnosis.advice import Scene, capture_filter, display_filter, halve, ping_step

V4 = Scene("192.0.2.17", "198.51.100.7", (9019, 9029), (0xE0F6, 0xE0F7), 2655)
V6 = Scene("2001:db8::17", "2001:db8::7", (9019,))
SCENES = [V4, V6, Scene("", "198.51.100.7", (9019, 9029)), Scene("", "", (9019,))]


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.client or s.server or "nobody")
def test_the_capture_filter_is_one_that_tcpdump_compiles(scene):
    done = subprocess.run(["tcpdump", "-d", "-y", "EN10MB", capture_filter(scene)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_capture_filter_keeps_fragments_without_ports():
    assert "ip[6:2] & 0x1fff != 0" in capture_filter(V4)
    assert "ip6[6] == 44" in capture_filter(V6)


@pytest.mark.parametrize("scene", SCENES[:3], ids=lambda s: s.client or s.server)
def test_the_display_filter_is_one_that_wireshark_compiles(scene, tmp_path):
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    done = subprocess.run(["tshark", "-r", empty, "-Y", display_filter(scene)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_ping_probes_both_sides_of_the_edge_and_the_size_itself():
    text = ping_step(V4).en
    assert all(f"-l {size} 198.51.100.7" in text for size in (1472, 1473, 2655))


def test_the_edge_follows_the_mtu():
    assert "-l 1372 " in ping_step(Scene("192.0.2.17", "198.51.100.7", (9029,), mtu=1400)).en


def test_the_next_mirror_port_belongs_into_the_leg():
    step = halve(V4, ("uplink", "server"))
    assert "uplink → server" in step.en and "uplink → server" in step.zh


def test_behind_address_translation_both_addresses_are_asked_for():
    scene = Scene("192.0.2.17", "198.51.100.7", (9029,), translated=("203.0.113.9",))
    assert capture_filter(scene).startswith("(host 192.0.2.17 or host 203.0.113.9) and ")
    assert "(ip.addr == 192.0.2.17 || ip.addr == 203.0.113.9) && " in display_filter(scene)


def test_the_display_filter_finds_every_fragment_of_a_datagram_that_is_never_whole(tmp_path):
    file = tmp_path / "lost.pcap"
    first, small = ip_packet(0x2000, 1480, 64), ip_packet(0, 8, 30)
    frames = b"".join(struct.pack("<IIII", 1, 0, len(f), len(f)) + f for f in (first, small))
    file.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + frames)
    wanted = display_filter(Scene("192.0.2.17", "198.51.100.7", (9029,)))
    shown = subprocess.run(["tshark", "-r", file, "-Y", wanted], capture_output=True, text=True, check=True).stdout
    assert len(shown.splitlines()) == 2


def ip_packet(flags, udp_length, payload_bytes):
    """An Ethernet frame with the head of a UDP datagram to port 9029."""
    udp = struct.pack("!HHHH", 40000, 9029, udp_length + (8 if not flags else 1000), 0) + bytes(payload_bytes)
    total = 20 + len(udp)
    ends = bytes([192, 0, 2, 17]) + bytes([198, 51, 100, 7])
    ip = struct.pack("!BBHHHBBH", 0x45, 0, total, 7, flags, 64, 17, 0) + ends
    return bytes(12) + b"\x08\x00" + ip + udp
