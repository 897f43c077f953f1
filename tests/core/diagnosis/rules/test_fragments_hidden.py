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


def facts(reason):
    sends = [
        send(datagram({"client": "xx", "server": "x?"}, ident=40 + i, seconds=2, reasons={"server": reason}), 3, 2)
        for i in range(4)
    ]
    return case(terminal(session([*hello(PATH), message(3, sends)], marks=[result(4)])), at_points=points(*PATH))


def test_a_filter_that_hides_later_fragments_fakes_no_failure():
    found = facts("filtered")
    assert named(found, "fragments-hidden").severity == "warning"
    assert "later-fragments-lost" not in codes(found)


def test_another_reason_for_not_knowing_is_no_filter():
    assert "fragments-hidden" not in codes(facts("dropped"))
