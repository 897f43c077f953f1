import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from app.charts import ladder_svg
from app.charts.theme import THEMES, Theme
from app.core.analysis import Session
from app.core.timeline.ladder import Timeline, build_timeline
from tests.core.build_sessions import NAMES, failing_session, passing_session, points, terminal

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>{{7*7}}\u202e\x00]]>&\"'"


def ladder(session: Session, names: tuple[str, ...] = NAMES) -> Timeline:
    return build_timeline(terminal(session), session, points(names))


def words(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_drawing_is_well_formed_named_and_described(lang: str, theme: str) -> None:
    root = ElementTree.fromstring(ladder_svg(ladder(failing_session()), lang, theme))
    assert root.get("role") == "img"
    ids = (root.get("aria-labelledby") or "").split()
    assert [node.get("id") for node in (root.find(f"{SVG}title"), root.find(f"{SVG}desc")) if node is not None] == ids
    assert ("检查结果" in (root.findtext(f"{SVG}desc") or "")) == (lang == "zh")


def test_text_is_text_in_both_languages() -> None:
    assert "3 check result · send 1 of 4 · 2,655 B plain" in words(ladder_svg(ladder(failing_session()), "en"))
    assert "3 检查结果 · 第 1/4 次 · 2,655 字节 明文" in words(ladder_svg(ladder(failing_session()), "zh"))


def test_every_loss_has_a_cross_that_says_where_and_a_word() -> None:
    svg = ladder_svg(ladder(failing_session()), "en")
    assert svg.count("<title>lost between fwout and fwin") == 4
    assert words(svg).count("lost") == 4


def test_nothing_in_it_needs_a_relaxed_content_security_policy() -> None:
    svg = ladder_svg(ladder(failing_session()), "en", link=lambda ref: f"/e?source={ref.source}&frame={ref.frame}")
    assert not re.search(r"\sstyle=|<style|<script|\son\w+=|javascript:", svg)


def test_hostile_names_stay_text() -> None:
    session = failing_session()
    mark = replace(session.marks[1], text=HOSTILE, evidence=replace(session.marks[1].evidence, source=HOSTILE))
    session = replace(session, marks=(session.marks[0], mark), event_id=HOSTILE)
    timeline = build_timeline(terminal(session, user=HOSTILE), session, points())
    svg = ladder_svg(timeline, "en", link=lambda ref: f"/e?source={ref.source}")
    root = ElementTree.fromstring(svg)
    assert not list(root.iter(f"{SVG}script"))
    assert "<script" not in svg
    assert "\u202e" not in "".join(words(svg))
    assert any("<script>alert(1)</script>{{7*7}}⟪U+202E⟫" in word for word in words(svg))


def test_every_sighting_becomes_a_link_where_links_are_wanted() -> None:
    timeline = ladder(failing_session())
    root = ElementTree.fromstring(ladder_svg(timeline, "en", link=lambda ref: f"/{ref.source}/{ref.frame or ref.line}"))
    links = {node.get("href") for node in root.iter(f"{SVG}a")}
    assert {"/fwout.pcap/32", "/terminal-1/iNode.log/31"} <= links


def test_ids_differ_between_two_drawings_on_one_page() -> None:
    timeline = ladder(failing_session())
    ids = [re.findall(r'\sid="([^"]+)"', ladder_svg(timeline, name=name)) for name in ("one", "two")]
    assert not set(ids[0]) & set(ids[1])


def test_a_thumb_keeps_the_crosses_and_drops_the_small_print() -> None:
    thumb = ladder_svg(ladder(failing_session()), "en", width=320, is_thumb=True)
    assert thumb.count("lost between fwout and fwin") == 4
    assert len(words(thumb)) < 20


def test_two_hundred_sends_are_drawn_in_full() -> None:
    svg = ladder_svg(ladder(failing_session(sends=200)), "en")
    assert svg.count("<title>lost between") == 200
    assert "3 ×137 · 2,655 B" in words(svg)


@pytest.mark.parametrize(
    "session", [failing_session(with_captures=False), failing_session(with_logs=False), passing_session()]
)
def test_logs_alone_and_captures_alone_draw_too(session: Session) -> None:
    assert words(ladder_svg(ladder(session), "zh"))


def test_the_same_timeline_gives_the_same_bytes() -> None:
    assert ladder_svg(ladder(failing_session()), "zh") == ladder_svg(ladder(failing_session()), "zh")


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The least one, where a colour is written as one for light and one for dark pages."""
    pairs = zip(re.findall(r"#\w{6}", one), re.findall(r"#\w{6}", other), strict=True)
    return min(_contrast(*pair) for pair in pairs)


def _contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_every_text_colour_reads_on_the_ground_and_on_folded_bands(theme: Theme) -> None:
    for color in (
        theme.text,
        theme.muted,
        theme.to_server,
        theme.to_client,
        theme.lost,
        theme.unknown,
        theme.check,
        theme.wait,
        theme.good,
        theme.bad,
        theme.amber,
    ):
        assert contrast(color, theme.background) >= 4.5
    for color in (theme.text, theme.muted, theme.check, theme.wait, theme.bad):
        assert contrast(color, theme.band) >= 4.5
    assert contrast(theme.text, theme.box) >= 4.5
