"""A ticket system can do what a browser can."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.core.records import Text
from app.db.models import DONE, Analysis
from app.intake import analyze_paths
from app.jobs.document_run import attempt
from app.jobs.documents import fail_document, start_document
from tests.web.api.conftest import Api

PROBLEM = "application/problem+json"


def test_a_case_is_made_listed_changed_and_deleted(api: Api) -> None:
    made = api.client.post("/api/v1/cases", json={"title": "Ticket 1", "site": "B7"})
    assert made.status_code == 201
    place = made.headers["location"]
    assert api.client.get(place).json()["site"] == "B7"
    changed = api.client.patch(place, json={"state": "solved", "note": "firewall"}).json()
    assert (changed["state"], changed["note"], changed["title"]) == ("solved", "firewall", "Ticket 1")
    assert made.json()["id"] in [item["id"] for item in api.client.get("/api/v1/cases?state=solved").json()["items"]]
    assert api.client.delete(place).status_code == 204
    assert api.client.get(place).status_code == 404


def test_the_same_idempotency_key_makes_one_case(api: Api) -> None:
    ids = {
        api.client.post("/api/v1/cases", json={"title": "once"}, headers={"Idempotency-Key": "k-1"}).json()["id"]
        for _ in range(3)
    }
    assert len(ids) == 1


def test_lists_lead_to_their_next_page(api: Api) -> None:
    for number in range(51):
        api.client.post("/api/v1/cases", json={"title": f"paged {number}"})
    first = api.client.get("/api/v1/cases?q=paged")
    assert first.json()["pages"] == 2
    assert first.links["next"]["url"].startswith("/api/v1/cases?")
    second = api.client.get(first.links["next"]["url"])
    titles = [item["title"] for answer in (first, second) for item in answer.json()["items"]]
    assert len(set(titles)) == 51
    assert "next" not in second.links


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/cases/999999", 404),
        ("GET", "/cases/nonsense", 422),
        ("GET", "/cases?page=0", 422),
        ("GET", "/nothing", 404),
        ("PUT", "/cases", 405),
        ("POST", "/cases/999999/analysis", 404),
    ],
)
def test_errors_are_problem_details(api: Api, method: str, path: str, status: int) -> None:
    answer = api.client.request(method, f"/api/v1{path}", headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    told = answer.json()
    assert told["status"] == status
    assert told["detail"]
    assert told["detail_zh"]
    if status == 422:
        assert told["errors"][0]["where"]


def test_validation_does_not_repeat_what_was_sent(api: Api) -> None:
    answer = api.client.post("/api/v1/cases", json={"title": {"secret": "hunter2"}})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


def test_another_sites_page_is_refused(api: Api) -> None:
    answer = api.client.post("/api/v1/cases", json={"title": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


# ---------------------------------------------------------------- resumable uploads


def begin(api: Api, content: bytes, name: str = "client.pcap", **headers: str) -> str:
    named = "path " + base64.b64encode(name.encode()).decode()
    answer = api.client.post(
        f"/api/v1/cases/{api.bare}/uploads",
        headers={"Upload-Length": str(len(content)), "Upload-Metadata": named, "Tus-Resumable": "1.0.0", **headers},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def piece(api: Api, place: str, offset: int, content: bytes, **headers: str) -> int:
    told = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream", **headers}
    return api.client.patch(place, headers=told, content=content).status_code


def test_an_upload_goes_on_where_it_stopped(api: Api) -> None:
    content = bytes(range(256)) * 1000
    place = begin(api, content)
    assert piece(api, place, 0, content[:1000]) == 204
    offset = int(api.client.head(place).headers["upload-offset"])
    assert offset == 1000
    assert piece(api, place, 0, content) == 409
    assert piece(api, place, offset, content[offset:]) == 204
    assert api.client.head(place).headers["upload-offset"] == str(len(content))
    digest = hashlib.sha256(content).hexdigest()
    with api.app.state.storage.open(digest) as stored:
        assert stored.read() == content


def test_a_piece_with_a_wrong_checksum_is_not_kept(api: Api) -> None:
    place = begin(api, b"abcdef")
    right = base64.b64encode(hashlib.sha256(b"abc").digest()).decode()
    assert piece(api, place, 0, b"abX", **{"Upload-Checksum": f"sha256 {right}"}) == 460
    assert api.client.head(place).headers["upload-offset"] == "0"
    assert piece(api, place, 0, b"abc", **{"Upload-Checksum": f"sha256 {right}"}) == 204


def test_more_than_was_announced_is_refused(api: Api) -> None:
    place = begin(api, b"abc")
    assert piece(api, place, 0, b"abcd") == 413
    assert api.client.head(place).headers["upload-offset"] == "0"


def test_the_same_key_leads_to_the_same_upload(api: Api) -> None:
    place = begin(api, b"abcdef", **{"Idempotency-Key": "up-1"})
    piece(api, place, 0, b"abc")
    assert begin(api, b"abcdef", **{"Idempotency-Key": "up-1"}) == place
    assert api.client.head(place).headers["upload-offset"] == "3"


def test_an_upload_can_be_given_up(api: Api) -> None:
    place = begin(api, b"abcdef")
    assert api.client.delete(place).status_code == 204
    assert api.client.head(place).status_code == 404


# ---------------------------------------------------------------- analysis and documents


def test_a_case_without_files_is_not_analysed(api: Api) -> None:
    case = api.client.post("/api/v1/cases", json={"title": "no files"}).json()["id"]
    assert api.client.post(f"/api/v1/cases/{case}/analysis").status_code == 409
    assert api.client.get(f"/api/v1/cases/{case}/verdict").status_code == 404


def test_waiting_ends_when_the_analysis_ends(api: Api) -> None:
    case = api.client.post("/api/v1/cases", json={"title": "wait"}).json()["id"]
    api.client.put(f"/api/v1/cases/{case}/files?path=a.log", content=b"nothing")
    run = api.client.post(f"/api/v1/cases/{case}/analysis").json()
    assert run["state"] == "queued"
    assert api.client.get(f"/api/v1/cases/{case}/analysis").json()["state"] == "queued"

    def finish() -> None:
        with api.sessions() as db, db.begin():
            db.get_one(Analysis, run["id"]).state = DONE

    timer = threading.Timer(0.7, finish)
    timer.start()
    assert api.client.get(f"/api/v1/cases/{case}/analysis?wait=30").json()["state"] == "done"
    timer.join()


def test_the_verdict_terminals_and_findings_are_read(api: Api) -> None:
    place = f"/api/v1/cases/{api.case}"
    verdict = api.client.get(f"{place}/verdict").json()
    assert verdict["version"] == 1
    listed = api.client.get(f"{place}/terminals?outcome=failed").json()
    assert listed["total"] == 1
    failed = listed["items"][0]
    assert failed["lost_between"] == ["fw-outside", "fw-inside"]
    assert api.client.get(f"{place}/terminals/{failed['key']}").json() == failed
    found = api.client.get(f"{place}/findings?terminal={failed['key']}").json()
    assert "later-fragments-lost" in [one["code"] for one in found["findings"]]
    assert {"code": "later-fragments-lost", "severity": "error", "terminals": 1} in found["of_terminals"]


def made(api: Api, kind: str, **wanted: object) -> dict[str, Any]:
    """Ask for a document, do what the worker's process does, and look at its state again."""
    answer = api.client.post(f"/api/v1/cases/{api.case}/{kind}", json=wanted)
    assert answer.status_code == 202, answer.text
    place = str(answer.headers["location"])
    number = answer.json()["id"]
    if answer.json()["state"] == "queued":
        run = start_document(api.sessions, number)
        assert run is not None
        assert attempt(api.sessions, api.app.state.storage, api.app.state.settings, number, run) == 0
    return dict(api.client.get(place).json())


