from app.core.analysis import SourceKind
from tests.core.diagnosis.build import (
    case,
    codes,
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

PATH = ("client", "server")
WHOLE = dict.fromkeys(PATH, "xx")


def facts(sights, seconds=120.0, **more):
    made = session([*hello(PATH), report(sights, **more)], marks=[result(4)])
    return case(
        terminal(made), at_points=points(*PATH, seconds=seconds), logs=(SourceKind.INODE_LOG, SourceKind.SERVER_LOG)
    )


def test_whole_at_the_server_and_no_answer_is_certain_where_the_capture_ran_on():
    finding = first(facts([WHOLE] * 4))
    assert (finding.code, finding.confidence, finding.between) == ("server-silent", "certain", None)


def test_a_capture_that_ends_with_the_message_cannot_tell():
    assert named(facts([WHOLE], seconds=3), "server-silent").confidence == "possible"


def test_what_arrived_in_part_is_not_silence():
    assert "server-silent" not in codes(facts([{"client": "xx", "server": "x."}] * 4))


def test_the_server_log_alone_is_likely_at_best():
    sends = message(3, [send(None, 3, 2 + 5 * i, server_log=True, attempt=i + 1) for i in range(2)])
    start = [message(1, [send(None, 1, 0, server_log=True)]), message(2, [send(None, 2, 0.1, server_log=True)])]
    made = case(
        terminal(session([*start, sends], marks=[result(4)])), logs=(SourceKind.INODE_LOG, SourceKind.SERVER_LOG)
    )
    assert first(made).code == "server-silent"
    assert first(made).confidence == "likely"
