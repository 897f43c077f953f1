from app.core.network.traces import NoteCode
from tests.core.diagnosis.build import diagnose, named, note, noted


def test_bounds_that_exclude_each_other_are_a_warning():
    assert named(noted(note(NoteCode.CLOCK_CONTRADICTION), failing=True), "clock-contradiction").severity == "warning"


def test_a_clock_that_was_set_is_not_a_contradiction():
    assert named(noted(note(NoteCode.CLOCK_STEP), failing=True), "clock-contradiction") is None
    assert {c.code: c.result for c in diagnose(noted()).checks}["clock-contradiction"] == "miss"
