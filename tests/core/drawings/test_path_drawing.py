from app.core.analysis import Confidence, Evidence, Finding, Severity
from app.core.drawings.path_drawing import draw_path
from app.core.records import Direction, Text
from tests.core.build_sessions import failing_session, passing_session, points


def test_losses_are_counted_on_their_leg_message_by_message() -> None:
    drawing = draw_path(points(), [failing_session(), passing_session()])
    leg = drawing.legs[2]
    assert [(count.number, count.offered, count.lost) for count in leg.of(Direction.TO_SERVER)] == [
        (1, 2, 0),
        (3, 9, 4),
    ]
    assert [(count.number, count.crossed) for count in leg.of(Direction.TO_CLIENT)] == [(2, 2), (4, 1)]
    assert [leg.is_guilty for leg in drawing.legs] == [False, False, True, False]


def test_what_was_lost_before_a_leg_is_not_offered_to_it() -> None:
    count = draw_path(points(), [failing_session()]).legs[3].of(Direction.TO_SERVER)[1]
    assert (count.crossed, count.lost, count.unknown) == (4, 0, 4)


def test_a_blind_point_makes_both_its_legs_suspect_and_none_guilty() -> None:
    drawing = draw_path(points(), [failing_session(unknown=("fwin",), lost_after="fwout")])
    assert [leg.is_suspect for leg in drawing.legs] == [False, False, True, True]
    assert not any(leg.is_guilty for leg in drawing.legs)


def test_a_finding_names_the_guilty_leg_whatever_else_was_lost() -> None:
    text = Text("x", "x")
    finding = Finding(
        "later-fragments-lost", Severity.ERROR, Confidence.CERTAIN, text, (Evidence("a"),), between=("fwin", "fwout")
    )
    stray = failing_session(lost_after="uplink", sends=1)
    drawing = draw_path(points(), [failing_session(), stray], [finding])
    assert [leg.is_guilty for leg in drawing.legs] == [False, False, True, False]


def test_ends_without_a_capture_are_drawn_but_nothing_is_known_of_their_legs() -> None:
    names = ("uplink", "fwout", "fwin")
    drawing = draw_path(points(names), [failing_session(names=names)])
    assert [node.name.en for node in drawing.nodes] == ["client", "uplink", "fwout", "fwin", "server"]
    assert [leg.is_known for leg in drawing.legs] == [False, True, True, False]


def test_without_any_capture_there_is_one_unknown_leg() -> None:
    drawing = draw_path((), [failing_session(with_captures=False)])
    assert len(drawing.nodes) == 2
    assert len(drawing.legs) == 1
    assert not drawing.legs[0].is_known
