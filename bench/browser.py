"""How long until the pages can be worked with, in a real browser: `python -m bench.browser LINK PATH…`.

LINK is the one-time address that `eadscope serve` printed.

For each page, with an empty cache and again with a warm one: first paint of the content, and the moment when every
chart is drawn and answers clicks (milliseconds since the address was asked for).
"""

from __future__ import annotations

import statistics
import sys

from playwright.sync_api import sync_playwright

from tests.conftest import CHROMIUM_ARGUMENTS
from tests.people import SIGNED_IN, SignedInBrowser, open_link

RUNS = 5
READY = """() => new Promise(resolve => {
  const check = () => [...document.querySelectorAll('[data-chart]')].every(chart => chart.isListening)
    ? resolve(performance.now()) : requestAnimationFrame(check);
  check();
})"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


def measure(browser: SignedInBrowser, url: str) -> None:
    cold, warm, painted = [], [], []
    for _ in range(RUNS):
        context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="UTC")
        page = context.new_page()
        for times in (cold, warm):
            page.goto(url, wait_until="commit")
            times.append(page.evaluate(READY))
            painted.append(page.evaluate(PAINT))
        context.close()
    for name, times in (("first paint", painted), ("interactive, cold cache", cold), ("interactive, warm cache", warm)):
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
