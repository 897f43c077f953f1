"""Real datagrams through real routers, with faults at a known device: the code and the place must be right in all."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.analysis import CaseAnalysis, Finding, Outcome, Seen, Terminal
from app.intake import analyze_paths
from tests.demo.judging import all_codes, assert_case_has_no_error_but, assert_first, terminal_of, told
from tests.lab.lab import ANY_FRAGMENT, FIRST, LATER, SERVER_IP, Lab, events_of
from tests.lab.shifted import shift_capture

LARGE, SMALL = 196, 24  # patches: a check result of two fragments, and one that fits a packet
ALL_POINTS = ("uplink", "fwout", "fwin", "server")


def mac(number: int) -> str:
    return f"3C:52:82:77:00:{number:02X}"


def analysis_of(lab: Lab) -> CaseAnalysis:
    lab.stop()
    return analyze_paths([lab.folder])


def run(lab: Lab, *patches: int) -> CaseAnalysis:
    lab.start_server()
    lab.run_clients(patches)
    return analysis_of(lab)


def failing(analysis: CaseAnalysis, code: str, between: tuple[str, str] | None, message: int = 3) -> Finding:
    """Terminal 1 failed for this reason; terminal 2 passed, and nothing is said against it."""
    first, second = terminal_of(analysis, mac(1)), terminal_of(analysis, mac(2))
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.PASSED)
    assert_first(second, "no-fault")
    found = assert_first(first, code, between, message)
    assert_case_has_no_error_but(analysis, {"size-band", code})
    return found


def passing(analysis: CaseAnalysis) -> None:
    for terminal in analysis.terminals:
        assert terminal.outcome is Outcome.PASSED
        assert_first(terminal, "no-fault")
    assert_case_has_no_error_but(analysis, set())


def sends_of(terminal: Terminal) -> int:
    message = terminal.sessions[0].message(3)
    return len(message.attempts) if message else 0


def loss_patterns(terminal: Terminal) -> set[tuple[int, ...]]:
    """The different sets of offsets that are missing at the server; chance alone can give a terminal only one."""
    found = set()
    for attempt in (attempt for message in terminal.sessions[0].messages for attempt in message.attempts):
        fragments = attempt.datagram.fragments if attempt.datagram else ()
        missing = [f for f in fragments if (seen := f.sightings.get("server")) and seen.state is Seen.MISSING]
        found.add(tuple(f.offset for f in missing))
    return found - {()}


@pytest.mark.parametrize(
    ("dropped", "code"),
    [
        (LATER, "later-fragments-lost"),
        (FIRST, "first-fragment-lost"),
        (ANY_FRAGMENT, "fragmented-datagrams-lost"),
    ],
)
def test_fragments_lost_at_the_firewall_are_placed_there(dropped: str, code: str, tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.rule("fw", f"{dropped} drop")
        lab.capture_all(*ALL_POINTS)
        analysis = run(lab, LARGE, SMALL)
    assert [point.name for point in analysis.capture_points] == ["client", *ALL_POINTS]
    failing(analysis, code, ("fwout", "fwin"))
    assert sends_of(terminal_of(analysis, mac(1))) == 4


def test_nothing_lost_is_no_fault(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.capture_all(*ALL_POINTS)
        analysis = run(lab, LARGE, SMALL)
    passing(analysis)
    assert len(analysis.terminals) == 2


def test_behind_address_translation_the_place_is_still_right(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.translate_clients()
        lab.rule("fw", f"{LATER} drop")
        lab.capture_all("uplink", "fwout", "server")
        analysis = run(lab, LARGE, SMALL)
    failing(analysis, "later-fragments-lost", ("fwout", "server"))
    assert "address-translated" in all_codes(analysis)


def test_a_smaller_mtu_on_the_way_splits_and_loses_nothing(tmp_path: Path) -> None:
    with Lab(tmp_path, router_mtu=1_300) as lab:
        lab.capture_all("uplink", "fwout", "server")
        analysis = run(lab, LARGE, SMALL)
    passing(analysis)
    assert "refragmented" in all_codes(analysis)


def test_behind_a_smaller_mtu_later_fragments_are_lost_where_they_are(tmp_path: Path) -> None:
    with Lab(tmp_path, router_mtu=1_300) as lab:
        lab.rule("fw", f"{LATER} drop")
        lab.capture_all("uplink", "fwout", "server")
        analysis = run(lab, LARGE, SMALL)
    failing(analysis, "later-fragments-lost", ("fwout", "server"))


def test_a_reply_lost_on_the_way_back_is_placed_on_the_way_back(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.rule("fw", f"ip saddr {SERVER_IP} ip daddr {lab.terminal_ip(1)} udp sport 9029 drop")
        lab.capture_all(*ALL_POINTS)
        analysis = run(lab, LARGE, SMALL)
    failing(analysis, "reply-lost", ("fwin", "fwout"), message=4)


def test_random_loss_is_called_random(tmp_path: Path) -> None:
    with Lab(tmp_path, terminals=10) as lab:
        lab.rule("fw", "numgen random mod 100 < 45 drop")
        lab.capture_all("uplink", "server")
        analysis = run(lab, *[LARGE] * 10)
    failed = [terminal for terminal in analysis.terminals if terminal.outcome is Outcome.FAILED]
    mixed = [terminal for terminal in failed if len(loss_patterns(terminal)) > 1]
    assert mixed, "nobody failed with more than one pattern; the loss was not enough to see anything"
    for terminal in mixed:
        assert_first(terminal, "random-loss", ("uplink", "server"))


def test_a_server_that_receives_and_is_silent_is_named(tmp_path: Path) -> None:
    with Lab(tmp_path, terminals=1) as lab:
        lab.capture_all("uplink", "server")
        lab.start_server("--silent", "3")
        lab.run_clients([LARGE])
        analysis = analysis_of(lab)
    assert_first(terminal_of(analysis, mac(1)), "server-silent", None, 3)


def test_a_service_that_never_logs_what_its_card_received_is_silent_too(tmp_path: Path) -> None:
    with Lab(tmp_path, terminals=1) as lab:
        lab.capture_all("uplink", "server")
        lab.start_server("--deaf", "3")
        lab.run_clients([SMALL])
        analysis = analysis_of(lab)
    assert_first(terminal_of(analysis, mac(1)), "server-silent", None, 3)


def test_a_message_that_never_left_the_client_is_not_a_loss(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.rule("t1", "udp dport 9029 drop", hook="output")
        lab.capture_all(*ALL_POINTS)
        lab.start_server()
        # A log tells whole seconds, so only a capture that runs seconds before and after can deny what it says.
        lab.run_clients([LARGE, SMALL], "--check-s", "3.6", "--linger-s", "3.6")
        analysis = analysis_of(lab)
    failing(analysis, "never-sent", None)


def test_a_capture_that_starts_late_leaves_the_first_attempts_open(tmp_path: Path) -> None:
    with Lab(tmp_path, terminals=1) as lab:
        lab.rule("fw", f"{LATER} drop")
        lab.capture_all("uplink")
        lab.start_server()
        client = lab.start_client(1, LARGE, "--resend-s", "1.2")
        for event in events_of(client):
            if event == "sent 3 2":
                lab.capture("server")
        analysis = analysis_of(lab)
    terminal = terminal_of(analysis, mac(1))
    assert_first(terminal, "later-fragments-lost", ("uplink", "server"), 3)
    assert "capture-gap" in all_codes(analysis), told(terminal.findings)
    message = terminal.sessions[0].message(3)
    assert message is not None
    fates = [attempt.datagram.fate["server"] for attempt in message.attempts if attempt.datagram]
    assert fates == ["unknown", "unknown", "partial", "partial"]


def test_clocks_far_apart_change_nothing_but_are_told(tmp_path: Path) -> None:
    with Lab(tmp_path, terminals=4) as lab:
        lab.rule("fw", f"ip saddr {lab.terminal_ip(1)} {LATER} drop")
        lab.capture_all("uplink", "server")
        lab.start_server("--ahead-s", "37")
        lab.run_clients([LARGE, SMALL, LARGE, SMALL])
        lab.stop()
        shift_capture(lab.folder / "server" / "server.pcap", 37.0, 80.0)
        analysis = analyze_paths([lab.folder])
    failing(analysis, "later-fragments-lost", ("uplink", "server"))
    assert "clocks-apart" in all_codes(analysis)
    (server,) = (point for point in analysis.capture_points if point.name == "server")
    assert server.clock.lower_s is not None and server.clock.upper_s is not None
    assert server.clock.lower_s <= 37.0 + 5 * 80e-6
    assert server.clock.upper_s >= 37.0
    assert abs(server.clock.offset_s - 37.0) < 0.005


def test_a_mirror_that_shows_everything_twice_with_tags_counts_once(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.rule("fw", f"{LATER} drop")
        lab.start_mirror("mirror", tags=(120, 3001))
        lab.capture_all("server")
        analysis = run(lab, LARGE, SMALL)
    found = failing(analysis, "later-fragments-lost", ("mirror", "server"))
    assert found.counts["datagrams"] == 4
    assert "mirror-duplicates" in all_codes(analysis)


def test_frames_cut_to_96_bytes_still_show_what_is_lost(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.rule("fw", f"{LATER} drop")
        for point in ("client-1", "client-2", "uplink", "server"):
            lab.capture(point, "-s", "96")
        analysis = run(lab, LARGE, SMALL)
    failing(analysis, "later-fragments-lost", ("uplink", "server"))


def test_a_filter_by_port_is_not_taken_for_loss(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.capture_all("uplink")
        lab.capture("server", wanted="udp port 9019 or udp port 9029")
        analysis = run(lab, LARGE, SMALL)
    passing(analysis)
    assert "capture-filtered" in all_codes(analysis)


def test_a_filter_by_port_at_a_mirror_does_not_move_the_place(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.rule("fw", f"{LATER} drop")
        lab.capture_all("server")
        lab.capture("uplink", wanted="udp port 9019 or udp port 9029")
        analysis = run(lab, LARGE, SMALL)
    failing(analysis, "later-fragments-lost", ("client", "server"))


def test_a_mirror_on_one_of_two_equal_paths_is_not_taken_for_loss(tmp_path: Path) -> None:
    with Lab(tmp_path, has_two_paths=True) as lab:
        lab.capture_all("fwout", "server")
        analysis = run(lab, LARGE, SMALL)
    passing(analysis)


def test_behind_two_equal_paths_the_place_is_after_the_mirror_that_saw_the_lost_ones(tmp_path: Path) -> None:
    with Lab(tmp_path, has_two_paths=True) as lab:
        lab.rule("fw", f"{FIRST} drop")
        lab.capture_all("uplink", "fwout", "server")
        analysis = run(lab, LARGE, SMALL)
    failing(analysis, "first-fragment-lost", ("fwout", "server"))
