import pytest

from tests.core.diagnosis.build import (
    case,
    codes,
    datagram,
    first,
    hello,
    message,
    named,
    points,
    report,
    result,
    send,
    session,
    terminal,
)

PATH = ("client", "uplink", "server")


def facts(far, *before, reasons=None):
    sends = [
        send(
            datagram(
                {"client": "x", "uplink": "x", "server": far},
                ident=50 + i,
                wire=151,
                port=9019,
                seconds=5 * i + 3,
                reasons=reasons,
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


def quiet(reason, *more, **options):
    sights = {"client": "x", "server": "?"}
    sends = [
        send(datagram(sights, ident=50 + i, wire=151, port=9019, seconds=5 * i + 3, reasons={"server": reason}),
             1, 5 * i + 3, attempt=i + 1, **options)
        for i in range(4)
    ]  # fmt: skip
    made = session([message(1, sends), *more], marks=[result(4)])
    return case(terminal(made), at_points=points("client", "server"))


@pytest.mark.parametrize("reason", ["not-capturing", "clock-unknown"])
def test_a_capture_that_fell_silent_before_the_sends_makes_a_dead_path_possible(reason):
    finding = named(quiet(reason), "path-down")
    assert (finding.severity, finding.confidence, finding.between) == ("warning", "possible", ("client", "server"))
    assert "whether it still ran" in finding.next_steps[0].en


def test_a_server_that_logged_the_message_is_not_behind_a_dead_path():
    assert "path-down" not in codes(quiet("not-capturing", server_log=True))


def test_an_answer_speaks_against_a_dead_path():
    answer = send(
        datagram({"server": "?", "client": "x"}, ident=90, wire=300, to_server=False, seconds=4), 2, 4, client_log=False
    )
    assert "path-down" not in codes(quiet("not-capturing", message(2, [answer])))


def test_where_the_leg_loses_at_random_four_losses_in_a_row_are_chance():
    def asked(key, *fates):
        sends = [
            send(
                datagram({"client": "x", "uplink": "x", "server": fate}, ident=50 + i, wire=151, port=9019, seconds=i),
                1,
                i,
                attempt=i + 1,
            )
            for i, fate in enumerate(fates)
        ]
        return terminal(session([message(1, sends)], marks=[result(4)]), key=key)

    unlucky, *others = asked("a", ".", ".", ".", "."), asked("b", ".", "x", ".", "x"), asked("c", "x", ".", ".", "x")
    assert "path-down" not in codes(case(unlucky, *others, at_points=points(*PATH)))


def test_what_rests_on_a_presumption_is_never_certain():
    finding = first(facts(".", reasons={"server": "presumed"}))
    assert (finding.code, finding.confidence) == ("path-down", "likely")
    assert "partly presumed" in finding.summary.en
