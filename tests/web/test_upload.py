"""The whole way in a real browser, on the product as `eadscope serve` starts it: files in, verdict and evidence out."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.demo import write_bundle
from tests.conftest import LiveServer
from tests.web.conftest import axe_violations, wait_until

CASE = re.compile(r"/cases/\d+$")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ticket") / "ticket-4711"
    write_bundle("article", folder)
    return folder


def drop(page: Any, paths: list[Path]) -> None:
    """Drop real files and folders from the desktop, as the browser itself would get them."""
    box = page.locator("#zone").bounding_box()
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    devtools = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})


def wait_for_case(page: Any) -> None:
    """The page goes on by itself once the analysis is done."""
    page.locator(".verdict, #analysis-progress .bad").first.wait_for(timeout=120_000)
    assert page.locator("#analysis-progress .bad").count() == 0, page.locator("#analysis-progress").inner_text()
    assert CASE.search(page.url)


def test_a_dropped_folder_becomes_a_case_with_its_terminals_and_evidence(
    live_server: LiveServer, open_page: Callable[..., Any], bundle: Path
) -> None:
    page = open_page()
    page.goto(f"{live_server.url}/cases/new")
    drop(page, [bundle])
    page.locator("#analysis-progress").wait_for()
    assert axe_violations(page) == []
    wait_for_case(page)
    assert page.get_by_role("heading", level=1).inner_text() == "ticket-4711"
    assert "terminals failed" in page.locator(".verdict").inner_text()
    listed = page.locator("table.sources tbody td:first-child").all_inner_texts()
    assert sorted(listed) == sorted(p.relative_to(bundle).as_posix() for p in bundle.rglob("*") if p.is_file())

    wait_until(page, "document.readyState === 'complete' && 'htmx' in window")  # else nobody hears the change
    page.locator("form.filters select[name=outcome]").select_option("failed")
    wait_until(page, "location.search.includes('outcome=failed')")
    page.locator("#terminal-list tbody td.lead a").first.click()
    wait_until(page, "!!document.querySelector('.chart.ladder .main-svg')")
    assert "✕" in page.locator(".fragments svg text").all_text_contents()
    page.locator(".fragments svg a").first.click()
    page.locator("#drawer .dissection").wait_for()
    assert "User Datagram Protocol" in page.locator("#drawer").inner_text()
    assert page.locator("#drawer .hex").inner_text().startswith("0000  ")
    assert axe_violations(page) == []
    page.locator("#messages a[data-evidence]", has_text="line").first.click()
    page.locator("#drawer .log-lines .here").wait_for()


def test_an_archive_and_a_loose_file_go_up_by_the_picker(
    live_server: LiveServer, open_page: Callable[..., Any], bundle: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "evidence.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(bundle.glob("terminal-04/*")):
            packed.write(path, path.name)
    page = open_page(locale="zh-CN")
    page.goto(f"{live_server.url}/cases/new")
    page.get_by_label("标题").fill("一号楼")
    page.locator("#files").set_input_files([archive, *bundle.glob("server/*")])
    wait_for_case(page)
    assert page.get_by_role("heading", level=1).inner_text() == "一号楼"
    assert "server.pcap" in page.locator("#sources").inner_text()

    page.get_by_role("link", name="添加文件").click()
    page.locator("#files").set_input_files([*bundle.glob("mirror/*")])
    wait_for_case(page)
    assert "uplink.pcap" in page.locator("#sources").inner_text()


def test_files_that_cannot_be_used_are_listed_with_the_reason(
    live_server: LiveServer, open_page: Callable[..., Any], bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.log").write_bytes(b"")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 not an archive")
    capture = next(bundle.glob("server/*.pcap")).read_bytes()
    (tmp_path / "cut.pcap").write_bytes(capture[: len(capture) * 2 // 3])
    (tmp_path / "photo.log").write_bytes(bytes(range(256)) * 40)
    page = open_page()
    page.goto(f"{live_server.url}/cases/new")
    page.locator("#files").set_input_files([tmp_path / n for n in ("empty.log", "broken.zip", "cut.pcap", "photo.log")])
    wait_for_case(page)
    for name in ("empty.log", "broken.zip", "cut.pcap", "photo.log"):
        row = page.locator("table.sources tbody tr", has_text=name)
        assert row.locator("td").last.inner_text().strip() != "", name


def test_a_line_of_a_megabyte_does_not_make_the_page_heavy(
    live_server: LiveServer, open_page: Callable[..., Any], bundle: Path, tmp_path: Path
) -> None:
    log = next(bundle.glob("terminal-04/*.log")).read_bytes()
    (tmp_path / "iNode.log").write_bytes(
        log + b"\n[2026-03-09 09:14:00] [SecPkt] [1394] SecPkt " + b"<b>{{7*7}}" * 100_000 + b"\n"
    )
    page = open_page()
    page.goto(f"{live_server.url}/cases/new")
    page.locator("#files").set_input_files(tmp_path / "iNode.log")
    wait_for_case(page)
    lines = log.count(b"\n") + 2
    page.goto(f"{page.url.partition('?')[0]}?src=iNode.log&line={lines}")
    shown = page.locator("#drawer .here").inner_text()
    assert "<b>{{7*7}}<b>{{7*7}}" in shown and "more in this line" in shown
    assert len(page.content()) < 400_000


def test_a_browser_without_script_can_upload(live_server: LiveServer, browser: Any, bundle: Path) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{live_server.url}/cases/new")
    page.locator("noscript input[type=file], input[name=files]").first.set_input_files(
        [*bundle.glob("terminal-04/*.log")]
    )
    page.get_by_role("button", name="Upload and analyse").click()
    page.wait_for_url(CASE)
    context.close()
