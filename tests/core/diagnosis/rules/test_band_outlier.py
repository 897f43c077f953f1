from tests.core.diagnosis.build import case, diagnose, hello, points, renamed, report, result, session, terminal

PATH = ("client", "server")


def facts(*fars):
    made = [
        renamed(
            terminal(session([*hello(PATH), report([{"client": "xx", "server": far}] * 4)], marks=[result(4)])),
            f"t{i}",
            f"192.0.2.{i + 1}",
        )
        for i, far in enumerate(fars)
    ]
    return case(*made, at_points=points(*PATH))


def outliers(found):
    return [f.details["terminal"] for f in diagnose(found).findings if f.code == "band-outlier"]


def test_the_one_that_fails_for_another_reason_stands_out():
    assert outliers(facts("x.", "x.", "x.", "x.", "xx")) == ["t4"]


def test_where_all_fail_alike_nobody_does():
    assert outliers(facts("x.", "x.", "x.", "x.", "x.")) == []


def test_few_terminals_make_no_rule():
    assert outliers(facts("x.", "xx")) == []
