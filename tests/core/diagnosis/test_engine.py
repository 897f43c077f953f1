from app.core.analysis import Severity
from app.core.diagnosis import CASE_RULES, RULES, TERMINAL_RULES
from tests.core.diagnosis.build import case, diagnose, hello, points, report, result, session, terminal

PATH = ("client", "server")


def failing():
    made = session([*hello(PATH), report([{"client": "xx", "server": "x."}] * 4)], marks=[result(4)])
    return case(terminal(made), at_points=points(*PATH))


def test_every_rule_has_its_own_code_and_both_languages():
    codes = [rule.code for rule in RULES]
    assert len(set(codes)) == len(codes) == len(TERMINAL_RULES) + len(CASE_RULES)
    assert all(rule.claim.en and rule.claim.zh and rule.inputs.en and rule.inputs.zh for rule in RULES)


def test_every_rule_reports_what_became_of_it():
    analysis = diagnose(failing())
    assert [check.code for check in analysis.checks] == [rule.code for rule in RULES]
    assert {check.code for check in analysis.terminals[0].checks} == {rule.code for rule in TERMINAL_RULES}
    assert all(check.missing for check in analysis.checks if check.result == "not-run")


def test_findings_come_most_important_first():
    order = list(Severity)
    ranks = [order.index(f.severity) for f in diagnose(failing()).terminals[0].findings]
    assert ranks == sorted(ranks)


def test_every_finding_can_be_read_in_both_languages_and_acted_upon():
    analysis = diagnose(failing())
    for finding in (*analysis.terminals[0].findings, *analysis.findings):
        assert finding.evidence and finding.summary.en and finding.summary.zh
        assert all(t.en and t.zh for t in (*finding.against, *finding.next_steps))
    assert analysis.terminals[0].findings[0].next_steps


def test_an_empty_case_has_no_findings_and_every_rule_not_run_or_missed():
    analysis = diagnose(case())
    assert analysis.findings == ()
    assert {check.result for check in analysis.checks} <= {"not-run", "miss"}
