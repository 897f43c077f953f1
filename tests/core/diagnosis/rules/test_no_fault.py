from app.core.analysis import Outcome
from tests.core.diagnosis.build import (
    case,
    codes,
    datagram,
    diagnose,
    first,
    hello,
    message,
    points,
    report,
    result,
    send,
    session,
    terminal,
)

PATH = ("client", "server")


def well(outcome=Outcome.PASSED, key="s1"):
    reply = datagram(dict.fromkeys(PATH, "x"), ident=7, wire=76, to_server=False, seconds=3)
    return session(
        [*hello(PATH), report([dict.fromkeys(PATH, "xx")]), message(4, [send(reply, 4, 3)])],
        outcome,
        marks=[result(0)],
        key=key,
    )


def test_a_session_that_passed_is_said_to_be_well_and_nothing_more():
    analysis = diagnose(case(terminal(well()), at_points=points(*PATH)))
    assert [(f.code, f.severity) for f in analysis.terminals[0].findings] == [("no-fault", "info")]
    assert not analysis.findings
    assert first(case(terminal(well()), at_points=points(*PATH))).confidence == "certain"


def test_one_failed_session_of_the_terminal_withholds_it():
    assert "no-fault" not in codes(case(terminal(well(Outcome.FAILED, "s2"), well()), at_points=points(*PATH)))