def test_a_report_is_asked_for_made_and_fetched(api: Api) -> None:
    asked = api.client.post(f"/api/v1/cases/{api.case}/report", json={"language": "zh"})
    assert asked.status_code == 202
    place = asked.headers["location"]
    assert api.client.get(place).json()["state"] == "queued"
    assert api.client.get(f"{place}/content").status_code == 409
    state = made(api, "report", language="zh")
    assert state["state"] == "done"
    assert state["fraction"] == 1
    answer = api.client.get(state["content"])
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert hashlib.sha256(answer.content).hexdigest() == state["sha256"]


def test_the_same_report_is_made_once(api: Api) -> None:
    first, second = made(api, "report", author="A"), made(api, "report", author="A")
    assert first == second
    assert made(api, "report", author="B")["id"] != first["id"]
    listed = [one["id"] for one in api.client.get(f"/api/v1/cases/{api.case}/documents").json()]
    assert listed[0] > first["id"]
    assert first["id"] in listed


def test_waiting_for_a_document_ends_when_it_is_done(api: Api) -> None:
    asked = api.client.post(f"/api/v1/cases/{api.case}/report", json={"author": "waits"})
    place, number = asked.headers["location"], asked.json()["id"]

    def fail() -> None:
        start_document(api.sessions, number)
        fail_document(api.sessions, number, None, Text("no room", "空间不足"))

    timer = threading.Timer(0.7, fail)
    timer.start()
    state = api.client.get(f"{place}?wait=30").json()
    timer.join()
    assert state["state"] == "failed"
    assert state["error"] == {"en": "no room", "zh": "空间不足"}
    answer = api.client.get(f"{place}/content")
    assert (answer.status_code, answer.json()["detail"]) == (409, "no room")


