from dataclasses import replace
from itertools import pairwise

import pytest

from app.core.analysis import Session
from app.core.records import NS, Direction
from app.core.timeline.ladder import Timeline, build_timeline
from app.core.timeline.model import Density, LaneKind, MarkKind, SpanKind, Stretch
from app.core.timeline.plan import without_zone
from tests.core.build_sessions import START_NS, failing_session, passing_session, points, terminal


def ladder(
    session: Session,
    names: tuple[str, ...] | None = None,
    *,
    corrected: bool = True,
    offsets: dict[str, float] | None = None,
    limit: int | None = None,
) -> Timeline:
    there = points(offsets=offsets) if names is None else points(names, offsets) if names else ()
    return build_timeline(terminal(session), session, there, corrected=corrected, limit=limit)


def test_lanes_run_from_the_clients_log_over_the_points_in_path_order_to_the_servers_log() -> None:
    lanes = ladder(failing_session()).lanes
    assert [lane.name.en for lane in lanes] == [
        "iNode log",
        "client",
        "uplink",
        "fwout",
        "fwin",
        "server",
        "server log",
    ]
    assert [lane.name.zh for lane in lanes][::3] == ["iNode 日志", "fwout", "服务器日志"]


def test_points_named_out_of_order_are_drawn_in_path_order() -> None:
    session = failing_session()
    lanes = build_timeline(terminal(session), session, points()[::-1]).lanes
    assert [lane.point for lane in lanes if lane.point] == ["client", "uplink", "fwout", "fwin", "server"]


def test_the_lost_fragment_ends_in_a_cross_on_its_leg_and_the_other_one_arrives() -> None:
    timeline = ladder(failing_session())
    for arrow in timeline.arrows[2:]:
        whole, lost = arrow.lines
        assert whole.cross is None
        assert whole.head is not None
        assert whole.head.x1 == 5
        assert lost.cross is not None
        assert lost.cross.x == 3.5
        assert lost.cross.text.en.startswith("lost between fwout and fwin")
        assert lost.head is None
        assert lost.pieces[-1].kind is Stretch.LOST
        assert arrow.is_lost


def test_every_send_is_drawn_with_its_number_its_gap_and_its_fragments() -> None:
    arrows = ladder(failing_session()).arrows
    assert [(arrow.number, arrow.attempt) for arrow in arrows] == [(1, 1), (2, 1), (3, 1), (3, 2), (3, 3), (3, 4)]
    assert arrows[3].title.en == "3 check result · send 2 of 4, 5.005 s later · 2,655 B plain"
    assert arrows[3].title.zh == "3 检查结果 · 第 2/4 次，隔 5.005 s · 2,655 字节 明文"
    assert [(line.offset, line.length) for line in arrows[3].lines] == [(0, 1480), (1480, 1183)]


def test_time_runs_downward_along_a_fragment_and_from_one_send_to_the_next() -> None:
    arrows = ladder(failing_session()).arrows
    for line in (line for arrow in arrows for line in arrow.lines):
        ys = [spot.y for spot in line.seen]
        assert ys == sorted(ys)
        assert len(set(ys)) == len(ys)
    starts = [arrow.y for arrow in arrows]
    assert starts == sorted(starts)


def test_fragments_of_one_datagram_stay_apart_on_every_lane() -> None:
    first, second = ladder(failing_session()).arrows[2].lines
    by_lane = {spot.x: spot.y for spot in second.seen}
    assert all(by_lane[spot.x] - spot.y >= 14 for spot in first.seen if spot.x in by_lane)


def test_an_answer_travels_from_the_server_to_the_client() -> None:
    answer = ladder(passing_session()).arrows[-1]
    assert answer.direction is Direction.TO_CLIENT
    assert [spot.x for spot in answer.lines[0].seen] == [5, 4, 3, 2, 1]
    assert answer.x == 5


def test_a_point_that_cannot_tell_makes_the_place_of_the_loss_wider_not_certain() -> None:
    session = failing_session(unknown=("fwin",), lost_after="fwout")
    timeline = ladder(session)
    lost = timeline.arrows[-1].lines[1]
    assert [lane.point for lane in timeline.lanes if lane.point] == ["client", "uplink", "fwout", "server"]
    assert lost.cross is not None
    assert any("fwin" in note.en for note in timeline.notes)


def test_a_point_that_could_tell_once_stays_and_its_silence_is_not_a_loss() -> None:
    session = failing_session(unknown=("fwin",), lost_after="fwout")
    healthy = passing_session()
    mixed = replace(session, messages=(*healthy.messages[:2], session.messages[2]))
    lost = ladder(mixed).arrows[-1].lines[1]
    assert lost.cross is not None
    assert lost.cross.text.en.startswith("lost somewhere between fwout and server")
    assert lost.pieces[-1].kind is Stretch.UNSEEN


