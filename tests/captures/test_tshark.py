from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from app.captures import tshark
from app.captures.tshark import disabled, profile, run_tshark, tshark_argv
from app.sandbox import LIMITS
from tests import frames

DNS = bytes.fromhex("000101000001000000000000") + b"\x07example\x03com\x00\x00\x01\x00\x01"


def protocols(packet: bytes) -> str:
    capture = frames.pcap([frames.ethernet(packet)])
    argv = tshark_argv("-r", "-", "-T", "fields", "-e", "frame.protocols")
    return run_tshark(argv, LIMITS, capture).decode().strip()


def test_what_is_not_needed_is_not_dissected() -> None:
    packet = frames.ipv4(frames.udp(DNS, 40_000, 53))
    plain = subprocess.run(
        ["tshark", "-r", "-", "-T", "fields", "-e", "frame.protocols"],
        input=frames.pcap([frames.ethernet(packet)]), capture_output=True, check=True,
    )  # fmt: skip
    assert plain.stdout.decode().strip() == "eth:ethertype:ip:udp:dns"
    assert protocols(packet) == "eth:ethertype:ip:udp:data"


def test_nearly_everything_is_disabled_and_nothing_that_carries_ip() -> None:
    listed = subprocess.run(["tshark", "-G", "protocols"], capture_output=True, check=True).stdout
    names = set(disabled(listed))
    assert len(names) > 0.9 * listed.count(b"\n")
    assert not names & {"ip", "ipv6", "ipv6.fraghdr", "udp", "icmp", "vxlan", "gre", "erspan", "gtp", "mpls", "wlan"}


def test_the_list_is_made_once_and_again_for_another_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tshark, "_folder", lambda: tmp_path)
    first = profile.__wrapped__()
    made = (first / "disabled_protos").stat().st_mtime_ns
    assert profile.__wrapped__() == first
    assert (first / "disabled_protos").stat().st_mtime_ns == made
    monkeypatch.setattr(tshark, "_version", lambda: "another")
    assert profile.__wrapped__() != first


def test_a_folder_that_somebody_else_prepared_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tshark.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(tshark.tempfile, "tempdir", str(tmp_path))
    ours = tshark._folder()
    assert tshark._folder() == ours
    ours.chmod(0o777)
    assert tshark._folder() != ours
    ours.rmdir()
    ours.symlink_to("/tmp")
    assert tshark._folder() != ours
