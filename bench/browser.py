"""How long until the pages can be worked with, in a real browser: `python -m bench.browser LINK PATH…`.

LINK is the one-time address that `eadscope serve` printed.

For each page, with an empty cache and again with a warm one, in milliseconds since the address was asked for:

- first paint of the content;
- interactive: painted, the document is read, all scripts that answer clicks and keys have run, and every chart within
  the window is drawn and answers: its marks open what is behind them, and what is asked of it by key, wheel, mouse or
  fingers is done. A ladder is drawn in the page itself; until plotly is there it keeps a zoom or a move and shows the
  part as soon as plotly draws;
- complete: plotly has drawn every chart of the page, also below the window.
"""

from __future__ import annotations

import statistics
import sys

from playwright.sync_api import sync_playwright

from tests.conftest import CHROMIUM_ARGUMENTS
from tests.people import SIGNED_IN, SignedInBrowser, open_link

RUNS = 5
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
# `isAttended` and `isListening` are what static/charts.js says of a chart: it hears the reader; plotly has drawn it.
INTERACTIVE = """() => new Promise(resolve => {
  const isInWindow = (chart) => chart.getBoundingClientRect().top < innerHeight;
  const answers = (chart) => chart.isListening || chart.isAttended && chart.querySelector('.first-drawing a');
  const check = () => document.readyState !== 'loading' && window.htmx && window.openEvidence
    && performance.getEntriesByName('first-contentful-paint').length
    && [...document.querySelectorAll('[data-chart]')].filter(isInWindow).every(answers)
    ? resolve(performance.now()) : requestAnimationFrame(check);
  check();
})"""
COMPLETE = """() => new Promise(resolve => {
  const check = () => [...document.querySelectorAll('[data-chart]')].every(chart => chart.isListening)
    ? resolve(performance.now()) : requestAnimationFrame(check);
  check();
})"""
TIMES = ("interactive", "complete")
CACHES = ("cold", "warm")


def measure(browser: SignedInBrowser, url: str) -> None:
    taken: dict[str, list[float]] = {"first paint": []}
    for _ in range(RUNS):
        context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="UTC")
        page = context.new_page()
        for cache in CACHES:
            page.goto(url, wait_until="commit")
            for name, script in zip(TIMES, (INTERACTIVE, COMPLETE), strict=True):
                taken.setdefault(f"{name}, {cache} cache", []).append(page.evaluate(script))
            taken["first paint"].append(page.evaluate(PAINT))
        context.close()
    for name, times in taken.items():
        print(f"{url} {name}: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")


def main() -> None:
    link, *paths = sys.argv[1:]
    person, start_page = open_link(link)
    SIGNED_IN.update(person.cookies)
    base = "/".join(start_page.split("/")[:3])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM_ARGUMENTS))
        for path in paths:
            measure(SignedInBrowser(browser), base + path)
        browser.close()


if __name__ == "__main__":
    main()
