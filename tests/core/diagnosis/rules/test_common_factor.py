from dataclasses import replace

from tests.core.diagnosis.build import diagnose, sized


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
