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
