from tests.core.diagnosis.build import (
    case,
    datagram,
    diagnose,
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


def facts(plain, coding, wire):
    sends = [
        send(datagram(dict.fromkeys(PATH, "xxx"), ident=9, wire=wire, coding=coding, seconds=2), 3, 2, plain=plain)
    ]
    made = session([*hello(PATH), message(3, sends, plain=plain, deflated=1400)], marks=[result(4)])
    return case(terminal(made), at_points=points(*PATH))


def test_a_large_message_that_goes_out_plain_shows_it():
    finding = named(facts(3247, "plain", 3275), "encryption-off")
    assert finding.confidence == "certain"
    assert "1428 bytes" in finding.summary.en


def test_without_a_head_id_the_size_makes_it_likely():
    assert named(facts(3247, None, 3275), "encryption-off").confidence == "likely"


def test_a_compressed_one_does_not():
    assert named(facts(3247, "zlib", 1428), "encryption-off") is None


def test_below_the_threshold_plain_is_what_it_should_be():
    analysis = diagnose(facts(2641, "plain", 2669))
    assert {c.code: c.result for c in analysis.checks}["encryption-off"] == "not-run"
