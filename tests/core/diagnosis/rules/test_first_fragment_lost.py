from app.core.analysis import Outcome
from tests.core.diagnosis.build import case, codes, first, hello, points, report, result, session, terminal

PATH = ("client", "server")


def facts(sights):
    return case(terminal(session([*hello(PATH), report(sights)], marks=[result(4)])), at_points=points(*PATH))


def test_later_fragments_without_their_first_one_fire():
    finding = first(facts([{"client": "xx", "server": ".x"}] * 4))
    assert (finding.code, finding.between, finding.confidence) == ("first-fragment-lost", PATH, "certain")


def test_the_opposite_pattern_does_not():
    assert "first-fragment-lost" not in codes(facts([{"client": "xx", "server": "x."}] * 4))


def test_unknown_first_fragments_do_not():
    assert "first-fragment-lost" not in codes(facts([{"client": "xx", "server": "?x"}] * 4))


def test_a_mirror_on_one_of_two_equal_paths_widens_the_leg():
    path = ("client", "mirror", "server")
    split = {"client": "xx", "mirror": ".x", "server": "xx"}  # first fragments take the other path, and pass
    well = session([*hello(path), report([split])], Outcome.PASSED, marks=[result(0)])
    lost = session(
        [*hello(path, seconds=60), report([{"client": "xx", "mirror": ".x", "server": ".x"}] * 4)],
        marks=[result(4)],
        key="s2",
    )
    finding = first(case(terminal(well, lost), at_points=points(*path)))
    assert (finding.code, finding.between) == ("first-fragment-lost", ("client", "server"))
