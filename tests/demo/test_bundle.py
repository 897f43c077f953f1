from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from app.demo import SCENARIOS, Truth, scenario_named, simulate, write_bundle

NAMES = [scenario.name for scenario in SCENARIOS]
Bundles = dict[str, tuple[Path, Truth]]
BAD = "_ws.malformed or ip.checksum.status == Bad or udp.checksum.status == Bad or tcp.checksum.status == Bad or " + (
    "icmp.checksum.status == Bad"
)


def tshark(path: Path, *arguments: str) -> list[str]:
    checks = ("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE")
    command = ["tshark", "-n", "-r", str(path), *checks, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def whole_results(path: Path, ip: str, port: int) -> int:
    """Whole datagrams from `ip` to the port, by tshark's own reassembly."""
    family = "ipv6" if ":" in ip else "ip"
    tell = ("-d", f"udp.port=={port},data")  # no dissector may take the payload for something else
    wanted = f"{family}.src == {ip} && udp.dstport == {port} && udp.checksum.status == Good && !icmp && !icmpv6"
    return len(tshark(path, *tell, "-Y", wanted))


def test_scenario_names_are_different_and_speak_both_languages() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(scenario.summary.en and scenario.summary.zh for scenario in SCENARIOS)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_gives_the_same_bytes_each_time(name: str, bundles: Bundles) -> None:
    folder, truth = bundles[name]
    files, again = simulate(scenario_named(name))
    assert again == truth
    assert set(files) == {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    for file, content in files.items():
        assert hashlib.sha256(content).digest() == hashlib.sha256((folder / file).read_bytes()).digest()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "corrupted"])
def test_captures_hold_no_malformed_frame_and_no_bad_checksum(name: str, bundles: Bundles, tmp_path: Path) -> None:
    folder, _truth = bundles[name]
    captures = sorted(str(path) for path in folder.rglob("*.pcap*"))
    assert captures
    together = tmp_path / "together.pcapng"
    subprocess.run(["mergecap", "-a", "-w", str(together), *captures], check=True, capture_output=True)
    assert tshark(together, "-Y", f"({BAD}) && !(frame.cap_len < frame.len)") == []


def test_a_damaged_datagram_arrives_with_a_bad_checksum(bundles: Bundles) -> None:
    capture = bundles["corrupted"][0] / "server" / "server.pcap"
    bad = tshark(capture, "-Y", "udp.checksum.status == Bad", "-T", "fields", "-e", "udp.dstport")
    assert bad == ["9029"] * 4


# The others' server captures do not show datagrams as they were sent, or not all of the time.
SHOWING = [name for name in NAMES if name not in ("nat", "snap-96", "port-filter", "late-capture", "merged-only")]


@pytest.mark.parametrize("name", SHOWING)
def test_the_server_holds_whole_what_the_truth_says_passed(name: str, bundles: Bundles) -> None:
    folder, truth = bundles[name]
    (server,) = folder.glob("server/*.pcap*")
    port = scenario_named(name).server.proxy_port
    for terminal in truth.terminals:
        arrived = whole_results(server, terminal.ip, port)
        is_lost_on_the_way = terminal.code in (
            "later-fragments-lost",
            "first-fragment-lost",
            "fragmented-datagrams-lost",
        )
        if is_lost_on_the_way or terminal.code in ("never-sent", "too-big"):
            assert arrived == 0, terminal.user
        if terminal.outcome == "passed" or terminal.code == "server-silent":
            assert arrived >= 1, terminal.user


def test_the_article_fails_between_1473_and_3000_bytes_and_nowhere_else_but_far_above() -> None:
    _files, truth = simulate(scenario_named("article"))
    for terminal in truth.terminals:
        assert terminal.plain_bytes is not None and terminal.wire_bytes is not None
        assert (terminal.outcome == "failed") == (terminal.wire_bytes > 1472)
        is_in_band = 1472 - 28 < terminal.plain_bytes <= 3000
        assert is_in_band == (terminal.outcome == "failed") or terminal.plain_bytes > 3500
    outcomes = [terminal.outcome for terminal in sorted(truth.terminals, key=lambda each: each.patches)]
    assert outcomes == ["passed"] * 3 + ["failed"] * 6 + ["passed"] * 2 + ["failed"]


def test_failed_terminals_sent_a_message_four_times_five_seconds_apart() -> None:
    files, truth = simulate(scenario_named("hops"))
    failed = next(terminal for terminal in truth.terminals if terminal.outcome == "failed")
    assert failed.sends == {1: 1, 3: 4}
    log = files["terminal-01/iNode.log"].decode()
    seconds = [int(line[18:20]) + 60 * int(line[15:17]) for line in log.splitlines() if "out-pkt [3]" in line]
    assert [later - earlier for earlier, later in itertools.pairwise(seconds)] == [5, 5, 5]
    assert "SecPkt pushSecRslt(3) returned 4." in log
    assert "未收到策略服务器回应" in log


def test_a_policy_tells_the_address_of_the_proxy_as_a_number() -> None:
    files, _truth = simulate(scenario_named("other-ports"))
    log = files["terminal-01/iNode.log"].decode()
    number = int.from_bytes(bytes([10, 208, 64, 40]), "big")
    assert f'<i n="damProxyIp">{number}</i>' in log
    assert '<i n="damProxyPort">9140</i>' in log


def test_an_archive_holds_the_same_files(tmp_path: Path) -> None:
    write_bundle("ends-only", tmp_path, archive=True)
    files, _truth = simulate(scenario_named("ends-only"))
    with zipfile.ZipFile(tmp_path / "ends-only.zip") as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == files


def test_the_truth_can_be_written_as_json() -> None:
    _files, truth = simulate(scenario_named("ends-only"))
    document = json.loads(json.dumps(truth.to_document()))
    assert document["terminals"][0]["code"] == "later-fragments-lost"
    assert document["terminals"][0]["between"] == ["client", "server"]


def test_an_unknown_scenario_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no-such"):
        write_bundle("no-such", tmp_path)
