from app.core.network.traces import NoteCode
from tests.core.diagnosis.build import diagnose, named, note, noted


def test_what_the_network_part_noted_becomes_a_finding_with_its_frames():
    finding = named(noted(note(NoteCode.DROPPED), failing=True), "capture-dropped")
    assert finding.severity == "warning"
    assert finding.evidence[0].source == "server.pcap"


def test_on_a_healthy_case_it_is_only_a_remark():
    assert named(noted(note(NoteCode.DROPPED)), "capture-dropped").severity == "info"


def test_without_a_note_there_is_none():
    analysis = diagnose(noted(failing=True))
    assert {check.code: check.result for check in analysis.checks}["capture-dropped"] == "miss"
