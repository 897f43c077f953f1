from app.core.analysis import Outcome
from tests.core.diagnosis.build import (
    case,
    codes,
    datagram,
    first,
    hello,
    message,
    points,
    result,
    send,
    session,
    terminal,
)

PATH = ("client", "server")


def sent(size, arrives, seconds, attempt=1):
    far = "x" if arrives else "."
    return send(
        datagram({"client": "x", "server": far}, ident=50 + seconds, wire=size, seconds=seconds),
        3,
        seconds,
        attempt=attempt,
    )


def facts(passing, failing):
    well = session([*hello(PATH), message(3, [sent(passing, True, 2)])], Outcome.PASSED, marks=[result(0)])
    sends = [sent(failing, False, 102 + 5 * i, i + 1) for i in range(4)]
    bad = session([*hello(PATH, seconds=100), message(3, sends)], marks=[result(4)], key="s2")
    return case(terminal(well, bad), at_points=points(*PATH))


def test_a_limit_between_sizes_is_found_though_nothing_is_fragmented():
    finding = first(facts(passing=900, failing=1300))
    assert finding.code == "large-datagrams-lost"
    assert (finding.details["passes_up_to"], finding.details["lost_from"]) == (900, 1300)


def test_sizes_that_overlap_are_no_limit():
    assert "large-datagrams-lost" not in codes(facts(passing=1400, failing=1300))
