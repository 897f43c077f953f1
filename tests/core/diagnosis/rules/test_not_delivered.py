from app.core.analysis import SourceKind
from tests.core.diagnosis.build import case, diagnose, hello, named, points, report, result, session, terminal

PATH = ("client", "server")
BOTH = (SourceKind.INODE_LOG, SourceKind.SERVER_LOG)


def facts(server_log, logs=BOTH):
    made = session(
        [*hello(PATH, server_log=True), report([dict.fromkeys(PATH, "xx")] * 4, server_log=server_log)],
        marks=[result(4)],
    )
    return case(terminal(made), at_points=points(*PATH), logs=logs)


def test_whole_at_the_card_and_no_line_in_the_log_points_at_the_host():
    finding = named(facts(server_log=False), "not-delivered")
    assert (finding.severity, finding.confidence) == ("warning", "likely")


def test_a_line_in_the_log_speaks_against_it():
    assert named(facts(server_log=True), "not-delivered") is None


def test_without_a_server_log_it_was_not_run():
    checks = {c.code: c for c in diagnose(facts(False, logs=(SourceKind.INODE_LOG,))).checks}
    assert checks["not-delivered"].result == "not-run"
    assert checks["not-delivered"].missing
