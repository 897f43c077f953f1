"""Uploads over a bad link, in a real browser: breaks, reloads and a server that is killed cost time, never bytes."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.storage.errors import FULL
from tests.conftest import LiveServer
from tests.web.conftest import wait_until

SIZE = 12_000_000
SLOW = 4_000_000  # bytes a second
FAST = -1


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slow") / "uplink.pcap"
    path.write_bytes(random.Random(1).randbytes(SIZE))
    return path


@pytest.fixture
def open_slow_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Like `open_page`, for pages that may complain of a link that we broke."""
    contexts = []

    def opened(locale: str = "en-GB") -> Any:
        contexts.append(browser.new_context(locale=locale))
        return contexts[-1].new_page()

    yield opened
    for context in contexts:
        context.close()


def set_link(page: Any, bytes_per_second: int, *, is_broken: bool = False) -> None:
    if not hasattr(page, "devtools"):  # one session: each has conditions of its own, and the worse ones win
        page.devtools = page.context.new_cdp_session(page)
    speed = {"latency": 0, "downloadThroughput": FAST, "uploadThroughput": bytes_per_second}
    page.devtools.send("Network.enable")
    page.devtools.send("Network.emulateNetworkConditions", {"offline": is_broken, **speed})


def upload_slowly(page: Any, server: LiveServer, capture: Path) -> list[int]:
    """Start it, and come back when a part has gone up. The list grows by where each piece begins."""
    offsets: list[int] = []
    note = lambda request: request.method == "PATCH" and offsets.append(int(request.headers["upload-offset"]))  # noqa: E731
    page.on("request", note)
    page.goto(f"{server.url}/cases/new")
    set_link(page, SLOW)
    page.locator("#files").set_input_files(capture)
    wait_until(page, "document.querySelector('#upload-bar').value > 0.2")
    return offsets


def finish(page: Any, server: LiveServer, capture: Path) -> None:
    set_link(page, FAST)
    page.locator("#analysis-progress, .verdict, table.sources").first.wait_for(timeout=60_000)
    digest = hashlib.sha256(capture.read_bytes()).hexdigest()
    stored = server.var / "storage" / digest[:2] / digest[2:4] / digest
    assert stored.stat().st_size == SIZE
    stored.unlink()  # the next test stores it anew


def test_after_a_reload_it_goes_on_when_the_same_file_is_chosen(
    live_server: LiveServer, open_slow_page: Callable[..., Any], capture: Path
) -> None:
    page = open_slow_page()
    offsets = upload_slowly(page, live_server, capture)
    page.reload()
    page.locator("#upload-earlier").wait_for()
    assert "uplink.pcap" in page.locator("#upload-earlier").inner_text()
    assert "0 of 1 files" in page.locator("#upload-earlier-numbers").inner_text()
    page.locator("#files").set_input_files(capture)
    finish(page, live_server, capture)
    assert offsets[0] == 0 and len(offsets) > 1 and all(offset > 1_000_000 for offset in offsets[1:]), offsets


def test_when_the_web_process_is_killed_it_goes_on_by_itself(
    live_server: LiveServer, open_slow_page: Callable[..., Any], capture: Path
) -> None:
    page = open_slow_page()
    offsets = upload_slowly(page, live_server, capture)
    (web,) = (
        child
        for child in psutil.Process(live_server.process.pid).children(recursive=True)
        if "app.commands.web" in child.cmdline()
    )
    web.kill()
    page.locator("#upload-trouble").wait_for()
    assert "What has arrived is safe" in page.locator("#upload-trouble").inner_text()
    finish(page, live_server, capture)
    assert offsets[0] == 0 and offsets[-1] > 1_000_000, offsets


def test_when_the_link_breaks_it_says_so_and_goes_on(
    live_server: LiveServer, open_slow_page: Callable[..., Any], capture: Path
) -> None:
    page = open_slow_page(locale="zh-CN")
    upload_slowly(page, live_server, capture)
    set_link(page, SLOW, is_broken=True)
    page.locator("#upload-trouble").wait_for()
    assert "连接中断。已上传" in page.locator("#upload-trouble").inner_text()
    finish(page, live_server, capture)


