import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from app.charts import ladder_figure
from app.charts.first_drawing import Mark, Part, first_drawing
from app.charts.ladder_svg_legend import legend_signs
from app.charts.theme import DARK, LIGHT, PAGE
from app.core.analysis import Session
from app.core.timeline.ladder import build_timeline
from tests.core.build_sessions import failing_session, passing_session, points, terminal

HOSTILE = '<script>alert(1)</script>"\u202e'


class Reader(HTMLParser):
    """Counts tags and fails on one that is closed out of turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def figure_of(session: Session, user: str = "u") -> dict[str, Any]:
    return ladder_figure(build_timeline(terminal(session, user=user), session, points()), "en", "page")


def link(mark: Mark) -> str:
    return f'href="/{mark["line"] or mark["frame"]}"'


def drawn(session: Session, shown: Part | None = None) -> str:
    return first_drawing(figure_of(session), link, "one", shown)


@pytest.mark.parametrize("session", [failing_session(), passing_session(), failing_session(sends=200)])
def test_it_is_well_formed_and_every_mark_with_evidence_is_a_link(session: Session) -> None:
    found = Reader(drawn(session)).found
    titles = sum(tag == "title" for tag, _ in found)
    links = [attributes["href"] for tag, attributes in found if tag == "a"]
    assert len(links) == titles > 10
    assert not any("style" in attributes for _, attributes in found)


def test_its_marks_are_those_of_the_figure() -> None:
    figure = figure_of(failing_session())
    height = figure["layout"]["height"]
    wanted = [
        f'href="/{behind["line"] or behind["frame"]}"'
        for trace in figure["data"]
        for y, behind in zip(trace["y"], trace.get("customdata", ()), strict=False)
        if behind and y < height
    ]
    assert re.findall(r'<a (href="[^"]+")>', first_drawing(figure, link, "one")) == wanted


def test_only_what_is_in_the_first_view_is_drawn() -> None:
    assert len(drawn(failing_session(sends=800))) < 1.5 * len(drawn(failing_session(sends=200)))


def test_it_draws_the_part_that_is_asked_for() -> None:
    part = drawn(failing_session(), (0.5, 3.0, 200.0, 40.0))
    assert 'data-shown="0.5_3.0_200.0_40.0"' in part
    assert len(part) < len(drawn(failing_session()))


def test_hostile_text_stays_text() -> None:
    session = failing_session()
    mark = replace(session.marks[1], text=HOSTILE)
    text = first_drawing(figure_of(replace(session, marks=(session.marks[0], mark)), HOSTILE), link, "one")
    assert "script" not in {tag for tag, _ in Reader(text).found}
    assert "\u202e" not in text and "&lt;script&gt;" in text


def test_arrowheads_of_two_drawings_have_different_names() -> None:
    figure = figure_of(failing_session())
    ids = [re.findall(r' id="([^"]+)"', first_drawing(figure, link, name)) for name in ("one", "two")]
    assert ids[0] and not set(ids[0]) & set(ids[1])


def test_the_colours_of_a_page_are_those_of_both_themes() -> None:
    assert f"light-dark({LIGHT.lost},{DARK.lost})" == PAGE.lost
    assert PAGE.lost in json.dumps(figure_of(failing_session()))


def test_every_sign_of_a_legend_stands_with_its_words() -> None:
    timeline = build_timeline(terminal(failing_session()), failing_session(), points())
    signs = list(legend_signs(timeline.legend, "zh"))
    assert len(signs) == len(timeline.legend)
    assert all(Reader(sign).found and words for sign, words in signs)
