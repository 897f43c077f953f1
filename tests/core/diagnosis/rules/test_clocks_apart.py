from dataclasses import replace

from app.core.analysis import Source, SourceKind
from app.core.network.traces import NoteCode
from tests.core.diagnosis.build import diagnose, named, note, noted


def test_what_the_network_part_noted_is_a_remark_with_its_frames():
    finding = named(noted(note(NoteCode.CLOCKS_APART, details={"mtu": 1280}), failing=True), "clocks-apart")
    assert finding.severity == "info"
    assert finding.evidence[0].frame == 1


def test_without_a_note_there_is_none():
    analysis = diagnose(noted())
    assert {check.code: check.result for check in analysis.checks}["clocks-apart"] == "miss"


def test_a_log_clock_that_is_minutes_off_is_told_with_its_amount():
    facts = noted()
    log = Source("t1/iNode.log", "0" * 64, 1, SourceKind.INODE_LOG, clock_offset_s=-125.0)
    finding = named(replace(facts, sources=(*facts.sources, log)), "clocks-apart")
    assert "125 s behind" in finding.summary.en and "慢 125 秒" in finding.summary.zh


def test_a_log_clock_within_its_own_resolution_is_not():
    facts = noted()
    log = Source("t1/iNode.log", "0" * 64, 1, SourceKind.INODE_LOG, clock_offset_s=0.7)
    assert named(replace(facts, sources=(*facts.sources, log)), "clocks-apart") is None
