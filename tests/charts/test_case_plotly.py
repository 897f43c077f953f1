import json

import pytest

from app.charts import size_figure, time_figure
from app.core.analysis import Outcome
from app.core.drawings.case_charts import Edges, SizeDot, plot_sizes, plot_times
from app.core.records import NS
from tests.charts.plotly_schema import check
from tests.core.build_sessions import START_NS

DOTS = [SizeDot("t1", "<b>a</b>", 2600, Outcome.FAILED), SizeDot("t2", "b", 700, Outcome.PASSED)]


def test_a_point_of_the_size_plot_opens_its_terminal() -> None:
    figure = size_figure(plot_sizes(DOTS), "zh", "dark")
    points_of = {item["customdata"][0]["terminal"]: item["x"][0] for item in figure["data"]}
    assert points_of == {"t1": 2600, "t2": 700}
    assert "<b>a" not in json.dumps([item["hovertext"] for item in figure["data"]])


def test_the_band_lies_between_the_edges() -> None:
    band = size_figure(plot_sizes(DOTS, Edges(1444, 3000, 28)))["layout"]["shapes"][0]
    assert (band["x0"], band["x1"]) == (1444, 3000)


def test_the_lower_edge_says_what_it_is_on_the_wire() -> None:
    notes = size_figure(plot_sizes(DOTS, Edges(1444, 3000, 28)))["layout"]["annotations"]
    assert [note["text"] for note in notes] == [
        "1,444 B (1,472 on the wire): larger ones are fragmented",
        "3,000 B: larger ones may be compressed",
    ]


def test_bars_add_up_to_the_sessions_and_differ_by_pattern() -> None:
    moments = [(START_NS + n * 60 * NS, Outcome.FAILED if n % 2 else Outcome.PASSED) for n in range(40)]
    figure = time_figure(plot_times(moments))
    assert sum(sum(item["y"]) for item in figure["data"]) == 40
    assert len({item["marker"]["pattern"]["shape"] for item in figure["data"]}) == 2


def test_an_empty_case_still_gives_figures() -> None:
    assert time_figure(plot_times([]))["data"] == []
    assert size_figure(plot_sizes([]))["data"] == []


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_are_plain_json_that_plotly_accepts(lang: str, theme: str) -> None:
    moments = [(START_NS + n * 60 * NS, Outcome.FAILED if n % 2 else Outcome.PASSED) for n in range(40)]
    check(size_figure(plot_sizes(DOTS, Edges(1444, 3000, 28)), lang, theme))
    check(time_figure(plot_times(moments), lang, theme))
