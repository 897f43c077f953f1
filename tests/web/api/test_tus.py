"""The resumable protocol, word by word: creation, pieces, checksums, expiry, termination, and what kills leave."""

from __future__ import annotations

import base64
import hashlib
import socket
import time
from urllib.parse import urlsplit

import pytest

from app.db.models import PartialUpload, Upload
from tests.web.api.conftest import Api

CONTENT = {"Content-Type": "application/offset+octet-stream"}
TUS = {"Tus-Resumable": "1.0.0"}


def begin(api: Api, size: int, content: bytes = b"", status: int = 201, **headers: str) -> str:
    named = "path " + base64.b64encode("机房/client.pcap".encode()).decode()
    told = {**TUS, "Upload-Length": str(size), "Upload-Metadata": named, **(CONTENT if content else {}), **headers}
    answer = api.client.post(f"/api/v1/cases/{api.bare}/uploads", headers=told, content=content)
    assert answer.status_code == status, answer.text
    return str(answer.headers.get("location", ""))


def digest_of(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def test_the_server_says_what_it_speaks(api: Api) -> None:
    told = api.client.options(f"/api/v1/cases/{api.bare}/uploads").headers
    assert told["tus-version"] == "1.0.0"
    assert set(told["tus-extension"].split(",")) == {
        "creation", "creation-with-upload", "checksum", "expiration", "termination",
    }  # fmt: skip
    assert "sha1" in told["tus-checksum-algorithm"] and int(told["tus-max-size"]) > 0


def test_a_small_file_goes_up_with_its_announcement(api: Api) -> None:
    place = begin(api, 6, b"abcdef", **{"Repr-Digest": digest_of(b"abcdef")})
    told = api.client.head(place).headers
    assert (told["upload-offset"], told["repr-digest"]) == ("6", digest_of(b"abcdef"))
    with api.sessions() as db:
        upload = db.get_one(PartialUpload, place.rpartition("/")[2])
        assert db.query(Upload).filter_by(bundle_id=upload.bundle_id, path="机房/client.pcap").count() == 1


def test_an_empty_file_is_whole_at_once(api: Api) -> None:
    assert api.client.head(begin(api, 0)).headers["repr-digest"] == digest_of(b"")


def test_every_answer_names_the_version_and_when_the_upload_is_given_up(api: Api) -> None:
    place = begin(api, 6)
    answer = api.client.head(place, headers=TUS)
    assert answer.headers["tus-resumable"] == "1.0.0" and answer.headers["cache-control"] == "no-store"
    assert answer.headers["upload-length"] == "6" and "GMT" in answer.headers["upload-expires"]
    refused = api.client.patch(place, headers={**TUS, **CONTENT, "Upload-Offset": "3"}, content=b"x")
    assert (refused.status_code, refused.headers["tus-resumable"]) == (409, "1.0.0")


def test_another_version_is_refused_with_the_right_one(api: Api) -> None:
    answer = api.client.head(begin(api, 6), headers={"Tus-Resumable": "0.2.2"})
    assert (answer.status_code, answer.headers["tus-version"]) == (412, "1.0.0")


def test_the_method_may_stand_in_a_header(api: Api) -> None:
    place = begin(api, 3)
    headers = {**TUS, **CONTENT, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert api.client.post(place, headers=headers, content=b"abc").status_code == 204
    assert api.client.post(place, headers={**TUS, "X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert api.client.head(place).status_code == 404


@pytest.mark.parametrize("when", ["at the announcement", "with the last piece"])
def test_a_whole_that_is_not_what_was_sent_is_thrown_away(api: Api, when: str) -> None:
    wrong = {"Repr-Digest": digest_of(b"abcdeX")}
    place = begin(api, 6, **(wrong if when == "at the announcement" else {}))
    headers = {**TUS, **CONTENT, "Upload-Offset": "0", **(wrong if when == "with the last piece" else {})}
    answer = api.client.patch(place, headers=headers, content=b"abcdef")
    assert answer.status_code == 460 and "checksums differ" in answer.json()["detail"]
    assert api.client.head(place).headers["upload-offset"] == "0"
    assert not api.app.state.storage.has(hashlib.sha256(b"abcdef-").hexdigest())


@pytest.mark.parametrize("value", ["sha-256=:AAAA:", "md5=:AAAA:", "nonsense", "sha-256=:!!:"])
def test_a_digest_that_is_none_is_refused(api: Api, value: str) -> None:
    begin(api, 6, status=422, **{"Repr-Digest": value})


def test_what_a_broken_link_brought_is_kept(api: Api) -> None:
    place = begin(api, 1_000_000)
    url = urlsplit(str(api.client.base_url))
    with socket.create_connection((url.hostname, url.port)) as link:
        known = api.client.build_request("PATCH", place, headers={**CONTENT, "Upload-Offset": "0"}).headers
        head = f"PATCH {place} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in known.items() if name != "content-length"
        )
        link.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode() + b"x" * 400_000)
    deadline = time.monotonic() + 30
    while (offset := int(api.client.head(place).headers["upload-offset"])) < 400_000:
        assert time.monotonic() < deadline, offset
        time.sleep(0.02)
    assert offset == 400_000
    of_route = [line for line in api.client.get("/metrics").text.splitlines() if 'route="/api/v1/uploads/{up' in line]
    assert any('status="499"' in line for line in of_route), "who left is told"
    assert not any('status="5' in line for line in of_route), "that is no fault of ours"


def test_an_upload_goes_on_in_a_process_that_did_not_see_its_beginning(api: Api) -> None:
    place = begin(api, 6)
    api.client.patch(place, headers={**CONTENT, "Upload-Offset": "0"}, content=b"abc")
    api.app.state.running_hashes.forget(place.rpartition("/")[2])
    answer = api.client.patch(place, headers={**CONTENT, "Upload-Offset": "3"}, content=b"dex")
    assert (answer.status_code, answer.headers["repr-digest"]) == (204, digest_of(b"abcdex"))


def test_what_a_process_left_that_was_killed_after_the_last_byte_is_finished_when_asked(api: Api) -> None:
    place = begin(api, 6)
    with api.app.state.storage.pieces.appending(place.rpartition("/")[2], 0) as end:
        end.write(b"ghijkl")
    assert api.client.head(place).headers["repr-digest"] == digest_of(b"ghijkl")
    with api.app.state.storage.open(hashlib.sha256(b"ghijkl").hexdigest()) as file:
        assert file.read() == b"ghijkl"


def test_pieces_of_a_file_that_is_whole_are_gone(api: Api) -> None:
    place = begin(api, 6, b"mnopqr")
    assert place.rpartition("/")[2] not in dict(api.app.state.storage.pieces.all())
    again = api.client.patch(place, headers={**CONTENT, "Upload-Offset": "6"}, content=b"")
    assert again.status_code == 204
