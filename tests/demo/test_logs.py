"""What the demo writes, the parsers read back: the same messages, sizes and results, and no line left over."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from app.core.parsers.inode_log import parse_inode_log
from app.core.records import EventKind, LogFacts
from app.demo import SCENARIOS, bodies, scenario_named, simulate, wire
from app.demo.building import terminals
from app.demo.bundle import simulate as run_scenario
from app.demo.inode import InodeLog, InodeStyle

NAMES = [scenario.name for scenario in SCENARIOS]


def read(content: bytes) -> LogFacts:
    return parse_inode_log([content], "iNode.log")


def messages(facts: LogFacts, number: int) -> list[int]:
    """Plain sizes of the sends of this message."""
    found = [event for event in facts.events if event.kind is EventKind.MESSAGE and event.number == number]
    return [event.body.plain_bytes for event in found if event.body]


@pytest.mark.parametrize("name", NAMES)
def test_client_logs_are_read_to_the_last_line(name: str) -> None:
    files, truth = simulate(scenario_named(name))
    for number, terminal in enumerate(truth.terminals, 1):
        facts = read(files[f"terminal-{number:02d}/iNode.log"])
        assert facts.rejected_lines == 0
        assert len(messages(facts, 1)) == terminal.sends[1]
        assert messages(facts, 3) == [terminal.plain_bytes] * terminal.sends.get(3, 0)
        results = [event.result_code for event in facts.events if event.kind is EventKind.RESULT]
        if terminal.code != "check-failed":
            assert results == [0 if terminal.outcome == "passed" else 4]


def test_wrapping_breaks_bodies_in_mid_word() -> None:
    files, _truth = simulate(scenario_named("messy-logs"))
    lines = files["terminal-01/iNode.log"].decode().splitlines()
    assert max(map(len, lines)) == 90
    assert any(";KB" in line and not line.endswith((";", "</data>")) for line in lines)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("body", ["lines", "indented", "one-line"])
def test_every_style_reads_back_the_same(encoding: str, body: str) -> None:
    style = InodeStyle(encoding=encoding, body=body)  # type: ignore[arg-type]
    identity = bodies.Identity("someone@HQ", "00:11:22:33:44:55", "abcDEF12")
    fields = bodies.check_result(identity, bodies.patch_list(90, random.Random(1)))
    log = InodeLog(style)
    log.sent(1_773_018_740_000_000_000, "9b8", 3, fields)
    log.sent(1_773_018_745_000_000_000, "9b8", 3, fields, is_again=True)
    facts = read(log.to_bytes())
    assert messages(facts, 3) == [len(bodies.one_line(fields).encode())] * 2
    assert len({event.body.digest for event in facts.events if event.body}) == 1


def test_plain_size_grows_by_ten_bytes_a_patch_from_less_than_600() -> None:
    identity = bodies.Identity("8264101@OMR", "00:25:11:E9:01:25", "n1MqMbBr")
    sizes = {
        n: len(bodies.one_line(bodies.check_result(identity, bodies.patch_list(n, random.Random(n))))) for n in (1, 207)
    }
    assert sizes[207] - sizes[1] == 2_060
    assert 560 < sizes[1] - 10 < 600


@pytest.mark.parametrize(("plain_bytes", "coding"), [(3_000, wire.Coding.PLAIN), (3_001, wire.Coding.ZLIB)])
def test_only_results_over_3000_bytes_are_compressed(plain_bytes: int, coding: wire.Coding) -> None:
    assert wire.coding_of_result(plain_bytes, wire.Coding.ZLIB) is coding


@pytest.mark.parametrize("coding", [wire.Coding.PLAIN, wire.Coding.ZLIB])
def test_a_datagram_reads_back(coding: wire.Coding) -> None:
    fields = bodies.verdict("abcDEF12", is_passed=False)
    payload = wire.datagram(6, 21_001, bodies.one_line(fields), coding)
    assert wire.read_header(payload) == (coding, 21_001, 6)
    assert wire.read_fields(payload) == fields


def test_an_encrypted_datagram_shows_no_text() -> None:
    payload = wire.datagram(3, 7, "<data>secret</data>" * 100, wire.Coding.ENCRYPTED)
    assert wire.read_header(payload)[0] == 0x000AD879
    with pytest.raises(ValueError, match="encrypted"):
        wire.read_fields(payload)


def test_a_terminal_with_its_own_clock_writes_its_own_time() -> None:
    scenario = scenario_named("clocks")
    files, _truth = simulate(scenario)
    behind = read(files["terminal-01/iNode.log"]).first_ns
    right = replace(scenario, terminals=terminals([plan.patches for plan in scenario.terminals]))
    there = read(run_scenario(right)[0]["terminal-01/iNode.log"]).first_ns
    assert behind is not None and there is not None
    assert 2_000_000_000 <= there - behind <= 3_000_000_000
