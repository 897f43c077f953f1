from tests.core.diagnosis.build import case, codes, first, hello, icmp, named, points, report, result, session, terminal


def facts(path, sights):
    return case(terminal(session([*hello(path), report(sights)], marks=[result(4)])), at_points=points(*path))


def test_an_icmp_11_1_supports_the_loss_and_stands_behind_it():
    found = icmp(facts(("client", "server"), [{"client": "xx", "server": "x."}] * 4), 11, 1)
    assert codes(found)[0] == "later-fragments-lost"
    assert named(found, "reassembly-timeout").severity == "warning"


def test_with_nothing_but_a_client_capture_it_is_the_best_witness():
    found = icmp(facts(("client",), [{"client": "xx"}] * 4), 11, 1)
    assert (first(found).code, first(found).severity) == ("reassembly-timeout", "error")


def test_an_expired_hop_limit_is_not_a_reassembly_timeout():
    assert "reassembly-timeout" not in codes(icmp(facts(("client",), [{"client": "xx"}] * 4), 11, 0))
