from dataclasses import replace

from tests.core.diagnosis.build import (
    CLIENT,
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
OUTSIDE = "203.0.113.9:50000"


def facts(reply_to):
    request, _ = hello(PATH)
    asked = request.attempts[0]
    translated = asked.datagram._replace(translations={"server": (OUTSIDE, asked.datagram.destination)})
    reply = datagram({"client": ".", "server": "x"}, ident=2, wire=569, port=9019, to_server=False)
    reply = reply._replace(destination=reply_to)
    made = session(
        [message(1, [replace(asked, datagram=translated)]), message(2, [send(reply, 2, 0.1, client_log=False)])],
        marks=[result(4)],
    )
    return case(terminal(made), at_points=points(*PATH))


def test_an_answer_past_the_translated_address_cannot_come_back():
    assert named(facts(CLIENT), "translated-unanswerable") is not None


def test_an_answer_to_the_translated_address_can():
    assert "translated-unanswerable" not in codes(facts(OUTSIDE))
