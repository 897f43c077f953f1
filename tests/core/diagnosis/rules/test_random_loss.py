from app.core.analysis import Outcome
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
KINDS = {"whole": "xx", "later": "x.", "first": ".x", "all": ".."}


def facts(*kinds, outcome=Outcome.FAILED):
    sights = [{"client": "xx", "server": KINDS[k]} for k in kinds]
    return case(terminal(session([*hello(PATH), report(sights)], outcome, marks=[result(4)])), at_points=points(*PATH))


def test_losses_of_every_kind_are_random():
    assert first(facts("later", "first", "all", "whole")).code == "random-loss"


def test_the_way_back_belongs_to_the_same_fault():
    lost = [
        send(
            datagram({"client": ".", "server": "x"}, ident=90, wire=76, to_server=False, seconds=18),
            4,
            18,
            client_log=False,
        )
    ]
    made = session(
        [
            *hello(PATH),
            report([{"client": "xx", "server": KINDS[k]} for k in ("later", "first", "whole")]),
            message(4, lost),
        ],
        marks=[result(4)],
    )
    facts = case(terminal(made), at_points=points(*PATH))
    assert "reply-lost" not in codes(facts)
    assert first(facts).counts["answers_lost"] == 1


def test_a_clean_pattern_is_not_random():
    assert "random-loss" not in codes(facts("later", "later", "later", "later"))


def test_one_loss_among_many_passes_is_no_rule_on_fragments():
    assert first(facts("later", "whole", "whole", outcome=Outcome.PASSED)).code == "random-loss"
