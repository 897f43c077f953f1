"""The page on which administrators say how long cases are kept; and the quota where people upload."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import delete

from app.access import Role
from app.db.models import Case, SiteSetting
from tests.people import sign_in
from tests.web.conftest import Site, axe_violations


@pytest.fixture(autouse=True)
def clean(site: Site) -> Iterator[None]:
    yield
    with site.sessions() as db, db.begin():
        db.execute(delete(SiteSetting))


def test_a_case_is_put_on_hold_and_let_go(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/admin/keeping")
    page.get_by_label("Case number").fill(str(site.case))
    page.get_by_label("Reason").fill("ticket <b>12</b>")
    page.get_by_role("button", name="Put on hold").click()
    page.get_by_text("ticket <b>12</b>").wait_for()
    assert axe_violations(page) == []
    with site.sessions() as db:
        assert db.get_one(Case, site.case).hold_reason == "ticket <b>12</b>"
    page.get_by_role("button", name="End the hold").click()
    page.get_by_role("button", name="End the hold").wait_for(state="detached")


def test_a_case_is_put_on_hold_and_let_go_on_its_own_page(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}")
    for button in ("Put on hold", "End the hold"):
        with site.sessions() as db:
            assert (db.get_one(Case, site.case).hold_reason != "") == (button == "End the hold")
        page.get_by_role("button", name=button).click()
        dialog = page.get_by_role("dialog")
        if button == "Put on hold":
            dialog.get_by_label("Reason").fill("court <b>7</b>")
        assert axe_violations(page) == []
        with page.expect_navigation():
            dialog.get_by_role("button", name=button).click()
        assert page.url == f"{site.url}/cases/{site.case}"
        assert page.get_by_text("court <b>7</b>", exact=False).locator("visible=true").count() == (
            button == "Put on hold"
        )
    with site.sessions() as db:
        assert db.get_one(Case, site.case).hold_reason == ""


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.ADMIN])
def test_only_administrators_have_the_button(site: Site, role: Role) -> None:
    with sign_in(site.app, role).client(site.url) as client:
        assert ("hold-case" in client.get(f"/cases/{site.case}", headers={"accept": "text/html"}).text) == (
            role is Role.ADMIN
        )


def test_retention_and_quota_are_set_and_shown(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page(locale="zh-CN")
    page.goto(f"{site.url}/admin/keeping")
    page.get_by_label("案例多少天无人改动后自动删除").fill("90")
    page.get_by_label("每人上传配额（GB）").fill("2.5")
    page.get_by_role("button", name="保存").click()
    page.get_by_text("目前没有到期的案例。").wait_for()
    assert page.get_by_label("每人上传配额（GB）").input_value() == "2.5"
    page.goto(f"{site.url}/cases/new")
    assert "剩余 2.5 GB" in page.locator("#quota").inner_text()


@pytest.mark.parametrize("field", [{"days": "0"}, {"days": "x"}, {"quota_gb": "-1"}])
def test_what_is_no_number_is_refused(site: Site, field: dict[str, str]) -> None:
    with sign_in(site.app, Role.ADMIN).client(site.url) as client:
        assert client.post("/admin/keeping/settings", data=field).status_code == 422
