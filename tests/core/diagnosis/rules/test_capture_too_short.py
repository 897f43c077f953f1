from tests.core.diagnosis.build import case, hello, named, points, report, result, session, terminal

PATH = ("client", "server")


def facts(seconds):
    made = session([*hello(PATH), report([{"client": "xx", "server": "x."}] * 4)], marks=[result(4)])
    return case(terminal(made), at_points=points(*PATH, seconds=seconds))


def test_captures_that_stop_with_the_failure_could_not_show_an_icmp_11_1():
    assert named(facts(25), "capture-too-short").severity == "info"


def test_captures_that_run_on_could():
    assert named(facts(120), "capture-too-short") is None
