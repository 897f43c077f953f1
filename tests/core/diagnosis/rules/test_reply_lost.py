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
GAVE_UP = (result(4),)
WHOLE = dict.fromkeys(PATH, "xx")


def answer(far, number=4, client_log=False, server_log=False):
    return message(
        number,
        [
            send(
                datagram(
                    {"client": far, "uplink": far, "server": "x" * len(far)},
                    ident=80 + i,
                    wire=76,
                    to_server=False,
                    seconds=3 + 5 * i,
                ),
                number,
                3 + 5 * i,
                client_log=client_log,
                server_log=server_log,
                attempt=i + 1,
            )
            for i in range(4)
        ],
    )


def facts(*messages, marks=GAVE_UP):
    return case(terminal(session([*hello(PATH), *messages], marks=marks)), at_points=points(*PATH))


def test_an_answer_that_left_and_did_not_arrive_is_named_in_the_direction_of_travel():
    finding = first(facts(report([WHOLE] * 4), answer(".")))
    assert (finding.code, finding.between, finding.message) == ("reply-lost", ("server", "uplink"), 4)
    assert finding.counts == {"datagrams": 4, "fragments_sent": 4, "fragments_lost": 4}
    assert "server-silent" not in codes(facts(report([WHOLE] * 4), answer(".")))


def test_the_counts_tell_which_fragments_of_a_large_answer_are_lost():
    assert first(facts(report([WHOLE] * 4), answer("x."))).counts["fragments_lost"] == 4


def test_an_answer_that_the_client_logged_is_not_lost():
    assert "reply-lost" not in codes(facts(report([WHOLE] * 4), answer(".", client_log=True)))


def test_of_an_answer_whose_loss_captures_show_no_log_says_that_its_place_is_open():
    """Answers 2 and 4 are lost on one leg: one finding, with its place."""
    lost = {"client": ".", "uplink": ".", "server": "x"}
    fourth = send(datagram(lost, wire=76, to_server=False, seconds=30), 4, 30, client_log=False, server_log=True)
    start = hello(PATH)[0]
    made = session([start, answer(".", number=2), report([WHOLE] * 4), message(4, [fourth])], marks=GAVE_UP)
    told = case(terminal(made), at_points=points(*PATH))
    assert codes(told).count("reply-lost") == 1
    assert named(told, "reply-lost").between == ("server", "uplink")


def test_two_logs_that_disagree_make_it_likely():
    told = message(4, [send(None, 4, 3, client_log=False, server_log=True)])
    sends = message(3, [send(None, 3, 2 + 5 * i, attempt=i + 1, server_log=True) for i in range(4)])
    start = [message(1, [send(None, 1, 0)]), message(2, [send(None, 2, 0.1)])]
    finding = named(case(terminal(session([*start, sends, told], marks=[result(4)]))), "reply-lost")
    assert finding.confidence == "likely" and finding.between is None


def test_a_client_log_that_was_cut_says_nothing_of_answers():
    told = message(4, [send(None, 4, 3, client_log=False, server_log=True)])
    assert named(case(terminal(session([message(1, [send(None, 1, 0)]), told]))), "reply-lost") is None
