"""Accounts, filters, sharing and keeping over the API."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import text

from app.db.models import Analysis, Case
from tests.web.api.conftest import Api

PASSWORD = "correct horse 42 battery"


def test_an_account_is_made_changed_and_closed_and_no_hash_is_told(api: Api) -> None:
    made = api.client.post("/api/v1/accounts", json={"name": "Li", "group": "North", "password": PASSWORD})
    assert made.status_code == 201
    place = made.headers["location"]
    told = made.json()
    assert (told["name"], told["role"], told["group"], told["signs_in_by"]) == ("li", "ops", "North", "password")
    assert api.client.post("/api/v1/accounts", json={"name": "li"}).status_code == 409
    assert api.client.patch(place, json={"role": "support"}).json()["group"] == "North"
    closed = api.client.patch(place, json={"group": None, "disabled": True}).json()
    assert (closed["role"], closed["group"], closed["disabled"]) == ("support", None, True)
    assert api.client.post(f"{place}/link").status_code == 409
    listed = api.client.get("/api/v1/accounts")
    assert closed in listed.json()["items"]
    assert "argon2" not in made.text + listed.text


def test_nobody_takes_the_own_rights_away_by_token(api: Api) -> None:
    accounts = api.client.get("/api/v1/accounts").json()["items"]
    actors = {entry["actor"] for entry in api.client.get("/api/v1/audit").json()}
    own = next(one for one in accounts if f"{one['name']} (token)" in actors and one["role"] == "admin")
    assert api.client.patch(f"/api/v1/accounts/{own['id']}", json={"disabled": True}).status_code == 409
    assert api.client.patch(f"/api/v1/accounts/{own['id']}", json={"role": "ops"}).status_code == 409


def test_a_one_time_link_signs_a_browser_in(api: Api) -> None:
    number = api.client.post("/api/v1/accounts", json={"name": "wu"}).json()["id"]
    link = api.client.post(f"/api/v1/accounts/{number}/link").json()["url"]
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        shown = browser.get(link, headers={"Accept": "text/html"})
    assert shown.status_code == 200
    assert shown.url.path == "/cases"
    assert "wu" in shown.text


def test_groups_are_listed_and_forgotten(api: Api) -> None:
    api.client.post("/api/v1/accounts", json={"name": "gu", "group": "South"})
    south = next(one for one in api.client.get("/api/v1/groups").json()["items"] if one["name"] == "South")
    assert (south["accounts"], south["cases"]) == (1, 0)
    assert api.client.delete(f"/api/v1/groups/{south['id']}").status_code == 204
    assert api.client.delete(f"/api/v1/groups/{south['id']}").status_code == 404


def test_a_filter_is_kept_once_and_forgotten(api: Api) -> None:
    kept = [api.client.post("/api/v1/filters", json={"name": "lost", "query": f"q={n}"}).json() for n in (1, 2)]
    assert kept[0]["id"] == kept[1]["id"]
    assert api.client.get("/api/v1/filters").json() == [kept[1]]
    assert api.client.delete(f"/api/v1/filters/{kept[0]['id']}").status_code == 204
    assert api.client.delete(f"/api/v1/filters/{kept[0]['id']}").status_code == 404


def test_a_share_link_opens_its_case_until_it_is_revoked(api: Api) -> None:
    place = f"/api/v1/cases/{api.case}/sharing"
    once, again = (
        api.client.post(f"{place}/links", json={"note": "vendor"}, headers={"Idempotency-Key": "s-1"}).json()
        for _ in range(2)
    )
    assert once == again
    other = api.client.post(f"{place}/links", json={}).json()
    assert other["url"] != once["url"]
    told = api.client.get(place).json()
    assert [link["id"] for link in told["links"]] == [other["id"], once["id"]]
    assert "url" not in told["links"][0]
    with httpx.Client(base_url=api.client.base_url, trust_env=False, follow_redirects=True) as guest:
        assert guest.get(once["url"]).url.path == f"/cases/{api.case}"
        assert api.client.delete(f"{place}/links/{once['id']}").status_code == 204
        assert guest.get(f"/cases/{api.case}").status_code == 401
    assert api.client.delete(f"{place}/links/{once['id']}").status_code == 404


def test_a_case_is_given_to_a_group_and_taken_back(api: Api) -> None:
    place = f"/api/v1/cases/{api.case}/sharing/group"
    assert api.client.put(place, json={"group": "East"}).json()["group"] == "East"
    assert api.client.put(place, json={"group": None}).json()["group"] is None


def test_a_case_on_hold_is_not_deleted(api: Api) -> None:
    place = api.client.post("/api/v1/cases", json={"title": "kept"}).headers["location"]
    assert api.client.put(f"{place}/hold", json={"reason": " "}).status_code == 422
    held = api.client.put(f"{place}/hold", json={"reason": "court"}).json()
    assert held in api.client.get("/api/v1/keeping").json()["on_hold"]
    assert api.client.delete(place).status_code == 409
    assert api.client.delete(f"{place}/hold").status_code == 204
    assert api.client.delete(place).status_code == 204


def test_limits_are_set_and_lifted(api: Api) -> None:
    limits = {"retention_days": 36_000, "quota_bytes": 10**12}
    told = api.client.put("/api/v1/keeping", json=limits).json()
    assert (told["retention_days"], told["quota_bytes"]) == (36_000, 10**12)
    told = api.client.put("/api/v1/keeping", json=dict.fromkeys(limits)).json()
    assert (told["retention_days"], told["quota_bytes"]) == (None, None)


def test_a_case_is_renamed_and_one_that_came_to_nothing_taken_back(api: Api) -> None:
    place = api.client.post("/api/v1/cases", json={"title": "typo"}).headers["location"]
    assert api.client.put(f"{place}/title", json={"title": "right"}).json()["title"] == "right"
    assert api.client.post(f"{place}/cancel").status_code == 204
    assert api.client.get(place).status_code == 404
    assert api.client.post(f"/api/v1/cases/{api.case}/cancel").status_code == 409


def test_two_terminals_are_compared(api: Api) -> None:
    terminals = api.client.get(f"/api/v1/cases/{api.case}/terminals").json()["items"]
    keys = [terminals[0]["key"], terminals[-1]["key"]]
    place = f"/api/v1/cases/{api.case}/comparison"
    told = api.client.get(place, params={"left": keys[0], "right": keys[1]}).json()
    assert told["terminals"] == keys
    outcome = next(row for row in told["rows"] if row["name"] == "Outcome")
    assert outcome["values"] == [terminals[0]["outcome"], terminals[-1]["outcome"]]
    assert outcome["name_zh"] == "结果"
    assert {row["part"] for row in told["rows"]} >= {None, "Message 1", "Message 3"}
    assert api.client.get(place, params={"left": keys[0], "right": "t999"}).status_code == 404


@pytest.mark.parametrize("page", [1, 2])
def test_accounts_come_in_pages(api: Api, page: int) -> None:
    for number in range(51):
        api.client.post("/api/v1/accounts", json={"name": f"many{number}"})
    answer = api.client.get(f"/api/v1/accounts?page={page}")
    assert answer.json()["pages"] >= 2
    assert ("next" in answer.links) is (page < answer.json()["pages"])


def test_an_address_is_told_once_however_often_it_is_added(api: Api) -> None:
    wanted = {"url": "https://tickets.example.com/hooks/once"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: api.client.post("/api/v1/webhooks", json=wanted), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    made = next(answer for answer in answers if answer.status_code == 201)
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.headers["content-type"] == "application/problem+json"
    assert f"Webhook {made.json()['id']} " in refused.json()["detail"]
    assert "whsec" not in refused.text
    assert [hook["url"] for hook in api.client.get("/api/v1/webhooks").json()].count(wanted["url"]) == 1
    assert api.client.delete(made.headers["location"]).status_code == 204
    again = api.client.post("/api/v1/webhooks", json=wanted)
    assert again.status_code == 201
    assert again.json()["secret"] != made.json()["secret"]
    api.client.delete(again.headers["location"])


def test_what_the_page_of_operations_shows_can_be_read(api: Api) -> None:
    with api.app.state.sessions() as db, db.begin():
        failed, waits = Case(title="came to nothing"), Case(title="waits")
        db.add_all([failed, waits])
        db.flush()
        ended = Analysis(
            case_id=failed.id, state="failed", finished_at=datetime.now(UTC), error_en="No disk.", error_zh="磁盘满。",
            traceback="OSError: 28",
        )  # fmt: skip
        db.add_all([ended, Analysis(case_id=waits.id, state="queued", requested_at=datetime(2026, 1, 1, tzinfo=UTC))])
        db.flush()
        number, failed_case, waiting_case = ended.id, failed.id, waits.id
    told = api.client.get("/api/v1/operations").json()
    assert told["queue"]["waiting"] >= 1
    assert told["queue"]["oldest_waits_s"] > 0
    assert told["disk"]["total_bytes"] >= told["disk"]["free_bytes"] > 0
    assert waiting_case in {run["case"] for run in told["active"] if run["state"] == "queued"}
    mine = next(run for run in told["failed"] if run["analysis"] == number)
    assert (mine["case"], mine["title"], mine["is_newest"]) == (failed_case, "came to nothing", True)
    assert mine["error"] == {"en": "No disk.", "zh": "磁盘满。"}
    assert mine["traceback"] == "OSError: 28"


def test_workers_are_told_with_their_lanes(api: Api) -> None:
    with api.app.state.sessions() as db, db.begin():
        worker = db.execute(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id")
        ).scalar_one()
        db.execute(
            text("INSERT INTO worker_lanes (worker_id, process, lane) VALUES (:id, 'far:1', 'analysis')"),
            {"id": worker},
        )
    workers = api.client.get("/api/v1/operations").json()["workers"]
    mine = next(one for one in workers if one["name"] == "far:1")
    assert not mine["is_alive"]
    assert [(lane["name"], lane["is_alive"], lane["case"]) for lane in mine["lanes"]] == [("analysis", False, None)]
    with api.app.state.sessions() as db, db.begin():
        db.execute(text("DELETE FROM procrastinate_workers WHERE id = :id"), {"id": worker})
