from app.core.analysis import Outcome
from tests.core.diagnosis.build import case, codes, first, hello, points, session, terminal


def test_a_session_that_just_stops_is_told_with_what_would_settle_it():
    stopped = terminal(session([*hello(("server",))], Outcome.INCOMPLETE))
    finding = first(case(stopped, at_points=points("server")))
    assert (finding.code, finding.severity, finding.confidence) == ("unfinished", "warning", "possible")
    assert finding.message == 2 and finding.evidence and finding.next_steps


def test_a_session_with_an_end_is_no_matter_of_this_rule():
    passed = terminal(session([*hello(("server",))], Outcome.PASSED))
    assert "unfinished" not in codes(case(passed, at_points=points("server")))
