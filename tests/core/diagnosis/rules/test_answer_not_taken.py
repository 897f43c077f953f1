from tests.core.diagnosis.build import (
    case,
    codes,
    datagram,
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


def facts(client, client_log=False):
    reply = datagram({"client": client, "server": "x"}, ident=7, wire=76, to_server=False, seconds=3)
    made = session(
        [*hello(PATH), report([dict.fromkeys(PATH, "xx")]), message(4, [send(reply, 4, 3, client_log=client_log)])],
        marks=[result(4)],
    )
    return case(terminal(made), at_points=points(*PATH))


def test_an_answer_at_the_card_that_the_log_never_has_points_at_the_terminal():
    assert first(facts("x")).code == "answer-not-taken"


def test_an_answer_that_was_lost_before_is_not_that():
    assert "answer-not-taken" not in codes(facts("."))


def test_an_answer_in_the_log_was_taken():
    assert "answer-not-taken" not in codes(facts("x", client_log=True))
