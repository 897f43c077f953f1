from tests.core.diagnosis.build import case, codes, first, hello, icmp, points, report, result, session, terminal

PATH = ("client", "server")


def facts(code, mtu=1400):
    made = session(
        [*hello(PATH), report([{"client": "x", "server": "."}] * 4, wire=1435, plain=1407)], marks=[result(4)]
    )
    return icmp(case(terminal(made), at_points=points(*PATH)), 3, code, mtu=mtu)


def test_the_error_names_the_cause_and_the_leg_and_no_other_loss_is_claimed():
    finding = first(facts(4))
    assert (finding.code, finding.severity, finding.between) == ("too-big", "error", PATH)
    assert finding.details["mtu"] == 1400
    assert [c for c in codes(facts(4)) if c.endswith("-lost") or c == "path-down"] == []


def test_a_port_unreachable_is_not_too_big():
    assert "too-big" not in codes(facts(3))
