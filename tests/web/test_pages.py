"""Every page in a real browser: nothing on the console (so no breach of the policy), nothing for axe-core to find."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from starlette.routing import compile_path

from app.access import ROUTES
from tests.web.conftest import Site, axe_violations, wait_until
from tests.web.sample_case import log_text

LOG = hashlib.sha256(log_text("user1")).hexdigest()

PAGES = {
    "cases": "/cases",
    "new": "/cases/new",
    "case": "/cases/{case}",
    "bare": "/cases/{bare}",
    "more": "/cases/{case}/files",
    "terminal": "/cases/{case}/terminals/t1",
    "uncorrected": "/cases/{case}/terminals/t1?corrected=0",
    "drawer": "/cases/{case}/terminals/t1?src=terminal-1/iNode.log&line=20",
    "compare": "/cases/{case}/compare?t=t1&t=t3",
    "source": "/cases/{case}/sources/{log}",
    "formats": "/cases/{case}/formats?source={log}",
    "documents": "/cases/{case}/documents",
    "sharing": "/cases/{case}/sharing",
    "account": "/account",
    "accounts": "/admin/accounts",
    "audit": "/admin/audit",
    "operations": "/admin/operations",
    "keeping": "/admin/keeping",
    "hostile": "/cases/{hostile}",
    "hostile-terminal": "/cases/{hostile}/terminals/t1",
}

# What a GET gives that is no page of its own: data, pictures, ways to somewhere else, a part of another page.
NO_PAGES = {
    "/",
    "/cases/{case_id}/anonymisation-map",
    "/cases/{case_id}/charts/day",
    "/cases/{case_id}/charts/size",
    "/cases/{case_id}/documents/{document_id}/content",
    "/cases/{case_id}/progress",
    "/cases/{case_id}/terminals/{key}/ladder.json",
    "/cases/{case_id}/terminals/{key}/ladder.svg",
    "/healthz",
    "/login",  # for those who are not signed in: test_login looks at it
    "/login/openid",
    "/login/openid/callback",
    "/metrics",
    "/open/{token}",
    "/readyz",
    "/shared/{token}",
}


def test_no_page_is_forgotten_here() -> None:
    """Every address of the access table is opened below, or known to be no page."""
    opened = [path.format(case=1, hostile=1, bare=1, log=LOG).partition("?")[0] for path in PAGES.values()]
    table = {key.split(" ", 1)[1] for key in ROUTES if key.startswith("GET ")}
    pages = {path for path in table if not path.startswith("/api/")} - NO_PAGES
    patterns = {path: compile_path(path)[0] for path in pages}
    assert {path for path, pattern in patterns.items() if not any(map(pattern.match, opened))} == set()
    assert table >= NO_PAGES


def address(site: Site, name: str) -> str:
    return site.url + PAGES[name].format(case=site.case, hostile=site.hostile, bare=site.bare, log=LOG)


def chosen(url: str, language: str, theme: str) -> str:
    """The address of the same page in a language and a theme."""
    return f"{url}{'&' if '?' in url else '?'}lang={language}&theme={theme}"


def wait_for_charts(page: Any) -> None:
    wait_until(page, "[...document.querySelectorAll('[data-chart]')].every(c => c.querySelector('.main-svg'))")


# Each language and each theme on every page; names depend on the one and contrasts on the other.
@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh", "dark")])
@pytest.mark.parametrize("name", list(PAGES))
def test_a_page_is_accessible_and_keeps_the_policy(
    site: Site, open_page: Callable[..., Any], name: str, language: str, theme: str
) -> None:
    page = open_page()
    answer = page.goto(chosen(address(site, name), language, theme))
    assert answer.status == 200
    assert "unsafe" not in answer.headers["content-security-policy"]
    wait_for_charts(page)
    assert axe_violations(page) == []
    assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-CN"}[language]
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == theme


def test_dialogs_are_accessible_in_the_dark(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(chosen(address(site, "case"), "zh", "dark"))
    wait_for_charts(page)
    for opener, dialog in (("[data-opens=keys]", "#keys"), ("[data-opens=close-case]", "#close-case")):
        page.locator(opener).first.click()
        assert page.locator(dialog).is_visible()
        assert axe_violations(page) == []
        page.keyboard.press("Escape")
        assert not page.locator(dialog).is_visible()


@pytest.mark.parametrize("name", ["case", "terminal", "drawer", "cases", "new"])
def test_a_page_fits_a_tablet(site: Site, open_page: Callable[..., Any], name: str) -> None:
    page = open_page(viewport={"width": 820, "height": 1180})
    page.goto(address(site, name))
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    assert axe_violations(page) == []


def test_a_wide_table_fades_where_more_of_it_waits(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page(viewport={"width": 820, "height": 1180})
    page.goto(address(site, "terminal"))
    table = page.locator("#messages .scroll")
    mask = "table => getComputedStyle(table).maskImage"
    # Where the datagram was lost is in sight without moving the table.
    lost = page.locator("#messages th", has_text="Lost between").bounding_box()
    assert lost is not None and lost["x"] + lost["width"] < 820
    assert "gradient" in table.evaluate(mask)
    table.evaluate("table => table.scrollLeft = table.scrollWidth")
    wait_until(page, "getComputedStyle(document.querySelector('#messages .scroll')).maskImage === 'none'")
    fitting = page.locator(".scroll").evaluate_all(
        "all => all.filter(e => e.scrollWidth <= e.clientWidth).map(e => getComputedStyle(e).maskImage)"
    )
    assert set(fitting) == {"none"}


def test_no_page_asks_another_host(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for name in PAGES:
        page.goto(address(site, name))
    assert {url for url in asked if not url.startswith((site.url, "data:"))} == set()


def test_nothing_is_inline(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    for name in PAGES:
        source = page.request.get(address(site, name), headers={"Accept": "text/html"}).text()
        assert " style=" not in source and "<style" not in source and " onclick=" not in source, name
        assert "<script>" not in source, name


def test_the_language_is_switched_and_remembered(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(address(site, "case"))
    page.get_by_role("link", name="中文").click()
    assert "lang=zh" in page.url
    page.goto(address(site, "cases"))
    assert page.get_by_role("heading", name="案例", exact=True).is_visible()


def test_the_theme_is_switched_by_key_and_remembered(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page(color_scheme="light")
    page.goto(address(site, "cases"))
    page.keyboard.press("t")
    page.wait_for_url("**theme=dark**")
    page.goto(address(site, "new"))
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_times_are_in_the_zone_that_the_page_names(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page(timezone_id="America/New_York")
    page.goto(address(site, "case"))
    wait_until(page, "document.cookie.includes('tz=')")
    page.goto(address(site, "case") + "?zone=viewer")
    start = page.locator("#terminal-list tbody tr time").first
    assert page.locator("footer").inner_text().startswith("Times are shown in America/New_York.")
    local = start.get_attribute("datetime")
    page.goto(address(site, "case") + "?zone=utc")
    assert page.locator("footer").inner_text().startswith("Times are shown in UTC.")
    assert start.get_attribute("datetime").endswith("+00:00") and local.endswith("-04:00")
    page.goto(address(site, "case") + "?zone=source")
    assert page.locator("footer").inner_text().startswith("Times are shown in UTC+08:00.")
    assert start.get_attribute("datetime").endswith("+08:00")


def test_the_help_opens_by_key_and_closes_by_escape(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(address(site, "case"))
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keyboard shortcuts").is_visible()
    assert axe_violations(page) == []
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog", name="Keyboard shortcuts").is_visible()


def test_hostile_names_are_shown_as_text(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(address(site, "hostile"))
    wait_for_charts(page)
    body = page.locator("body").inner_text()
    assert "<script>alert(1)</script>{{7*7}}" in body
    assert "‹U+202E›gnp.exe" in body and "\u202e" not in body
    assert "49" not in page.locator("#terminal-list tbody tr td.lead").first.inner_text()
    assert page.locator("main img").count() == 0
    page.goto(address(site, "hostile-terminal"))
    wait_for_charts(page)
    assert "\u202e" not in page.locator("body").inner_text()


def test_without_script_the_ladder_is_a_drawing_and_links_work(site: Site, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address(site, "terminal"))
    assert page.locator(".first-drawing").is_visible()
    page.locator(".first-drawing a").first.click()
    page.locator("#drawer .log-lines, #drawer .problem").first.wait_for()
    page.goto(address(site, "terminal"))
    page.get_by_role("link", name="As a drawing").click()
    page.locator(".svg-ladder svg a").first.click()
    page.locator("#drawer .log-lines, #drawer .problem").first.wait_for()
    page.goto(address(site, "terminal"))
    page.locator("#messages a[data-evidence]").first.click()
    assert page.locator("#drawer .log-lines .here").inner_text().startswith("▶4")
    context.close()


def test_an_unknown_page_says_so_in_the_readers_language(
    site: Site, open_page: Callable[..., Any], browser: Any
) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    assert page.goto(f"{site.url}/cases/999999").status == 404
    assert page.get_by_role("heading", name="未找到").is_visible()
    assert "没有编号为 999999 的案例" in page.locator("main").inner_text()
    context.close()
