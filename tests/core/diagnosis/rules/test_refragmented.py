from app.core.network.traces import NoteCode
from tests.core.diagnosis.build import diagnose, named, note, noted


def test_what_the_network_part_noted_is_a_remark_with_its_frames():
    finding = named(noted(note(NoteCode.REFRAGMENTED, details={"mtu": 1280}), failing=True), "refragmented")
    assert finding.severity == "info"
    assert finding.evidence[0].frame == 1


def test_without_a_note_there_is_none():
    analysis = diagnose(noted())
    assert {check.code: check.result for check in analysis.checks}["refragmented"] == "miss"
