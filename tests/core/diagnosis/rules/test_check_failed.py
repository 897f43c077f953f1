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


def facts(number, marks):
    reply = datagram(dict.fromkeys(PATH, "x"), ident=7, wire=76, to_server=False, seconds=3)
    made = session(
        [*hello(PATH), report([dict.fromkeys(PATH, "xx")]), message(number, [send(reply, number, 3)])], marks=marks
    )
    return case(terminal(made), at_points=points(*PATH))


def test_a_refusal_that_arrived_is_no_fault_of_the_network():
    found = facts(6, [result(6)])
    assert first(found).code == "check-failed"
    assert not [f for f in diagnose(found).terminals[0].findings if f.severity == "error"]


def test_an_answer_that_says_yes_is_not_a_refusal():
    assert "check-failed" not in codes(facts(4, [result(4)]))
