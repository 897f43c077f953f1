import json
from dataclasses import replace
from typing import Any

import pytest

from app.charts import ladder_figure
from app.core.analysis import Session
from app.core.timeline.ladder import Timeline, build_timeline
from tests.charts.plotly_schema import check
from tests.core.build_sessions import failing_session, passing_session, points, terminal

HOSTILE = "<script>alert(1)</script><b>x</b>%{x}\u202e"


def ladder(session: Session) -> Timeline:
    return build_timeline(terminal(session), session, points())


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return []


def trace(figure: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in figure["data"] if item.get("name") == name)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_figure_is_plain_json_that_plotly_accepts(lang: str, theme: str) -> None:
    for session in (failing_session(), passing_session(), failing_session(sends=200)):
        check(ladder_figure(ladder(session), lang, theme))


def test_a_cross_stands_where_each_fragment_was_lost() -> None:
    crosses = trace(ladder_figure(ladder(failing_session()), "en"), "lost on this leg")
    assert crosses["x"] == [3.5] * 4
    assert all("lost between fwout and fwin" in text for text in crosses["hovertext"])


def test_a_click_finds_the_frame_or_the_line() -> None:
    figure = ladder_figure(ladder(failing_session()), "en")
    found = [point for item in figure["data"] for point in item.get("customdata", []) if point]
    assert {"source": "fwin.pcap", "line": None, "frame": 23, "frames": [23]} in found
    assert {"source": "terminal-1/iNode.log", "line": 31, "frame": None, "frames": []} in found


def test_points_and_their_references_have_the_same_number() -> None:
    for item in ladder_figure(ladder(failing_session()), "en")["data"]:
        if "customdata" in item:
            assert len(item["customdata"]) == len(item["x"]) == len(item["y"])


def test_hostile_text_is_escaped_and_no_template_reads_it() -> None:
    session = failing_session()
    mark = replace(session.marks[1], text=HOSTILE)
    session = replace(session, marks=(session.marks[0], mark), event_id=HOSTILE)
    figure = ladder_figure(build_timeline(terminal(session, user=HOSTILE), session, points()), "en")
    assert not any("<script" in text or "<b>x" in text or "\u202e" in text for text in strings(figure))
    assert any("&lt;script&gt;" in text for text in strings(figure))
    assert not any("hovertemplate" in item or "texttemplate" in item for item in figure["data"])


def test_arrowheads_turn_with_their_line_at_any_zoom() -> None:
    figure = ladder_figure(ladder(passing_session()), "en")
    heads = [item for item in figure["data"] if item.get("marker", {}).get("angleref") == "previous"]
    assert len(heads) == 2


def test_two_hundred_sends_open_at_the_top_and_can_be_panned() -> None:
    figure = ladder_figure(ladder(failing_session(sends=200)), "en")
    low, high = figure["layout"]["yaxis"]["range"]
    assert high < 0 < low
    assert figure["layout"]["height"] < 1600
    assert max(y for item in figure["data"] for y in item["y"] if y is not None) > 5000
    assert figure["layout"]["dragmode"] == "pan"


def test_the_same_timeline_gives_the_same_figure() -> None:
    assert json.dumps(ladder_figure(ladder(failing_session()))) == json.dumps(ladder_figure(ladder(failing_session())))
