from dataclasses import replace

from app.core.analysis import Outcome, Severity
from app.core.diagnosis import RULES
from app.core.records import Text
from app.web import labels
from app.web.findings import Example, case_headline, split, terminal_headline
from tests.web.sample_case import sample_analysis

CAUSE = Text(
    "Message 3: fragments are lost at 0.5 a second. Both points were capturing.", "3 号报文的分片丢失。两点均在抓包。"
)


def test_the_headline_is_one_sentence_that_says_how_many_and_why() -> None:
    told = case_headline((), {"failed": 3, "passed": 9}, CAUSE)
    assert told.sentence.en == "3 of 12 terminals failed: message 3: fragments are lost at 0.5 a second."
    assert told.sentence.zh == "12 个终端中有 3 个失败：3 号报文的分片丢失。"
    assert (told.rest.en, told.rest.zh) == ("Both points were capturing.", "两点均在抓包。")
    assert (told.tone, told.sign) == ("bad", "✕")


def test_one_terminal_is_not_counted() -> None:
    assert case_headline((), {"failed": 1}, CAUSE).sentence.en == split(CAUSE)[0].en


def test_an_error_of_the_whole_case_comes_before_what_terminals_have() -> None:
    own = sample_analysis(2).findings[0]
    assert "plaintext" in case_headline((own,), {"failed": 1}, CAUSE).sentence.en
    warning = replace(own, severity=Severity.WARNING)
    assert "0.5" in case_headline((warning,), {"failed": 1}, CAUSE).sentence.en


def test_a_failure_without_a_cause_does_not_invent_one() -> None:
    assert "does not say why" in case_headline((), {"failed": 1}, None).sentence.en


def test_well_unfinished_and_empty_cases_are_told_apart() -> None:
    assert case_headline((), {"passed": 2}, None).tone == "good"
    assert case_headline((), {"passed": 1, "incomplete": 1}, None).tone == "open"
    assert "No EAD exchange" in case_headline((), {}, None).sentence.en


def test_a_terminal_speaks_by_its_first_finding() -> None:
    failed, passed = (
        next(t for t in sample_analysis(4).terminals if t.outcome is o) for o in (Outcome.FAILED, Outcome.PASSED)
    )
    assert terminal_headline(failed).tone == "bad"  # type: ignore[union-attr]
    assert terminal_headline(passed).tone == "good"  # type: ignore[union-attr]
    assert terminal_headline(replace(passed, findings=())) is None


def test_every_rule_has_a_name_for_people() -> None:
    assert {rule.code for rule in RULES} - set(labels.FINDINGS) == set()


def test_numbers_of_one_terminal_of_several_are_told_as_such() -> None:
    example = Example("t", "8264101", replace(sample_analysis().terminals[0].findings[0], summary=CAUSE))
    assert example.summary(1) == CAUSE
    told = case_headline((), {"failed": 7}, example.summary(7))
    assert "Counted for 8264101." in told.rest.en and "取自 8264101" in told.rest.zh
