from app.core.finding_names import FINDING_NAMES, codes_named


def test_a_word_finds_the_findings_that_it_names_in_either_language_or_as_code() -> None:
    assert codes_named("size-band") == ["size-band"] == codes_named("Size b") == codes_named("尺寸区间")
    assert {"later-fragments-lost", "first-fragment-lost"} <= set(codes_named("fragment"))
    assert codes_named("8301001") == []


def test_every_finding_has_a_name_in_both_languages() -> None:
    assert all(name.en and name.zh for name in FINDING_NAMES.values())
