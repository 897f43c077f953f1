from tests.core.diagnosis.build import (
    case,
    codes,
    datagram,
    first,
    hello,
    message,
    points,
    result,
    send,
    session,
    terminal,
)

PATH = ("client", "server")


def facts(source, client_log=False):
    request, _ = hello(PATH)
    reply = datagram(dict.fromkeys(PATH, "x"), ident=2, wire=569, port=9019, to_server=False)
    reply = reply._replace(source=source)
    made = session([request, message(2, [send(reply, 2, 0.1, client_log=client_log)])], marks=[result(4)])
    return case(terminal(made), at_points=points(*PATH))


def test_an_answer_from_another_address_is_named():
    assert first(facts("198.51.100.8:9019")).code == "answered-elsewhere"


def test_an_answer_from_the_address_asked_is_not():
    assert "answered-elsewhere" not in codes(facts("198.51.100.7:9019"))


def test_an_answer_that_the_client_took_is_not():
    assert "answered-elsewhere" not in codes(facts("198.51.100.8:9019", client_log=True))
