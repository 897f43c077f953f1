from app.core.analysis import Outcome, SourceKind
from tests.core.diagnosis.build import (
    case,
    codes,
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


def log_only(plain=2621, sends=4, outcome=Outcome.FAILED):
    lines = [send(None, 3, 2 + 5 * i, attempt=i + 1, plain=plain) for i in range(sends)]
    start = [message(1, [send(None, 1, 0)]), message(2, [send(None, 2, 0.1)])]
    return case(terminal(session([*start, message(3, lines)], outcome, marks=[result(4)])))


def test_a_log_alone_says_what_happened_why_most_likely_and_what_would_settle_it():
    finding = first(log_only())
    assert (finding.code, finding.confidence, finding.between) == ("no-answer", "likely", None)
    for words in ("sent four times", "2621 bytes", "device on the way drops fragments", "a capture on the terminal"):
        assert words in finding.summary.en
    for words in ("发送 4 次", "2621 字节", "丢弃分片", "同时抓包"):
        assert words in finding.summary.zh
    assert "tcpdump" in finding.next_steps[0].en and "198.51.100.7" in finding.next_steps[0].en


def test_a_message_that_is_not_fragmented_is_not_blamed_on_fragments():
    assert "fragments are not the cause" in first(log_only(plain=700)).summary.en


def test_a_client_capture_alone_leaves_the_rest_of_the_path_open():
    made = session([*hello(("client",)), report([{"client": "xx"}] * 4)], marks=[result(4)])
    finding = first(case(terminal(made), at_points=points("client")))
    assert finding.code == "no-answer"
    assert finding.between is None and finding.confidence != "certain"
    assert finding.details["last_seen_whole"] == "client"


def test_the_servers_log_is_heard_as_well():
    lines = [send(None, 3, 2 + 5 * i, attempt=i + 1, plain=2621) for i in range(4)]
    start = [message(1, [send(None, 1, 0, server_log=True)]), message(2, [send(None, 2, 0.1, server_log=True)])]
    made = case(
        terminal(session([*start, message(3, lines)], marks=[result(4)])),
        logs=(SourceKind.INODE_LOG, SourceKind.SERVER_LOG),
    )
    assert "log does not have it" in first(made).summary.en


def test_what_a_capture_explains_is_not_said_again():
    path = ("client", "server")
    made = session([*hello(path), report([{"client": "xx", "server": "x."}] * 4)], marks=[result(4)])
    assert "no-answer" not in codes(case(terminal(made), at_points=points(*path)))


def test_a_session_that_passed_asks_for_nothing():
    assert "no-answer" not in codes(log_only(outcome=Outcome.PASSED))
