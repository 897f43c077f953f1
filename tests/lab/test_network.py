"""The lab itself does what its scenarios say: what goes in at one side of a device and what comes out at the other."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.lab.lab import ANY_FRAGMENT, FIRST, LATER, Lab
from tests.lab.shifted import shift_capture

UNJOINED = ("-o", "ip.defragment:FALSE")


def rows(path: Path, *arguments: str) -> list[str]:
    command = ["tshark", "-n", "-r", str(path), *UNJOINED, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def fragments(lab: Lab, file: str) -> tuple[int, int]:
    """How many first and how many later fragments a capture holds."""
    path = lab.folder / file
    first = rows(path, "-Y", "ip.flags.mf == 1 && ip.frag_offset == 0")
    return len(first), len(rows(path, "-Y", "ip.frag_offset > 0"))


def run(lab: Lab, *points: str) -> None:
    lab.capture_all(*points)
    lab.start_server()
    lab.run_clients([196] * lab.terminals)
    lab.stop()


@pytest.mark.parametrize(("dropped", "inside"), [(LATER, (4, 0)), (FIRST, (0, 4)), (ANY_FRAGMENT, (0, 0))])
def test_the_firewall_drops_what_the_rule_says_and_nothing_before_it(
    dropped: str, inside: tuple[int, int], tmp_path: Path
) -> None:
    with Lab(tmp_path, terminals=1) as lab:
        lab.rule("fw", f"{dropped} drop")
        run(lab, "fwout", "fwin")
        sent, arrived = fragments(lab, "mirror/fwout.pcap"), fragments(lab, "mirror/fwin.pcap")
    assert (sent, arrived) == ((4, 4), inside)


def test_the_translating_router_shows_its_own_address_behind_it(tmp_path: Path) -> None:
    with Lab(tmp_path, terminals=1) as lab:
        lab.translate_clients()
        run(lab, "uplink", "fwout")
        before = set(
            rows(lab.folder / "mirror/uplink.pcap", "-Y", "ip.dst == 10.77.3.40", "-T", "fields", "-e", "ip.src")
        )
        after = set(
            rows(lab.folder / "mirror/fwout.pcap", "-Y", "ip.dst == 10.77.3.40", "-T", "fields", "-e", "ip.src")
        )
        assert fragments(lab, "mirror/fwout.pcap") == (1, 1)
    assert (before, after) == ({"10.77.1.11"}, {"10.77.2.1"})


def test_a_smaller_mtu_makes_more_fragments(tmp_path: Path) -> None:
    with Lab(tmp_path, terminals=1, router_mtu=1_300) as lab:
        run(lab, "uplink", "fwout")
        assert fragments(lab, "mirror/uplink.pcap") == (1, 1)
        assert fragments(lab, "mirror/fwout.pcap") == (1, 2)


def test_two_paths_carry_first_and_later_fragments_apart(tmp_path: Path) -> None:
    with Lab(tmp_path, terminals=1, has_two_paths=True) as lab:
        run(lab, "fwout", "server")
        assert fragments(lab, "mirror/fwout.pcap") == (1, 0)
        assert fragments(lab, "server/server.pcap") == (1, 1)


def test_the_mirror_shows_every_frame_twice_with_its_tags(tmp_path: Path) -> None:
    with Lab(tmp_path, terminals=1) as lab:
        lab.start_mirror("mirror", tags=(120, 3001))
        run(lab, "uplink")
        tags = rows(lab.folder / "mirror/mirror.pcap", "-Y", "udp.port == 9019", "-T", "fields", "-e", "vlan.id")
        plain = rows(lab.folder / "mirror/uplink.pcap", "-Y", "udp.port == 9019")
    assert sorted(tags) == sorted(["120", "3001"] * len(plain))


def test_a_shifted_capture_runs_ahead_and_gains(tmp_path: Path) -> None:
    with Lab(tmp_path, terminals=1) as lab:
        run(lab, "server")
        path = lab.folder / "server" / "server.pcap"
        true = [float(time) for time in rows(path, "-T", "fields", "-e", "frame.time_epoch")]
        shift_capture(path, 37.0, 80.0)
        shown = [float(time) for time in rows(path, "-T", "fields", "-e", "frame.time_epoch")]
    for before, after in zip(true, shown, strict=True):
        assert after - before == pytest.approx(37.0 + (before - true[0]) * 80e-6, abs=2e-6)


def test_leaving_removes_every_namespace_also_after_a_failure(tmp_path: Path) -> None:
    lab = Lab(tmp_path, terminals=1)
    with pytest.raises(RuntimeError, match="on purpose"), lab:
        lab.capture("uplink")
        raise RuntimeError("on purpose")
    left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert lab.namespace("") not in left