def test_where_nobody_can_see_the_line_fades_out_and_nothing_is_called_lost() -> None:
    session = failing_session(names=("client", "uplink"), lost_after=None)
    for arrow in ladder(session, ("client", "uplink")).arrows[2:]:
        for line in arrow.lines:
            assert line.cross is None
            assert line.head is None
            assert line.pieces[-1].kind is Stretch.FADING
        assert not arrow.is_lost


def test_a_server_log_proves_arrival_where_the_server_has_no_capture() -> None:
    session = failing_session(names=("client", "uplink"), lost_after=None)
    first = ladder(session, ("client", "uplink")).arrows[0].lines[0]
    assert first.head is not None
    assert first.pieces[-1].kind is Stretch.UNSEEN
    assert first.cross is None


def test_a_message_missing_from_the_clients_own_capture_never_left() -> None:
    session = failing_session(names=("client", "server"), payload=300, lost_after=None)
    third = session.messages[2]
    silent = []
    for attempt in third.attempts:
        assert attempt.datagram is not None
        fragments = tuple(
            piece._replace(
                sightings={
                    name: passed._replace(state=type(passed.state).MISSING, time_ns=None, raw_time_ns=None)
                    for name, passed in piece.sightings.items()
                },
            )
            for piece in attempt.datagram.fragments
        )
        silent.append(replace(attempt, datagram=attempt.datagram._replace(fragments=fragments)))
    session = replace(session, messages=(*session.messages[:2], replace(third, attempts=tuple(silent))))
    line = ladder(session, ("client", "server")).arrows[-1].lines[0]
    assert line.cross is not None
    assert line.cross.x < 1.5
    assert "did not leave" in line.cross.text.en


def test_log_lines_are_tied_to_their_packets_and_name_their_line() -> None:
    marks = [mark for mark in ladder(failing_session()).marks if mark.kind is MarkKind.LOG and mark.side == "client"]
    assert [mark.refs[0].line for mark in marks] == [5, 12, 31, 51, 71, 91]
    assert all(mark.tie_x == 1 and mark.tie_y == mark.y for mark in marks)


def test_check_waits_and_giving_up_are_spans_with_their_length() -> None:
    spans = ladder(failing_session()).spans
    assert [span.kind for span in spans] == [
        SpanKind.CHECK,
        SpanKind.WAIT,
        SpanKind.WAIT,
        SpanKind.WAIT,
        SpanKind.GIVE_UP,
    ]
    assert spans[0].seconds == pytest.approx(2.01)
    assert spans[1].text.en == "no answer for 5.005 s, sends again"
    assert spans[-1].text.en.startswith("gives up: 4 sends")


def test_the_result_is_marked_at_the_end() -> None:
    marks = ladder(failing_session()).marks
    bad = next(mark for mark in marks if mark.kind is MarkKind.BAD)
    assert bad.text.zh == "结果 4：未收到策略服务器回应"
    assert bad.y > max(arrow.y for arrow in ladder(failing_session()).arrows)
    assert any(mark.kind is MarkKind.GOOD for mark in ladder(passing_session()).marks)


def test_logs_alone_draw_arrows_that_claim_no_more_than_the_logs() -> None:
    timeline = ladder(failing_session(with_captures=False), ())
    assert [lane.kind for lane in timeline.lanes] == [
        LaneKind.CLIENT_LOG,
        LaneKind.CLIENT,
        LaneKind.SERVER,
        LaneKind.SERVER_LOG,
    ]
    assert timeline.arrows[0].lines[0].head is not None  # both logs have it
    assert timeline.arrows[-1].lines[0].pieces[-1].kind is Stretch.FADING  # only the client's log has it
    assert not any(arrow.is_lost for arrow in timeline.arrows)


def test_captures_alone_draw_no_log_lanes() -> None:
    timeline = ladder(failing_session(with_logs=False))
    assert {lane.kind for lane in timeline.lanes} == {LaneKind.CLIENT, LaneKind.POINT, LaneKind.SERVER}
    assert timeline.marks == ()
    assert timeline.arrows[-1].is_lost


def test_without_a_capture_at_the_client_the_way_from_it_is_not_claimed_as_seen() -> None:
    timeline = ladder(failing_session(names=("uplink", "fwout", "fwin")), ("uplink", "fwout", "fwin"))
    assert not timeline.lanes[1].is_observed
    assert timeline.arrows[2].lines[0].pieces[0].kind is Stretch.UNSEEN


def test_an_empty_session_draws_its_two_hosts() -> None:
    session = replace(failing_session(), messages=(), marks=())
    timeline = ladder(session)
    assert [lane.kind for lane in timeline.lanes] == [LaneKind.CLIENT, LaneKind.SERVER]
    assert timeline.arrows == ()


