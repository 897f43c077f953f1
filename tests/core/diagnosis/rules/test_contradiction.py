from tests.core.diagnosis.build import case, codes, hello, named, points, report, result, session, terminal

PATH = ("client", "server")


def facts(far, server_log):
    made = session(
        [*hello(PATH), report([{"client": "xx", "server": far}] * 2, server_log=server_log)], marks=[result(4)]
    )
    return case(terminal(made), at_points=points(*PATH))


def test_a_log_and_a_capture_that_cannot_both_be_right_are_named():
    assert named(facts("x.", True), "contradiction").severity == "warning"


def test_a_capture_that_agrees_with_the_log_is_not():
    assert "contradiction" not in codes(facts("xx", True))


def test_a_capture_that_cannot_tell_is_not():
    assert "contradiction" not in codes(facts("x?", True))


def test_nobody_contradicts_a_silent_log():
    assert "contradiction" not in codes(facts("x.", False))