def case_of(page: Any) -> int:
    """The case that this profile uploads to."""
    (record,) = page.evaluate("Object.entries(localStorage).filter(([key]) => key.startsWith('eadscope.upload.'))")
    return int(json.loads(record[1])["goal"]["case"])


def wait_until_gone(server: LiveServer, case: int) -> None:
    with server.person.client(server.url) as client:
        end = time.monotonic() + 30
        while client.get(f"/api/v1/cases/{case}").status_code != 404:
            assert time.monotonic() < end, "the case stays"
            time.sleep(0.1)


def test_an_interrupted_upload_that_is_thrown_away_leaves_no_case(
    live_server: LiveServer, open_slow_page: Callable[..., Any], capture: Path
) -> None:
    page = open_slow_page()
    upload_slowly(page, live_server, capture)
    page.reload()
    case = case_of(page)
    page.locator("#upload-forget").click()
    wait_until_gone(live_server, case)
    assert not page.locator("#upload-earlier").is_visible()


def test_it_can_be_paused_and_cancelled(
    live_server: LiveServer, open_slow_page: Callable[..., Any], capture: Path
) -> None:
    page = open_slow_page()
    upload_slowly(page, live_server, capture)
    page.get_by_role("button", name="Pause").click()
    wait_until(page, "document.querySelector('#upload-label').textContent === 'Paused'")
    before = page.locator("#upload-bar").evaluate("bar => bar.value")
    page.wait_for_timeout(700)
    assert page.locator("#upload-bar").evaluate("bar => bar.value") == before
    page.get_by_role("button", name="Continue").click()
    wait_until(page, f"document.querySelector('#upload-bar').value > {before}")
    case = case_of(page)
    page.get_by_role("button", name="Cancel").click()
    page.locator("#zone").wait_for()
    assert "canceled" in page.locator("#upload-label").inner_text()
    assert not page.locator("#upload-earlier").is_visible()
    assert list((live_server.var / "storage" / "partial").glob("*.part")) == []
    wait_until_gone(live_server, case)


def test_speed_and_time_left_are_shown(
    live_server: LiveServer, open_slow_page: Callable[..., Any], capture: Path
) -> None:
    page = open_slow_page()
    upload_slowly(page, live_server, capture)
    wait_until(page, "/MB\\/s · \\d+ s left/.test(document.querySelector('#upload-numbers').textContent)")
    finish(page, live_server, capture)


def test_a_full_disk_is_said_in_the_readers_language_and_waited_for(
    live_server: LiveServer, open_slow_page: Callable[..., Any], capture: Path
) -> None:
    page = open_slow_page(locale="zh-CN")
    told = {"status": 503, "detail": FULL.en, "detail_zh": FULL.zh}
    upload_slowly(page, live_server, capture)
    page.get_by_role("button", name="暂停").click()
    page.route("**/api/v1/uploads/**", lambda route: route.fulfill(status=503, json=told))
    page.get_by_role("button", name="继续").click()
    page.locator("#upload-trouble", has_text="服务器磁盘已满").wait_for()
    page.unroute_all()
    finish(page, live_server, capture)


def test_a_file_that_the_server_refuses_is_told_on_the_page(
    live_server: LiveServer, open_slow_page: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "one.log").write_bytes(b"text")
    page = open_slow_page()
    page.goto(f"{live_server.url}/cases/new")
    told = {"status": 413, "detail": "The file is larger than the 5 B that are allowed.", "detail_zh": "x"}
    page.route("**/uploads", lambda route: route.fulfill(status=413, json=told))
    page.locator("#files").set_input_files(tmp_path / "one.log")
    page.locator("#upload-errors li").first.wait_for()
    assert "Not uploaded: one.log — The file is larger than the 5 B" in page.locator("#upload-errors").inner_text()
    assert page.locator("#zone").is_visible()
