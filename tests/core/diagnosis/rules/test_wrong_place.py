from app.core.analysis import Outcome
from tests.core.diagnosis.build import (
    case,
    codes,
    datagram,
    message,
    named,
    points,
    report,
    result,
    send,
    session,
    terminal,
)

PATH = ("client", "server")


def facts(far, answered=True):
    one = datagram({"client": "x", "server": far}, ident=1, wire=151, port=9019)
    two = datagram({"client": "x", "server": far}, ident=2, wire=569, port=9019, to_server=False)
    start = [message(1, [send(one, 1, 0)])] + ([message(2, [send(two, 2, 0.1)])] if answered else [])
    made = session([*start, report([{"client": "xx", "server": far * 2}] * 4)], Outcome.FAILED, marks=[result(4)])
    return case(terminal(made), at_points=points(*PATH))


def test_a_server_capture_without_an_answered_message_1_is_at_the_wrong_place():
    found = facts(".")
    assert named(found, "wrong-place").severity == "warning"


def test_and_its_misses_are_no_loss():
    assert not {"path-down", "fragmented-datagrams-lost", "random-loss"} & set(codes(facts(".")))


def test_an_unanswered_message_1_may_really_be_lost():
    assert named(facts(".", answered=False), "wrong-place") is None
    assert "path-down" in codes(facts(".", answered=False))
