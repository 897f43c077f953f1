from dataclasses import replace

from app.core.analysis import Evidence, Mark, Outcome, Source, SourceKind
from app.core.records import CaptureFacts
from tests.core.diagnosis.build import (
    at,
    case,
    codes,
    diagnose,
    first,
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
GAVE_UP = (result(4),)


def facts(last_s=60.0, non_ip=5, outcome=Outcome.FAILED, sends=4, marks=GAVE_UP):
    lines = [send(None, 3, 5 + 5 * i, attempt=i + 1, plain=2641) for i in range(sends)]
    made = case(terminal(session([*hello(PATH), message(3, lines)], outcome, marks=marks)), at_points=points(*PATH))
    capture = CaptureFacts("client.pcap", "pcap", (), 40, at(-5), at(last_s), non_ip_frames=non_ip)
    sources = [s for s in made.sources if s.path != "client.pcap"]
    return replace(
        made, sources=(*sources, Source("client.pcap", "0" * 64, 1, SourceKind.CAPTURE, "client", capture=capture))
    )


def test_logged_and_not_in_its_own_running_capture_is_certain():
    finding = first(facts())
    assert (finding.code, finding.confidence, finding.message) == ("never-sent", "certain", 3)


def test_a_capture_that_ended_before_says_nothing():
    assert "never-sent" not in codes(facts(last_s=4))


def test_a_capture_that_may_be_filtered_is_likely_only():
    assert named(facts(non_ip=0), "never-sent").confidence == "likely"


def test_a_session_that_passed_is_left_alone():
    assert "never-sent" not in codes(facts(outcome=Outcome.PASSED, marks=(result(0),)))


def test_without_a_client_capture_it_was_not_run():
    bare = case(terminal(session([message(3, [send(None, 3, 1)])], marks=[result(4)])))
    assert {c.code: c.result for c in diagnose(bare).checks}["never-sent"] == "not-run"


def test_the_clients_own_send_error_is_likely():
    error = Mark("send_error", "client", at(3), at(3), "sendto return error 10051", Evidence("t1/iNode.log", line=7))
    bare = case(terminal(session([message(3, [send(None, 3, 1)])], marks=[error, result(4)])))
    assert named(bare, "never-sent").confidence == "likely"


def test_an_error_of_the_socket_belongs_to_the_message_sent_then_and_adds_nothing_to_what_the_capture_says():
    error = Mark("send_error", "client", at(5), at(5), "sendto return error 1", Evidence("client.log", line=7))
    found = [f for t in diagnose(facts(marks=(error, *GAVE_UP))).terminals for f in t.findings]
    assert [(f.message, f.confidence) for f in found if f.code == "never-sent"] == [(3, "certain")]


def test_sends_after_the_last_frame_of_its_capture_take_nothing_from_those_before():
    finding = first(facts(last_s=13))
    assert (finding.code, finding.confidence) == ("never-sent", "certain")
    assert finding.counts == {"datagrams": 4, "covered": 2, "fragments_sent": 0}


def test_one_send_in_the_time_of_its_capture_is_likely_only():
    assert named(facts(last_s=8), "never-sent").confidence == "likely"
