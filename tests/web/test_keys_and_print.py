"""Every shortcut that the help lists does what it says there; what is printed is the content alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.web.conftest import Site, wait_until

LISTED = ["/", "g c", "g n", "j k", "Enter", "e", "Esc", "+ − 0", "← → ↑ ↓", "c", "t", "?"]


def terminal(site: Site) -> str:
    return f"{site.url}/cases/{site.case}/terminals/t1"


def wait_for_ladder(page: Any) -> None:
    wait_until(page, "[...document.querySelectorAll('[data-chart]')].every(c => c.isListening)")


def test_the_help_lists_the_same_keys_in_both_languages(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    for language in ("en", "zh"):
        page.goto(f"{terminal(site)}?lang={language}")
        shown = page.locator("#keys dt").evaluate_all("all => all.map(one => one.textContent.trim())")
        assert shown == LISTED


def test_keys_lead_to_the_search_the_cases_and_a_new_case(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(terminal(site))
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "top-q"
    page.keyboard.press("Tab")
    for keys, path in (("gc", "/cases"), ("gn", "/cases/new")):
        page.goto(terminal(site))
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_url(site.url + path)


def test_keys_walk_the_rows_and_open_one(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}")
    wait_for_ladder(page)
    at = "[...document.querySelectorAll('[data-row]')].findIndex(row => row.contains(document.activeElement))"
    page.keyboard.press("j")
    first = page.evaluate(at)
    page.keyboard.press("j")
    assert page.evaluate(at) == first + 1
    page.keyboard.press("k")
    assert page.evaluate(at) == first
    wanted = page.evaluate("document.activeElement.href")
    page.keyboard.press("Enter")
    page.wait_for_url(wanted)


def test_keys_go_through_the_evidence_and_close_the_drawer(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(terminal(site))
    wait_for_ladder(page)
    page.keyboard.press("e")
    wait_until(page, "!document.getElementById('drawer').hidden")
    assert "src=" in page.url
    page.keyboard.press("Escape")
    assert page.locator("#drawer").is_hidden()
    assert "src=" not in page.url


def test_a_key_switches_the_clock_correction(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(terminal(site))
    wait_for_ladder(page)
    page.keyboard.press("c")
    page.wait_for_url("**corrected=0**")
    wait_for_ladder(page)
    assert page.locator("[data-toggles-clock]").get_attribute("aria-checked") == "false"


# A4 less its margins, in CSS pixels.
PAPER = {"width": 718, "height": 1046}


def test_what_is_printed_is_the_content_and_the_ladder_fits_the_paper(
    site: Site, open_page: Callable[..., Any]
) -> None:
    page = open_page(viewport=PAPER)
    for address, words in (
        (f"{site.url}/cases/{site.case}", ("Building 7, ticket 4711", "Capture points", "Terminals")),
        (terminal(site), ("What happened", "Every fragment at every point", "Messages")),
    ):
        page.goto(address)
        wait_for_ladder(page)
        assert page.pdf(format="A4").startswith(b"%PDF")
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        shown = page.evaluate("document.body.innerText")
        assert all(word in shown for word in words)
        for hidden in ("nav[aria-label=Main]", ".top-search", ".no-print", ".jumps"):
            assert not any(one.is_visible() for one in page.locator(hidden).all()), hidden
        right = "Math.max(...[...document.querySelectorAll('.chart')].map(c => c.getBoundingClientRect().right))"
        assert page.evaluate(right) <= PAPER["width"]
        page.emulate_media(media="screen")
