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


def facts(port):
    sends = [
        send(
            datagram({"client": "x", "server": "."}, ident=50 + i, wire=795, port=port, seconds=5 * i + 2),
            3,
            5 * i + 2,
            attempt=i + 1,
        )
        for i in range(4)
    ]
    return case(terminal(session([*hello(PATH), message(3, sends)], marks=[result(4)])), at_points=points(*PATH))


def test_losses_to_one_port_only_name_the_port():
    finding = first(facts(9029))
    assert finding.code == "port-blocked"
    assert "9029" in finding.summary.en and "9029" in finding.summary.zh


def test_losses_to_the_port_that_worked_before_are_something_else():
    assert "port-blocked" not in codes(facts(9019))