def test_uncorrected_times_show_the_servers_clock_ahead() -> None:
    offsets = {"server": 37.25}
    session = failing_session(offsets=offsets)
    right = ladder(session, offsets=offsets).arrows[0].lines[0]
    raw = ladder(session, offsets=offsets, corrected=False)
    line = raw.arrows[0].lines[0]
    assert right.seen[-1].time_ns == START_NS + 4 * 38_000
    assert line.seen[-1].time_ns == START_NS + 4 * 38_000 + round(37.25 * NS)
    last_send = next(arrow for arrow in raw.arrows if (arrow.number, arrow.attempt) == (3, 4))
    assert line.seen[-1].y > last_send.lines[0].seen[0].y
    assert any("not corrected" in note.en for note in raw.notes)


def test_uncorrected_log_times_lose_their_zone_but_keep_their_error() -> None:
    assert without_zone((100 + 8 * 3600 + 3) * NS, 100 * NS) == 103 * NS
    assert without_zone((100 - 5 * 3600) * NS, 100 * NS) == 100 * NS
    assert without_zone((100 + 5 * 3600 + 1800 - 2) * NS, 100 * NS) == 98 * NS


def test_two_hundred_sends_are_dense_and_each_keeps_its_own_row() -> None:
    timeline = ladder(failing_session(sends=200))
    assert timeline.density is Density.DENSE
    ys = [arrow.y for arrow in timeline.arrows]
    assert min(after - before for before, after in pairwise(ys)) >= 15
    assert timeline.height < 202 * 60
    assert timeline.arrows[-1].title.en == "3 ×200 · 2,655 B"


def test_for_paper_the_middle_of_many_sends_is_left_out_and_said_so() -> None:
    timeline = ladder(failing_session(sends=200), limit=4)
    assert [arrow.attempt for arrow in timeline.arrows if arrow.number == 3] == [1, 2, 3, 200]
    assert timeline.arrows[-1].attempts == 200
    assert [note.en for note in timeline.notes] == ["196 sends in the middle are left out here."]


def test_messages_without_any_time_are_counted_not_invented() -> None:
    session = failing_session(with_captures=False)
    third = session.messages[2]
    timeless = replace(third, attempts=tuple(replace(one, time_ns=None, log_time_ns=None) for one in third.attempts))
    timeline = ladder(replace(session, messages=(*session.messages[:2], timeless)), ())
    assert len(timeline.arrows) == 2
    assert timeline.notes[0].en == "4 messages have no time and are not drawn."


def test_every_sighting_leads_to_its_frame() -> None:
    for arrow in ladder(failing_session()).arrows:
        for line in arrow.lines:
            for spot in line.seen:
                assert spot.refs[0].source.endswith(".pcap")
                assert spot.refs[0].frame is not None


def test_the_legend_explains_only_what_is_drawn() -> None:
    assert "lost" not in ladder(passing_session()).legend
    assert {"lost", "wait", "give_up", "bad", "fold"} <= set(ladder(failing_session()).legend)


def test_ticks_tell_real_times_in_order() -> None:
    ticks = ladder(failing_session()).ticks
    assert ticks[0].time_ns == START_NS
    assert [tick.time_ns for tick in ticks] == sorted(tick.time_ns for tick in ticks)


def test_the_same_session_gives_the_same_timeline() -> None:
    assert ladder(failing_session()) == ladder(failing_session())


def test_a_sighting_within_the_clocks_band_is_not_drawn_before_it_was_sent() -> None:
    session = failing_session(offsets={"fwin": 0.0})
    shifted = _earlier_at(session, "fwin", 100_000)  # within 2 × 400 µs
    line = ladder(shifted).arrows[2].lines[0]
    ys = [spot.y for spot in line.seen]
    assert ys == sorted(ys)
    measured = [spot.time_ns or 0 for spot in line.seen]
    assert measured[3] < measured[2]  # what was measured is still told


def test_a_sighting_beyond_the_clocks_band_is_drawn_as_it_stands() -> None:
    line = ladder(_earlier_at(failing_session(), "fwin", 5_000_000)).arrows[2].lines[0]
    assert line.seen[3].y < line.seen[2].y


def test_a_result_that_the_log_wrote_to_the_second_stands_below_the_answer_it_follows() -> None:
    session = passing_session()
    mark = session.marks[0]
    early = replace(mark, time_ns=START_NS + 2_000_000_000, raw_time_ns=mark.raw_time_ns - NS)
    timeline = ladder(replace(session, marks=(early,)))
    result = next(mark for mark in timeline.marks if mark.kind is MarkKind.GOOD)
    assert result.y > timeline.arrows[-1].lines[0].seen[-1].y


def _earlier_at(session: Session, point: str, by_ns: int) -> Session:
    third = session.messages[2]
    attempts = []
    for attempt in third.attempts:
        assert attempt.datagram is not None
        fragments = tuple(
            piece._replace(
                sightings={
                    name: seen._replace(time_ns=seen.time_ns - by_ns) if name == point and seen.time_ns else seen
                    for name, seen in piece.sightings.items()
                },
            )
            for piece in attempt.datagram.fragments
        )
        attempts.append(replace(attempt, datagram=attempt.datagram._replace(fragments=fragments)))
    return replace(session, messages=(*session.messages[:2], replace(third, attempts=tuple(attempts))))
