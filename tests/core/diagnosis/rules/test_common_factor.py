from dataclasses import replace

from tests.core.diagnosis.build import datagram, diagnose, message, points, send, sized


def facts(rows):
    """(plaintext, passed, address)"""
    made = sized([(plain, passed) for plain, passed, _ in rows])
    terminals = tuple(replace(t, ip=(ip,)) for t, (_, _, ip) in zip(made.terminals, rows, strict=True))
    return replace(made, terminals=terminals)


def factors(found):
    return [f.details["value"] for f in diagnose(found).findings if f.code == "common-factor"]


def test_a_subnet_that_all_failing_terminals_share_is_named():
    rows = [(2000 + i, False, f"10.0.9.{i}") for i in range(6)] + [(2000 + i, True, f"10.0.{i}.5") for i in range(6)]
    assert "10.0.9.0/24" in factors(facts(rows))


def test_a_size_that_explains_it_better_comes_first():
    rows = [(2000 + i, False, f"10.0.{i}.9") for i in range(6)] + [(700 + i, True, f"10.0.{i}.5") for i in range(6)]
    assert factors(facts(rows)) == []


def test_what_stands_for_the_access_device_is_said():
    rows = [(2000 + i, False, f"10.0.{i}.9") for i in range(6)] + [(2000 + i, True, f"10.0.{i}.5") for i in range(6)]
    made = facts(rows)
    behind = dict(enumerate(["floor-1"] * 6 + ["floor-2"] * 6))
    terminals = []
    for number, one in enumerate(made.terminals):
        sights = {name: "x" if name in ("client", behind[number]) else "?" for name in ("client", "floor-1", "floor-2")}
        hello = message(1, [send(datagram(sights, ident=number, wire=151, port=9019), 1, 0)])
        sessions = tuple(replace(s, messages=(hello, *s.messages)) for s in one.sessions)
        terminals.append(replace(one, sessions=sessions))
    made = replace(made, terminals=tuple(terminals), capture_points=points("client", "floor-1", "floor-2", "server"))
    (finding,) = [f for f in diagnose(made).findings if f.code == "common-factor"]
    assert finding.details["value"] == "floor-1"
    assert "stands for the access device" in finding.against[0].en
