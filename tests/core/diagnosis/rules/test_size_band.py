from tests.core.diagnosis.build import diagnose, named, sized

SMALL, BAND, LARGE = (
    [(600, True), (900, True), (1400, True)],
    [(1500, False), (2200, False), (2900, False)],
    [(3100, True)],
)


def test_the_band_is_found_and_its_edges_are_told_with_their_support():
    finding = named(sized([*SMALL, *BAND, *LARGE]), "size-band")
    assert finding.severity == "warning"
    assert (finding.details["low"], finding.details["high"]) == (1500, 2900)
    assert (finding.details["passing_below"], finding.details["passing_above"]) == (1400, 3100)
    assert finding.details["exceptions"] == []


def test_the_band_comes_from_the_data_and_not_from_1472_and_3000():
    finding = named(
        sized([(500, True), (600, True), (1000, False), (1100, False), (1200, False), (1300, True), (1350, True)]),
        "size-band",
    )
    assert (finding.details["low"], finding.details["high"]) == (1000, 1200)


def test_exceptions_are_listed_by_terminal():
    finding = named(sized([*SMALL, *BAND, (2000, True), *LARGE, (700, True), (800, True)]), "size-band")
    assert [e["plain_bytes"] for e in finding.details["exceptions"]] == [2000]


def test_one_of_each_is_only_possible():
    finding = named(sized([(700, True), (2600, False)]), "size-band")
    assert (finding.confidence, finding.severity) == ("possible", "info")


def test_failures_at_all_sizes_are_no_band():
    rows = [
        (600, False),
        (900, True),
        (1400, False),
        (1500, True),
        (2200, False),
        (2900, True),
        (3100, False),
        (3500, True),
    ]
    assert named(sized(rows), "size-band") is None


def test_nobody_failing_is_no_band():
    assert not diagnose(sized([(700, True), (2600, True)])).findings


def test_without_sizes_it_was_not_run():
    checks = {c.code: c.result for c in diagnose(sized([])).checks}
    assert checks["size-band"] == "not-run"
