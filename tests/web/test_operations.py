"""Request numbers, metrics, and the page for those who run the service."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, text, update
from sqlalchemy.orm import Session, sessionmaker

from app.access import ROUTES, Need
from app.config import Settings
from app.db.models import Analysis, Case, WorkerLane
from app.jobs.asking import request_analysis
from app.logs import start_log, warnings_only
from app.main import create_app
from app.sandbox import Walls
from tests.people import bearer
from tests.served import served

# The server closes a connection on which it met a fault, and the client must not send another request into that.
LAST = {"connection": "close"}
PAGE = {"accept": "text/html", "accept-language": "en"}
USER, MAC, ADDRESS, TOKEN = "zhang.san@corp", "00:25:11:E9:01:25", "10.99.88.77", "secret-token-4711"


@pytest.fixture(scope="module")
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    made = create_app(Settings(DATABASE_URL=database_url, var=tmp_path_factory.mktemp("var")))  # type: ignore[call-arg]

    @made.get("/breaks/{name}")
    def breaks(name: str) -> None:
        raise ValueError(f"{name} {USER} {MAC} {ADDRESS}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ROUTES, "GET /breaks/{name}", Need.KNOWN)
        yield made


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[httpx.Client]:
    with served(app) as opened:
        opened.headers.update(bearer(app))
        yield opened


@pytest.fixture
def case_id(sessions: sessionmaker[Session]) -> Iterator[int]:
    with sessions() as db, db.begin():
        case = Case(title="ticket 4711")
        db.add(case)
        db.flush()
        made = case.id
    yield made
    with sessions() as db, db.begin():
        db.execute(text("DELETE FROM procrastinate_jobs"))
        db.execute(text("DELETE FROM procrastinate_workers"))
        db.execute(text("DELETE FROM cases WHERE id = :id"), {"id": made})


def failed_run(sessions: sessionmaker[Session], case_id: int) -> int:
    with sessions() as db, db.begin():
        number = request_analysis(db, case_id)
        db.execute(text("DELETE FROM procrastinate_jobs"))
        db.execute(
            update(Analysis)
            .where(Analysis.id == number)
            .values(
                state="failed", started_at=func.now(), finished_at=func.now(), error_en="It broke.", error_zh="坏了。",
                traceback="Traceback: <script>alert(1)</script> in pipeline.py",
            )
        )  # fmt: skip
    return number


def samples(client: httpx.Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


# ---------------------------------------------------------------- numbers of requests


def test_every_answer_carries_a_number_of_its_own(client: httpx.Client) -> None:
    paths = ("/healthz", "/cases", "/nowhere", "/breaks/x")
    numbers = {client.get(path, headers=LAST).headers["x-request-id"] for path in paths}
    assert len(numbers) == 4
    assert all(re.fullmatch("[0-9a-f]{32}", number) for number in numbers)


def test_a_proxys_number_is_taken_and_nothing_else(client: httpx.Client) -> None:
    given = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert client.get("/healthz", headers={"x-request-id": given}).headers["x-request-id"] == given
    for hostile in (USER, MAC, "a" * 5000, 'x"} {"event": "forged'):
        assert client.get("/healthz", headers={"x-request-id": hostile}).headers["x-request-id"] != hostile


def test_the_number_stands_on_the_page_of_a_fault_and_in_problem_details(client: httpx.Client) -> None:
    page = client.get("/breaks/x", headers={**PAGE, **LAST})
    assert page.status_code == 500
    assert page.headers["x-request-id"] in page.text
    problem = client.get("/api/v1/cases/999999")
    assert problem.status_code == 404
    assert problem.json()["request_id"] == problem.headers["x-request-id"]
    plain = client.get("/breaks/x", headers={"accept": "application/json", **LAST})
    assert plain.json()["request_id"] == plain.headers["x-request-id"]


# ---------------------------------------------------------------- the log


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    start_log("json", "info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    warnings_only()


def test_a_request_is_one_line_with_its_number_and_nothing_about_people(
    client: httpx.Client, logged: io.StringIO, sessions: sessionmaker[Session]
) -> None:
    with sessions() as db, db.begin():
        case = Case(title=USER)
        db.add(case)
        db.flush()
        number = case.id
    secret = {"cookie": f"session={TOKEN}", "x-forwarded-for": ADDRESS}
    client.get(f"/cases/{number}?q={USER}", headers={**PAGE, **secret})
    client.get(f"/cases?q={MAC}", headers={**PAGE, **secret})
    client.post("/api/v1/cases", json={"title": USER}, headers=secret)
    client.get(f"/nowhere/{USER}/{ADDRESS}", headers=secret)
    answer = client.get(f"/breaks/{USER}", headers={**secret, **LAST})
    said = logged.getvalue()
    lines = [json.loads(line) for line in said.splitlines()]
    assert [(line["route"], line["status"]) for line in lines if line["event"] == "request"] == [
        ("/cases/{case_id}", 200), ("/cases", 200), ("/api/v1/cases", 201), ("none", 404), ("/breaks/{name}", 500)
    ]  # fmt: skip
    assert any(line["request_id"] == answer.headers["x-request-id"] and line["level"] == "error" for line in lines)
    for personal in (USER, MAC, ADDRESS, TOKEN, "zhang", client.headers["authorization"].removeprefix("Bearer ")):
        assert personal not in said


# ---------------------------------------------------------------- metrics


def test_requests_are_counted_by_template_method_and_status(client: httpx.Client) -> None:
    client.get("/cases/999998")
    client.get("/cases/999997")
    client.request("BREW", "/cases")
    found = samples(client)
    assert found["eadscope_request_duration_seconds_count",
                 (("method", "GET"), ("route", "/cases/{case_id}"), ("status", "404"))] >= 2  # fmt: skip
    assert not any("999998" in str(key) or "BREW" in str(key) for key in found)


def test_the_queue_the_workers_the_files_and_the_disk_are_told(
    client: httpx.Client, sessions: sessionmaker[Session], case_id: int
) -> None:
    with sessions() as db, db.begin():
        request_analysis(db, case_id)
        for beat in ("now()", "now() - interval '1 hour'"):
            db.execute(text(f"INSERT INTO procrastinate_workers (last_heartbeat) VALUES ({beat})"))
    found = samples(client)
    assert found["eadscope_queue_analyses", (("state", "queued"),)] == 1
    assert found["eadscope_queue_analyses", (("state", "running"),)] == 0
    assert found["eadscope_worker_lanes", ()] == 1
    assert found["eadscope_workers", ()] == 1
    assert found["eadscope_database_up", ()] == 1
    assert 0 < found["eadscope_disk_free_bytes", ()] < found["eadscope_disk_total_bytes", ()]
    assert found["eadscope_stored_files", ()] >= 0


def test_analyses_that_end_are_counted_once_each_with_their_duration(
    client: httpx.Client, sessions: sessionmaker[Session], case_id: int
) -> None:
    key = "eadscope_analyses_total", (("outcome", "failed"),)
    before = samples(client).get(key, 0)
    failed_run(sessions, case_id)
    assert samples(client)[key] == before + 1
    found = samples(client)
    assert found[key] == before + 1
    assert found["eadscope_analysis_duration_seconds_count", (("outcome", "failed"),)] == before + 1


def test_metrics_are_there_while_the_database_is_away(tmp_path: Path) -> None:
    nowhere = Settings(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", var=tmp_path)  # type: ignore[call-arg]
    with served(create_app(nowhere)) as client:
        found = samples(client)
        assert client.get("/readyz").status_code == 503
    assert found["eadscope_database_up", ()] == 0
    assert ("eadscope_disk_free_bytes", ()) in found


@pytest.mark.parametrize("found", list(Walls))
def test_walls_that_are_weaker_are_a_warning_with_what_to_do(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, found: Walls
) -> None:
    monkeypatch.setattr("app.health.walls", lambda: found)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    if found is Walls.BUBBLEWRAP:
        assert "warnings" not in answer.json()
    else:
        assert "Install bubblewrap" in answer.json()["warnings"]["tool_walls"]


# ---------------------------------------------------------------- the page


def test_the_page_shows_queue_workers_and_failures_and_tries_again(
    client: httpx.Client, sessions: sessionmaker[Session], case_id: int
) -> None:
    number = failed_run(sessions, case_id)
    page = client.get("/admin/operations", headers=PAGE).text
    assert "No worker runs" in page
    assert "It broke." in page
    assert "&lt;script&gt;alert(1)" in page
    assert client.post(f"/admin/analyses/{number}/retry", follow_redirects=False).status_code == 303
    with sessions() as db:
        again = db.query(Analysis).filter_by(case_id=case_id, state="queued").one()
    page = client.get("/admin/operations", headers=PAGE).text
    assert "analysed again since" in page
    assert client.post(f"/admin/analyses/{again.id}/cancel", follow_redirects=False).status_code == 303
    assert client.post(f"/admin/analyses/{again.id}/cancel").status_code == 409
    assert client.post("/admin/analyses/999999/retry").status_code == 404


def test_the_page_shows_a_row_for_each_process_with_its_lanes(
    client: httpx.Client, sessions: sessionmaker[Session], case_id: int
) -> None:
    """One of two processes has a lane that fell silent, and one that was registered again after a lost connection."""
    beats = (("one:1", "analysis", 0), ("one:1", "handover", 0), ("one:1", "webhooks", 0), ("one:1", "analysis", 3600),
             ("two:2", "analysis", 0), ("two:2", "webhooks", 3600), (None, None, 0))  # fmt: skip
    with sessions() as db, db.begin():
        for process, lane, ago in beats:
            worker = db.scalar(
                text("INSERT INTO procrastinate_workers (last_heartbeat)"
                     " VALUES (now() - :ago * interval '1 second') RETURNING id"), {"ago": ago},
            )  # fmt: skip
            if process is not None:
                db.add(WorkerLane(worker_id=worker, process=process, lane=lane))
    page = client.get("/admin/operations", headers=PAGE).text
    rows = re.findall(r"<tr><td><code>([^<]*)</code>.*?</tr>", page)
    assert len(rows) == 3 and {"one:1", "two:2"} < set(rows)
    one, two = (re.search(rf"<code>{name}</code>.*?</tr>", page) for name in ("one:1", "two:2"))
    assert one is not None and "alive" in one[0] and "✕" not in one[0]
    assert one[0].count("analyses") == one[0].count("documents") == one[0].count("notices to other systems") == 1
    assert two is not None and "silent" in two[0]
    assert "notices to other systems ✕" in two[0] and "analyses ✕" not in two[0]
    found = samples(client)
    assert (found["eadscope_workers", ()], found["eadscope_worker_lanes", ()]) == (2, 5)


def test_the_page_is_there_in_chinese(client: httpx.Client) -> None:
    page = client.get("/admin/operations", headers={"accept": "text/html", "accept-language": "zh-CN"}).text
    assert "没有工作进程在运行" in page


def test_a_person_cancels_a_run_from_the_page_of_the_case(
    client: httpx.Client, sessions: sessionmaker[Session], case_id: int
) -> None:
    with sessions() as db, db.begin():
        number = request_analysis(db, case_id)
    assert "Cancel the analysis" in client.get(f"/cases/{case_id}/progress", headers=PAGE).text
    assert client.post(f"/cases/{case_id}/analysis/cancel", follow_redirects=False).status_code == 303
    with sessions() as db:
        assert db.get_one(Analysis, number).state == "canceled"
    assert "The analysis was canceled" in client.get(f"/cases/{case_id}/progress", headers=PAGE).text
