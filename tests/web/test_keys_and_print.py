"""Every shortcut that the help lists does what it says there; what is printed is the content alone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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


@dataclass(frozen=True, slots=True)
class Print:
    """What a person reads on the paper; `words` are (text, left, right, width of the page), in points."""

    text: str
    pages: int
    words: list[tuple[str, float, float, float]]


def printed(page: Any, folder: Path) -> Print:
    """The text of the PDF that the browser prints."""
    file = folder / "page.pdf"
    file.write_bytes(page.pdf(format="A4", prefer_css_page_size=True))
    text, boxes = (
        subprocess.run(["pdftotext", *options, file, "-"], check=True, capture_output=True, text=True).stdout
        for options in (("-layout",), ("-bbox",))
    )
    words = []
    pages = re.findall(r'<page width="([\d.]+)".*?</page>', boxes, re.DOTALL)
    for sheet in re.finditer(r'<page width="([\d.]+)".*?</page>', boxes, re.DOTALL):
        for left, right, word in re.findall(r'xMin="([-\d.]+)".*?xMax="([-\d.]+)".*?>(.*?)</word>', sheet[0]):
            words.append((word, float(left), float(right), float(sheet[1])))
    return Print(re.sub(r"\s+", " ", text), len(pages), words)


# What belongs to the screen: ways to somewhere else, fields, buttons.
NOT_ON_PAPER = (
    "Search all cases", "Analyse again", "Mark as solved", "Judge this finding", "Save names and order", "My zone",
    "Next terminal", "keyboard shortcuts", "Keyboard shortcuts", "Compare the two", "As a drawing", "Copy", "Skip to",
    "On this page", "Drag to move",
)  # fmt: skip
CASE_ON_PAPER = (
    "Building 7, ticket 4711",
    "7 of 14 terminals failed: terminals whose message 3 has 1,473 to 3,000 bytes of plaintext fail, all others pass.",
    "nothing lost",  # the path
    "message 3: 28 of 35 lost",
    "Checked and excluded, or what would disprove it",
    "tcpdump -i IFACE -s 0 -w server.pcap",  # folded on the screen
    "terminal-1/iNode.log line 20",
    "8301014@OMR",
    "server.pcap",  # a source
    "Times are shown in Asia/Shanghai.",
)
TERMINAL_ON_PAPER = (
    "8301001@OMR",
    "failed",
    "00:25:11:E9:00:01",
    "Between uplink and server every fragment with an offset of message 3 is lost",
    "Every fragment at every point",
    "attempt 4",
    "partial",
    "pushSecRslt(3) returned 4",
    "Check the firewall's fragment defence.",
    "damProxyPort",  # of the policy, folded on the screen
    "All lanes on one clock, in Asia/Shanghai.",
)


# In the charts. Drawn for a dark screen they are printed as pictures, with their colours exchanged.
IN_CHARTS = {
    "case": ("plaintext of message 3, bytes", "fragmented and plain", "failed (7)"),
    "terminal": ("3 check result · send 4 of 4", "clock +1.250 s", "lost on this leg", "result 4"),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["case", "terminal"])
def test_what_is_printed_is_what_a_person_wants_on_paper(
    site: Site, open_page: Callable[..., Any], tmp_path: Path, kind: str, theme: str
) -> None:
    page = open_page()
    address, wanted = {
        "case": (f"{site.url}/cases/{site.case}", CASE_ON_PAPER),
        "terminal": (terminal(site), TERMINAL_ON_PAPER),
    }[kind]
    page.goto(f"{address}?theme={theme}")
    wait_for_ladder(page)
    paper = printed(page, tmp_path)
    if theme == "light":
        wanted += IN_CHARTS[kind]
    assert [words for words in wanted if words not in paper.text] == []
    assert [words for words in NOT_ON_PAPER if words in paper.text] == []
    assert paper.pages <= 6
    beside = [word for word, left, right, width in paper.words if left < 0 or right > width]
    assert beside == [], "words that the edge of the paper cuts"


def test_the_drawer_is_printed_after_the_page(site: Site, open_page: Callable[..., Any], tmp_path: Path) -> None:
    page = open_page()
    page.goto(f"{terminal(site)}?src=terminal-1/iNode.log&line=20")
    wait_for_ladder(page)
    paper = printed(page, tmp_path)
    assert paper.text.index("What was checked") < paper.text.index("user1 line 20: 安全认证 step")
    assert "user1 line 8: 安全认证 step" in paper.text and "user1 line 32: 安全认证 step" in paper.text


def test_the_ladder_fits_the_paper(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page(viewport=PAPER)
    page.goto(terminal(site))
    wait_for_ladder(page)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    right = "Math.max(...[...document.querySelectorAll('.chart')].map(c => c.getBoundingClientRect().right))"
    assert page.evaluate(right) <= PAPER["width"]
