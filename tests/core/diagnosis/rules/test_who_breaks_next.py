from app.core.diagnosis.rules.who_breaks_next import fit_sizes
from tests.core.diagnosis.build import named, sized

LINE = [(40, True), (60, True), (80, True), (95, False), (150, False), (200, False), (235, False)]


def rows(line):
    return [(560 + 10 * patches, passed) for patches, passed in line]


def test_terminals_near_the_lower_edge_are_named_and_those_near_the_upper_one_heal():
    finding = named(sized(rows(LINE), patches=[p for p, _ in LINE]), "who-breaks-next")
    assert finding.severity == "info"
    assert finding.details["soon"] == ["t1", "t2"]  # 60 and 80 patches; the edge lies at 88
    assert finding.details["healing"] == ["t6"]
    assert finding.details["per_patch_bytes"] == 10.0


def test_where_nothing_fails_nobody_breaks_next():
    well = [(p, True) for p, _ in LINE]
    assert named(sized(rows(well), patches=[p for p, _ in LINE]), "who-breaks-next") is None


def test_the_line_is_calibrated_on_the_case():
    line = fit_sizes([(10, 810), (20, 930), (40, 1170)])
    assert (round(line.base_bytes), round(line.per_patch_bytes), line.samples) == (690, 12, 3)
    assert line.patches_at(1444) == 62


def test_too_few_points_leave_the_usual_line():
    assert fit_sizes([(10, 810), (20, 930)]).samples == 0


def test_points_of_which_patches_explain_nothing_do_too():
    assert fit_sizes([(10, 810), (20, 2930), (30, 900), (40, 810)]).samples == 0
