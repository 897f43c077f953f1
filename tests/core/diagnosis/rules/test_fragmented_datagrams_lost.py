from app.core.analysis import Outcome
from tests.core.diagnosis.build import (
    case,
    codes,
    datagram,
    diagnose,
    first,
    hello,
    message,
    points,
    renamed,
    report,
    result,
    send,
    session,
    terminal,
)

PATH = ("client", "server")
ALL_LOST = {"client": "xx", "server": ".."}


def failing(sights):
    return terminal(session([*hello(PATH), report(sights)], marks=[result(4)]))


def test_whole_loss_of_what_is_fragmented_is_likely_while_a_dead_path_would_look_the_same():
    analysis = diagnose(case(failing([ALL_LOST] * 4), at_points=points(*PATH)))
    found = analysis.terminals[0].findings
    assert (found[0].code, found[0].between, found[0].confidence) == ("fragmented-datagrams-lost", PATH, "likely")
    assert [f.severity for f in found if f.code == "path-down"] == ["warning"]


def test_another_terminal_that_crosses_meanwhile_makes_it_certain():
    small = datagram(dict.fromkeys(PATH, "x"), ident=77, wire=795, seconds=30)
    passing = renamed(
        terminal(session([*hello(PATH, seconds=28), message(3, [send(small, 3, 30, plain=781)])], Outcome.PASSED)),
        "t2",
        "192.0.2.18",
    )
    facts = case(failing([ALL_LOST] * 4), passing, at_points=points(*PATH))
    assert (first(facts).code, first(facts).confidence) == ("fragmented-datagrams-lost", "certain")
    assert "path-down" not in codes(facts)


def test_one_fragment_that_arrives_is_another_pattern():
    facts = case(failing([ALL_LOST, {"client": "xx", "server": "x."}] * 2), at_points=points(*PATH))
    assert "fragmented-datagrams-lost" not in codes(facts)
