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

PATH = ("client", "uplink", "server")


def facts(far, *before):
    sends = [
        send(
            datagram(
                {"client": "x", "uplink": "x", "server": far}, ident=50 + i, wire=151, port=9019, seconds=5 * i + 3
            ),
            1,
            5 * i + 3,
            attempt=i + 1,
        )
        for i in range(4)
    ]
    made = session([*before, message(1, sends)], marks=[result(4)])
    return case(terminal(made), at_points=points(*PATH))


def test_small_datagrams_lost_one_and_all_mean_a_dead_path():
    finding = first(facts("."))
    assert (finding.code, finding.between, finding.message) == ("path-down", ("uplink", "server"), 1)


def test_nothing_that_is_merely_unknown_is_a_dead_path():
    assert "path-down" not in codes(facts("?"))


def test_it_is_not_certain_while_nobody_is_known_to_cross():
    assert first(facts(".")).confidence == "likely"


def test_small_datagrams_that_pass_later_speak_against_it():
    made = session([report([{"client": "xx", "uplink": "xx", "server": ".."}] * 2), *hello(PATH, seconds=40)])
    assert "path-down" not in codes(case(terminal(made), at_points=points(*PATH)))
