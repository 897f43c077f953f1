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
