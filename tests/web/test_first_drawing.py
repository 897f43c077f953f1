"""The ladder that stands in the page before plotly is there: what it answers, and that plotly moves nothing."""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from typing import Any

import pytest

from tests.web.conftest import Site, axe_violations, wait_until
from tests.web.test_terminal_page import RANGES, span

PLOTLY = "**/vendor/plotly*.js"
LISTENS = "[...document.querySelectorAll('.chart.ladder')].every(chart => chart.isListening)"
# Where marks and words stand in the window, of the first drawing or of plotly's.
PLACES = """selector => [...document.querySelectorAll(selector)].map(element => {
  const box = element.getBoundingClientRect();
  return [element.textContent.trim(), box.left + box.width / 2, box.top + box.height / 2];
}).sort((one, other) => one[0].localeCompare(other[0]) || one[2] - other[2] || one[1] - other[1])"""


@pytest.fixture
def held(open_page: Callable[..., Any]) -> Callable[..., tuple[Any, Callable[[], None]]]:
    """Opens a page whose plotly does not come before it is told to."""

    def opened(address: str, **options: Any) -> tuple[Any, Callable[[], None]]:
        page, waiting, may_come = open_page(**options), [], []
        page.route(PLOTLY, lambda route: route.continue_() if may_come else waiting.append(route))
        page.goto(address, wait_until="domcontentloaded")
        wait_until(page, "document.querySelector('.chart.ladder').isAttended")

        def come() -> None:
            may_come.append(True)
            for route in waiting:
                route.continue_()

        return page, come

    return opened


def terminal(site: Site) -> str:
    return f"{site.url}/cases/{site.case}/terminals/t1"


def test_a_mark_opens_its_evidence_before_plotly_is_there(site: Site, held: Callable[..., Any]) -> None:
    page, _come = held(terminal(site))
    page.locator(".first-drawing a[href*='line=']").first.click()
    page.locator("#drawer .here .line-text").wait_for()
    assert "line=" in page.url
    assert page.evaluate("typeof Plotly") == "undefined"


def test_a_key_reaches_every_mark_and_the_focus_is_not_taken_away(site: Site, held: Callable[..., Any]) -> None:
    page, come = held(terminal(site))
    page.locator(".chart.ladder").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.first-drawing') !== null")
    come()
    wait_until(page, "globalThis.Plotly !== undefined")
    page.wait_for_timeout(500)
    assert page.evaluate("document.activeElement.closest('.first-drawing') !== null")
    page.evaluate("document.activeElement.blur()")
    wait_until(page, LISTENS)
    assert page.locator(".first-drawing").count() == 0


def test_plotly_draws_what_was_asked_for_before_it_came(site: Site, held: Callable[..., Any]) -> None:
    page, come = held(terminal(site))
    box = page.locator(".first-drawing").bounding_box()
    whole = [float(value) for value in page.locator(".first-drawing").get_attribute("data-whole").split("_")]
    page.keyboard.press("+")
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2 - 80, steps=3)
    page.mouse.up()
    come()
    wait_until(page, LISTENS)
    shown = page.evaluate(RANGES)
    wanted = span(whole) * 0.7 * exp(-60 / 200)  # the wheel counts to 60 at a time
    assert span(shown) == pytest.approx(wanted, rel=0.01)
    middles = [(part[2] + part[3]) / 2 for part in (whole, shown)]
    assert middles[1] - middles[0] == pytest.approx(80 / box["height"] * wanted, rel=0.02)
    assert "zoom=" in page.url
    page.keyboard.press("0")
    wait_until(page, "!location.search.includes('zoom=')")
    assert page.evaluate(RANGES) == pytest.approx(whole)


THEIRS = {
    ".words text": ".textpoint text",
    "> g text": ":is(.xtick, .annotation) tspan, .xtick text:not(:has(tspan)), .chart.ladder .ytick text",
    "a :is(circle:not(.reach), path)": ".point",
}


@pytest.mark.parametrize("query", ["", "?zoom=0.50_3.60_200_40", "?corrected=0&lang=zh&theme=dark"])
@pytest.mark.parametrize("width", [820, 1600])
def test_nothing_moves_when_plotly_takes_over(site: Site, held: Callable[..., Any], query: str, width: int) -> None:
    page, come = held(terminal(site) + query, viewport={"width": width, "height": 1000})
    below = "document.getElementById('messages').getBoundingClientRect().top"
    before = page.evaluate(below)
    first = {ours: page.evaluate(PLACES, f".first-drawing {ours}") for ours in THEIRS}
    come()
    wait_until(page, LISTENS)
    assert page.evaluate(below) == before
    for ours, theirs in THEIRS.items():
        wanted = page.evaluate(PLACES, f".chart.ladder {theirs}")
        assert first[ours]
        for text, x, y in first[ours]:
            assert any(text == name and max(abs(x - left), abs(y - top)) < 1.5 for name, left, top in wanted), (
                text,
                (x, y),
                [place for place in wanted if place[0] == text],
            )


def test_the_first_drawing_is_accessible(site: Site, held: Callable[..., Any]) -> None:
    for choice in ("?lang=en&theme=light", "?lang=zh&theme=dark"):
        page, _come = held(terminal(site) + choice)
        assert axe_violations(page) == []


def test_marks_of_a_comparison_lead_to_their_terminals(site: Site, held: Callable[..., Any]) -> None:
    page, _come = held(f"{site.url}/cases/{site.case}/compare?t=t1&t=t3")
    mark = page.locator(".first-drawing a[href*='/terminals/t3?']").first
    mark.click()
    page.wait_for_url("**/terminals/t3?**src=**")
    page.locator("#drawer h2").wait_for()
