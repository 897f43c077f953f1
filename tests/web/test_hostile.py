"""Names, lines and files that bite, in every field at once, looked at in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.db.models import Case
from app.db.save import save_analysis
from tests.web.conftest import Site, axe_violations
from tests.web.hostile_case import BITE, LONG, hostile_analysis
from tests.web.test_pages import wait_for_charts

PAGES = (
    "/cases/{case}",
    "/cases/{case}/terminals/t1",
    "/cases/{case}/terminals/t1?drawing=1",
    "/cases/{case}/compare?t=t1&t=t3",
    "/cases/{case}/files",
    "/cases",
)
MOST_BYTES = 1_000_000  # of a page: a line of a megabyte is cut


@pytest.fixture(scope="module")
def bitten(site: Site) -> Iterator[int]:
    with site.sessions() as db, db.begin():
        case = Case(title=BITE + LONG, site=BITE, note=BITE * 20)
        db.add(case)
        db.flush()
        save_analysis(db, case.id, hostile_analysis())
        number = case.id
    yield number
    with site.sessions() as db, db.begin():
        db.delete(db.get_one(Case, number))


@pytest.mark.parametrize("address", PAGES)
def test_hostile_text_in_every_field_is_shown_as_text_and_the_page_keeps_its_shape(
    site: Site, bitten: int, open_page: Callable[..., Any], address: str
) -> None:
    page = open_page()  # fails on anything on the console, an error, or a dialog
    answer = page.goto(site.url + address.format(case=bitten))
    assert answer.status == 200
    assert len(page.request.get(page.url, headers={"Accept": "text/html"}).body()) < MOST_BYTES
    wait_for_charts(page)
    body = page.locator("body").inner_text()
    assert "<script>alert(1)</script>{{7*7}}${7*7}" in body
    hidden = [line for line in body.splitlines() if {"\u202e", "\x1b"} & set(line)]
    assert hidden == []
    assert page.locator("main img:not(.svg-image)").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert axe_violations(page) == []
