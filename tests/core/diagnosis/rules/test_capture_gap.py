from app.core.analysis import Outcome
from tests.core.diagnosis.build import (
    case,
    codes,
    datagram,
    hello,
    message,
    named,
    points,
    result,
    send,
    session,
    terminal,
)

PATH = ("client", "server")


def facts(reason, outcome=Outcome.FAILED):
    sends = [
        send(datagram({"client": "xx", "server": "??"}, ident=40 + i, seconds=2, reasons={"server": reason}), 3, 2)
        for i in range(2)
    ]
    return case(
        terminal(session([*hello(PATH), message(3, sends)], outcome, marks=[result(4)])), at_points=points(*PATH)
    )


def test_a_point_that_was_not_capturing_is_said_to_leave_the_question_open():
    finding = named(facts("not-capturing"), "capture-gap")
    assert (finding.severity, finding.counts) == ("warning", {"datagrams": 2})


def test_on_a_session_that_passed_it_is_no_more_than_a_remark():
    assert named(facts("not-capturing", Outcome.PASSED), "capture-gap").severity == "info"


def test_another_reason_for_not_knowing_is_not_a_gap():
    assert "capture-gap" not in codes(facts("off-path"))


def test_points_that_are_blind_to_the_same_sends_are_told_at_once():
    blind = {"server": "not-capturing", "fwin": "not-capturing"}
    sends = [
        send(datagram({"client": "xx", "fwin": "??", "server": "??"}, ident=40 + i, seconds=2, reasons=blind), 3, 2)
        for i in range(2)
    ]
    names = ("client", "fwin", "server")
    session_ = session([*hello(names), message(3, sends)], Outcome.FAILED, marks=[result(4)])
    found = case(terminal(session_), at_points=points(*names))
    assert named(found, "capture-gap").details["points"] == ["fwin", "server"]


def test_beside_an_error_that_explains_the_message_it_is_a_remark():
    lost = [datagram({"client": "xx", "server": "x."}, ident=60 + i, seconds=5 + i) for i in range(3)]
    blind = datagram({"client": "xx", "server": "??"}, ident=70, seconds=9, reasons={"server": "not-capturing"})
    sends = [send(one, 3, 5 + i) for i, one in enumerate([*lost, blind])]
    made = case(
        terminal(session([*hello(PATH), message(3, sends)], Outcome.FAILED, marks=[result(4)])),
        at_points=points(*PATH),
    )
    assert named(made, "capture-gap").severity == "info"
