from app.core.analysis import SourceKind
from tests.core.diagnosis.build import case, hello, named, points, report, result, session, terminal

PATH = ("client", "server")


def facts(server_log):
    made = session(
        [*hello(PATH, server_log=True), report([dict.fromkeys(PATH, "xx")] * 4, server_log=server_log)],
        marks=[result(4)],
    )
    return case(terminal(made), at_points=points(*PATH), logs=(SourceKind.INODE_LOG, SourceKind.SERVER_LOG))


def test_lines_in_the_servers_log_point_at_the_service():
    assert named(facts(True), "logged-not-answered").counts == {"logged": 4}


def test_no_line_does_not():
    assert named(facts(False), "logged-not-answered") is None
