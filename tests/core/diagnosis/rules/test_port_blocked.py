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


def test_a_first_fragment_that_crosses_shows_that_the_port_is_open():
    lost = [
        send(datagram({"client": "x", "server": "."}, ident=50 + i, wire=795, seconds=5 * i + 2), 3, 5 * i + 2)
        for i in range(4)
    ]
    halves = [send(datagram({"client": "xx", "server": "x."}, ident=80, seconds=3), 3, 3)]
    made = case(
        terminal(session([*hello(PATH), message(3, lost)], marks=[result(4)]), key="t1"),
        terminal(session([*hello(PATH), message(3, halves)], marks=[result(4)]), key="t2"),
        at_points=points(*PATH),
    )
    assert "port-blocked" not in codes(made)


def test_small_datagrams_of_others_lost_alike_take_the_blame_from_fragments():
    small = [
        send(datagram({"client": "x", "server": "."}, ident=50 + i, wire=795, seconds=5 * i + 2), 3, 5 * i + 2)
        for i in range(4)
    ]
    large = [send(datagram({"client": "xx", "server": ".."}, ident=80 + i, seconds=5 * i + 3), 3, 3) for i in range(4)]
    made = case(
        terminal(session([*hello(PATH), message(3, small)], marks=[result(4)]), key="t1"),
        terminal(session([*hello(PATH), message(3, large)], marks=[result(4)]), key="t2"),
        at_points=points(*PATH),
    )
    assert "fragmented-datagrams-lost" not in codes(made)
