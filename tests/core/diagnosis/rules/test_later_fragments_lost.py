from app.core.analysis import Outcome
from app.core.records import Confidence
from tests.core.diagnosis.build import (
    case,
    codes,
    datagram,
    diagnose,
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

PATH = ("client", "fwout", "fwin", "server")
LOST = {"client": "xx", "fwout": "xx", "fwin": "x.", "server": "x."}


def facts(sights, path=PATH, **more):
    made = session([*hello(path), report(sights)], marks=[result(4)], **more)
    return case(terminal(made), at_points=points(*path))


def test_first_fragments_that_pass_without_the_rest_name_the_device_between():
    finding = first(facts([LOST] * 4))
    assert finding.code == "later-fragments-lost"
    assert finding.between == ("fwout", "fwin")
    assert finding.confidence is Confidence.CERTAIN
    assert finding.counts == {"datagrams": 4, "fragments_sent": 8, "fragments_lost": 4}
    assert finding.message == 3


def test_both_sides_stand_in_the_evidence():
    sources = {e.source for e in first(facts([LOST] * 4)).evidence}
    assert {"t1/iNode.log", "fwout.pcap", "fwin.pcap"} <= sources


def test_one_datagram_alone_is_never_certain():
    finding = first(facts([LOST]))
    assert finding.code == "later-fragments-lost"
    assert finding.confidence is Confidence.LIKELY


def test_unknown_points_widen_the_leg_and_never_count_as_lost():
    blind = {"client": "xx", "fwout": "??", "fwin": "??", "server": "x."}
    finding = first(facts([blind] * 4))
    assert finding.between == ("client", "server")


def test_a_wider_stretch_is_counted_on_the_narrow_leg_inside_it():
    wide = {"client": "xx", "fwout": "??", "fwin": "??", "server": "x."}
    analysis = diagnose(facts([wide, LOST, LOST, LOST]))
    errors = [f for f in analysis.terminals[0].findings if f.severity == "error"]
    assert [(f.between, f.counts["datagrams"]) for f in errors] == [(("fwout", "fwin"), 4)]


def test_losses_on_two_legs_are_two_findings():
    other = {"client": "xx", "fwout": "x.", "fwin": "x.", "server": "x."}
    found = [
        f.between for f in diagnose(facts([LOST, other, LOST, other])).terminals[0].findings if f.severity == "error"
    ]
    assert set(found) == {("client", "fwout"), ("fwout", "fwin")}


def test_a_loss_that_a_retransmission_made_good_is_a_warning():
    whole = dict.fromkeys(PATH, "xx")
    answer = message(4, [send(datagram(dict.fromkeys(PATH, "x"), ident=9, wire=76, to_server=False), 4, 13)])
    made = session([*hello(PATH), report([LOST, LOST, whole]), answer], Outcome.PASSED, marks=[result(0)])
    analysis = diagnose(case(terminal(made), at_points=points(*PATH)))
    assert {f.severity for f in analysis.terminals[0].findings} == {"warning", "info"}


def test_fragments_without_a_capture_of_their_sending_are_likely_only_and_without_place():
    finding = first(facts([{"server": "x."}] * 4, path=("server",)))
    assert finding.code == "later-fragments-lost"
    assert finding.between is None
    assert finding.confidence is not Confidence.CERTAIN


def test_whole_datagrams_do_not_fire():
    assert "later-fragments-lost" not in codes(facts([dict.fromkeys(PATH, "xx")] * 4))


def test_fragments_that_the_server_logged_as_a_message_are_not_called_lost():
    made = session([*hello(PATH), report([LOST] * 4, server_log=True)], marks=[result(4)])
    found = codes(case(terminal(made), at_points=points(*PATH)))
    assert "later-fragments-lost" not in found
    assert "contradiction" in found
