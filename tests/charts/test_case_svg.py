import re
import xml.etree.ElementTree as ElementTree

import pytest

from app.charts import boxes_svg, path_svg, size_plot_svg, time_plot_svg
from app.core.analysis import Outcome
from app.core.drawings.case_charts import SizeDot, plot_sizes, plot_times
from app.core.drawings.fragment_boxes import fragment_boxes
from app.core.drawings.path_drawing import draw_path
from app.core.records import NS
from tests.core.build_sessions import NAMES, START_NS, datagram, failing_session, passing_session, points

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>\"'&\u202e"
DOTS = [
    SizeDot("t1", HOSTILE, 2600, Outcome.FAILED),
    SizeDot("t2", "b", 700, Outcome.PASSED),
    SizeDot("t3", "c", 900, Outcome.INCOMPLETE),
    SizeDot("t4", "d", 901, Outcome.UNKNOWN),
]


def drawings(lang: str, theme: str) -> list[str]:
    moments = [(START_NS + n * 100 * NS, Outcome.FAILED if n % 3 else Outcome.PASSED) for n in range(50)]
    lossy = datagram(START_NS, 2655, NAMES, lost_after="fwout")
    return [
        size_plot_svg(plot_sizes(DOTS, without_size=3), lang, theme, link=lambda key: f"/t/{key}"),
        time_plot_svg(plot_times(moments), lang, theme),
        time_plot_svg(plot_times([]), lang, theme),
        path_svg(draw_path(points(), [failing_session(), passing_session()]), lang, theme),
        boxes_svg(fragment_boxes(lossy, "server"), lang, theme),
    ]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_chart_is_well_formed_named_and_harmless(lang: str, theme: str) -> None:
    for svg in drawings(lang, theme):
        root = ElementTree.fromstring(svg)
        has_links = root.find(f".//{SVG}a") is not None
        assert root.get("role") == ("group" if has_links else "img")
        assert root.findtext(f"{SVG}title")
        assert not re.search(r"\sstyle=|<style|<script|\son\w+=|\u202e", svg)


def test_a_dot_leads_to_its_terminal_and_says_its_name() -> None:
    root = ElementTree.fromstring(drawings("en", "light")[0])
    assert [node.get("href") for node in root.iter(f"{SVG}a")] == ["/t/t1", "/t/t3", "/t/t4", "/t/t2"]
    assert any((node.text or "").startswith("<script>") for node in root.iter(f"{SVG}title"))


def test_outcomes_differ_by_shape() -> None:
    root = ElementTree.fromstring(drawings("en", "light")[0])
    shapes = [
        next(iter(node)).tag.removeprefix(SVG) + ("z" if (next(iter(node)).get("d") or "").endswith("Z") else "")
        for node in root.iter(f"{SVG}a")
    ]
    assert shapes == ["path", "pathz", "rect", "circle"]


def test_the_guilty_leg_carries_its_count_in_words() -> None:
    texts = [node.text for node in ElementTree.fromstring(drawings("en", "light")[3]).iter(f"{SVG}text")]
    assert "3: 4 of 9 lost →" in texts


def test_a_missing_box_is_crossed_out_and_an_unknown_one_asks() -> None:
    lossy = datagram(START_NS, 2655, NAMES, lost_after="fwout")
    assert "?" in boxes_svg(fragment_boxes(lossy, "elsewhere"))
    assert "?</text>" not in boxes_svg(fragment_boxes(lossy, "server"))


def test_a_datagram_of_many_fragments_fits_its_cell() -> None:
    large = datagram(START_NS, 65_000, NAMES)
    root = ElementTree.fromstring(boxes_svg(fragment_boxes(large, "server"), width=120))
    rights = [float(node.get("x", 0)) + float(node.get("width", 0)) for node in root.iter(f"{SVG}rect")]
    assert max(rights) <= 120


def test_five_thousand_terminals_stay_inside_the_drawing() -> None:
    svg = size_plot_svg(plot_sizes([SizeDot(f"t{n}", "x", 2000, Outcome.PASSED) for n in range(5000)]))
    ys = [float(y) for y in re.findall(r'cy="([\d.-]+)"', svg)]
    assert len(ys) > 5000
    assert min(ys) > 40
