"""Files, capture points and log formats over the API: what the pages of a case offer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from app.log_formats import BUILT_IN
from tests.web.api.conftest import Api


@pytest.fixture(autouse=True)
def forget_runs(api: Api) -> Iterator[None]:
    """What a change asks for is not run here; the next test shall not find it."""
    yield
    with api.sessions() as db, db.begin():
        db.execute(text("DELETE FROM analyses WHERE state = 'queued'"))


def sources(api: Api, kind: str = "") -> list[dict[str, object]]:
    return list(api.client.get(f"/api/v1/cases/{api.case}/sources?kind={kind}").json()["items"])


def is_asked_for(api: Api) -> bool:
    return bool(api.client.get(f"/api/v1/cases/{api.case}/analysis").json()["state"] == "queued")


def test_files_are_listed_with_what_was_read(api: Api) -> None:
    captures = sources(api, "capture")
    assert {"client", "fw-inside", "fw-outside"} <= {one["capture_point"] for one in captures}
    assert {one["kind"] for one in sources(api)} == {"capture", "inode_log", "server_log"}
    first = captures[0]
    assert api.client.get(f"/api/v1/cases/{api.case}/sources/{first['sha256']}").json() == first


def test_the_zone_of_a_log_is_changed_and_the_case_read_again(api: Api) -> None:
    place = f"/api/v1/cases/{api.case}/sources/{sources(api, 'inode_log')[0]['sha256']}"
    assert api.client.patch(place, json={"zone_offset_s": 28800}).status_code == 202
    assert is_asked_for(api)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("inode_log", {}),
        ("inode_log", {"zone_offset_s": 1}),
        ("inode_log", {"encoding": "rot13"}),
        ("inode_log", {"capture_point": "x"}),
        ("capture", {"zone_offset_s": 0}),
        ("server_log", {"log_format": "nobody-taught-this"}),
    ],
)
def test_what_fits_no_file_of_that_kind_is_refused(api: Api, kind: str, change: dict[str, object]) -> None:
    place = f"/api/v1/cases/{api.case}/sources/{sources(api, kind)[0]['sha256']}"
    assert api.client.patch(place, json=change).status_code == 422
    assert not is_asked_for(api)


def test_a_line_is_read_with_its_neighbours(api: Api) -> None:
    sha256 = sources(api, "inode_log")[0]["sha256"]
    found = api.client.get(f"/api/v1/cases/{api.case}/sources/{sha256}/lines/5?around=2").json()
    assert [line["number"] for line in found["lines"]] == [3, 4, 5, 6, 7]
    assert api.client.get(f"/api/v1/cases/{api.case}/sources/{sha256}/lines/999999").status_code == 404
    assert api.client.get(f"/api/v1/cases/{api.case}/sources/{sha256}/frames/1").status_code == 409


def test_a_frame_is_read_with_its_dissection(api: Api) -> None:
    sha256 = next(one["sha256"] for one in sources(api, "capture") if one["capture_point"] == "fw-inside")
    found = api.client.get(f"/api/v1/cases/{api.case}/sources/{sha256}/frames/1").json()
    assert any("Ethernet" in layer["title"] for layer in found["layers"])
    assert len(bytes.fromhex(found["hex"])) > 40
    assert api.client.get(f"/api/v1/cases/{api.case}/sources/{sha256}/frames/999999").status_code == 404
    assert api.client.get(f"/api/v1/cases/{api.case}/sources/{sha256}/lines/1").status_code == 409


def test_capture_points_are_named_and_ordered(api: Api) -> None:
    place = f"/api/v1/cases/{api.case}/points"
    names = [point["name"] for point in api.client.get(place).json()]
    assert names[0] == "client"
    assert names[-1] == "server"
    wanted = [{"name": name} for name in names]
    assert api.client.put(place, json=[*wanted[:-1]]).status_code == 422
    same = [{"name": name, "new_name": "one"} for name in names]
    assert api.client.put(place, json=same).status_code == 422
    assert not is_asked_for(api)
    wanted[1]["new_name"] = "core switch"
    assert api.client.put(place, json=wanted).status_code == 202
    assert is_asked_for(api)


def test_a_format_is_taught_listed_and_forgotten(api: Api) -> None:
    place = f"/api/v1/cases/{api.case}/formats"
    toml = (BUILT_IN / "family.toml").read_text(encoding="utf-8").replace('"family"', '"ours"', 1)
    assert api.client.put(f"{place}/ours", json={"name": "ours", "toml": toml}).status_code == 202
    assert is_asked_for(api)
    assert [one["name"] for one in api.client.get(place).json()] == ["ours"]
    assert api.client.put(f"{place}/other", json={"name": "other", "toml": toml}).status_code == 422
    broken = api.client.put(f"{place}/ours", json={"name": "ours", "toml": "name = "})
    assert broken.status_code == 422
    assert broken.json()["detail"]
    assert api.client.delete(f"{place}/ours").status_code == 204
    assert api.client.delete(f"{place}/ours").status_code == 404


def test_a_log_and_a_frame_of_the_same_moment_set_its_clock(api: Api) -> None:
    log = next(one for one in sources(api, "inode_log") if str(one["path"]).endswith(".log"))
    capture = next(one for one in sources(api, "capture") if one["capture_point"] == "client")
    place = f"/api/v1/cases/{api.case}/sources/{log['sha256']}"
    answer = api.client.post(f"{place}/pair", json={"line": 1, "other": capture["path"], "other_number": 1})
    assert answer.status_code == 202, answer.text
    assert set(answer.json()) == {"zone_offset_s", "clock_offset_s"}
    assert is_asked_for(api)
    absent = api.client.post(f"{place}/pair", json={"line": 1, "other": "no.pcap", "other_number": 1})
    assert absent.status_code == 422
    assert api.client.patch(place, json={"zone_offset_s": None, "clock_offset_s": None}).status_code == 202


def test_a_format_is_tried_on_lines_without_being_kept(api: Api) -> None:
    place = f"/api/v1/cases/{api.case}/formats"
    toml = (BUILT_IN / "family.toml").read_text(encoding="utf-8").replace('"family"', '"ours"', 1)
    lines = ["%% 2017-07-12 11:14:20.123 ; [LDBG] ; [4400] ; EAD ; text", "nothing"]
    told = api.client.post(f"{place}/check", json={"toml": toml, "lines": lines}).json()
    assert [line["is_record"] for line in told["lines"]] == [True, False]
    assert told["wrong_samples"] == []
    assert api.client.get(place).json() == []
