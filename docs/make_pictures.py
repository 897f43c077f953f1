"""Draws the pictures of the README and the guides from the running product: `python docs/make_pictures.py [LINK]`.

LINK is the one-time address that `eadscope serve` printed. Without one it starts the product on a folder of its own,
waits for the example case and ends it again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import FloatRect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.conftest import CHROMIUM_ARGUMENTS, serving  # noqa: E402  # the folder above is not on the path before
from tests.people import SIGNED_IN, SignedInBrowser, open_link  # noqa: E402

IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1280, 860
TOP: FloatRect = {"x": 0, "y": 0, "width": WIDTH, "height": 560}


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM_ARGUMENTS))
        if len(sys.argv) > 1:
            person, start_page = open_link(sys.argv[1])
            SIGNED_IN.update(person.cookies)
            draw(SignedInBrowser(browser), start_page)
            return
        with (
            tempfile.TemporaryDirectory(prefix="eadscope-pictures-") as folder,
            serving(Path(folder) / "var") as server,
        ):
            draw(SignedInBrowser(browser), server.start_page)


def draw(browser: SignedInBrowser, case_url: str) -> None:
    """case.png and terminal.png of the example case: the first terminal that failed."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB", timezone_id="Asia/Shanghai", color_scheme="light"
    )
    page = context.new_page()
    page.goto(case_url)
    page.locator(".verdict").wait_for(timeout=120_000)
    page.screenshot(path=IMAGES / "case.png")
    page.goto(f"{case_url}?outcome=failed")
    page.locator("#terminal-list tbody td.lead a").first.click()
    page.locator(".chart.ladder .main-svg").first.wait_for()
    page.screenshot(path=IMAGES / "terminal.png")
    context.close()
    for language, locale in (("en", "en-GB"), ("zh", "zh-CN")):
        draw_guides(browser, case_url, language, locale)


def draw_guides(browser: SignedInBrowser, case_url: str, language: str, locale: str) -> None:
    """What the guides show, in each of their languages: upload, capture points, a ladder, documents being made."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, locale=locale, timezone_id="Asia/Shanghai", color_scheme="light"
    )
    page = context.new_page()
    base = case_url[: case_url.index("/cases/")]
    page.goto(f"{base}/cases/new?lang={language}")
    page.screenshot(path=IMAGES / f"upload.{language}.png", clip=TOP)
    page.goto(f"{case_url}?lang={language}")
    page.locator(".verdict").wait_for()
    page.screenshot(path=IMAGES / f"case.{language}.png", clip=TOP)
    page.locator("#points").scroll_into_view_if_needed()
    page.locator("#points").screenshot(path=IMAGES / f"points.{language}.png")
    # So tall that nothing scrolls: the page's head stays on top of what does.
    page.set_viewport_size({"width": WIDTH, "height": 2000})
    page.goto(f"{case_url}?outcome=failed&lang={language}")
    page.locator("#terminal-list tbody td.lead a").first.click()
    page.locator(".chart.ladder .main-svg").first.wait_for()
    page.locator(".card:has(> .chart.ladder)").screenshot(path=IMAGES / f"ladder.{language}.png")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.goto(f"{case_url}/documents?lang={language}")
    for form in page.locator("form.filters").all():
        form.locator("button").click()
    page.locator("#documents:not([hx-get])").wait_for(timeout=120_000)
    page.screenshot(path=IMAGES / f"documents.{language}.png", clip=TOP)
    context.close()


if __name__ == "__main__":
    main()