def test_a_removed_document_is_gone_with_its_file(api: Api) -> None:
    state = made(api, "report", author="to be removed")
    assert api.app.state.storage.has(state["sha256"])
    place = f"/api/v1/cases/{api.case}/documents/{state['id']}"
    assert api.client.delete(place).status_code == 204
    assert api.client.get(place).status_code == 404
    assert not api.app.state.storage.has(state["sha256"])


def test_a_case_without_an_analysis_has_no_documents(api: Api) -> None:
    assert api.client.post(f"/api/v1/cases/{api.bare}/report", json={}).status_code == 404
    assert api.client.get(f"/api/v1/cases/{api.bare}/documents").json() == []


def test_a_zone_that_nobody_knows_is_refused(api: Api) -> None:
    answer = api.client.post(f"/api/v1/cases/{api.case}/report", json={"zone": "../../etc/passwd"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == "body.zone"


def test_the_evidence_packet_gives_the_cases_verdict(api: Api, tmp_path: Path) -> None:
    answer = api.client.get(made(api, "evidence")["content"])
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(answer.content)
    place = tmp_path / "evidence.zip"
    place.write_bytes(answer.content)
    codes = {finding.code for terminal in analyze_paths([place]).terminals for finding in terminal.findings}
    assert "later-fragments-lost" in codes
    refused = made(api, "evidence", terminals=["nobody"])
    assert refused["state"] == "failed"
    assert "nobody" in refused["error"]["en"]


def test_the_map_of_an_anonymised_packet_stays_here(api: Api) -> None:
    answer = api.client.get(made(api, "evidence", anonymise=True)["content"])
    kept = api.client.get(f"/api/v1/cases/{api.case}/anonymisation-map").json()
    assert kept["users"]
    packet = zipfile.ZipFile(io.BytesIO(answer.content))
    everything = b"".join(packet.read(name) for name in packet.namelist())
    assert all(user.encode() not in everything for user in kept["users"])
    assert kept["key"].encode() not in everything


def test_the_document_describes_every_route_with_examples(api: Api) -> None:
    document = api.client.get("/api/v1/openapi.json").json()
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert "4" in {status[0] for status in operation["responses"]}, (path, method)
            for status, response in operation["responses"].items():
                if status[0] == "4":
                    assert list(response["content"]) == [PROBLEM]
                    assert response["content"][PROBLEM]["example"]
    assert "example" in json.dumps(document["components"])


def test_no_page_loads_anything_from_elsewhere(api: Api) -> None:
    assert api.client.get("/docs").status_code == 404
    assert api.client.get("/redoc").status_code == 404
