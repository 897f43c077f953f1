"""The page from which reports and evidence packets leave."""

from __future__ import annotations

import threading
from typing import Any

from app.config import Settings
from app.jobs.document_run import attempt
from app.jobs.documents import documents_of, start_document
from app.storage import FolderStorage
from tests.web.conftest import Site, axe_violations, wait_until


def make(site: Site, database_url: str, storage: FolderStorage, var: Any) -> None:
    """What a worker does with everything that waits."""
    with site.sessions() as session:
        waiting = [document.id for document in documents_of(session, site.case) if document.state == "queued"]
    options = Settings(DATABASE_URL=database_url, var=var)  # type: ignore[call-arg]
    for number in waiting:
        run = start_document(site.sessions, number)
        assert run is not None
        assert attempt(site.sessions, storage, options, number, run) == 0


def test_a_report_is_made_while_the_page_is_open_and_downloaded(
    site: Site, open_page: Any, database_url: str, storage: FolderStorage
) -> None:
    page = open_page(locale="zh-CN")
    page.goto(f"{site.url}/cases/{site.case}")
    page.get_by_role("link", name="报告与证据").click()
    page.get_by_label("编写人").first.fill("王工")
    page.get_by_role("button", name="生成报告").click()
    page.get_by_role("progressbar").wait_for()
    assert axe_violations(page) == []
    worker = threading.Thread(target=make, args=(site, database_url, storage, storage.root.parent))
    worker.start()
    link = page.get_by_role("link", name="下载")
    link.wait_for(timeout=60_000)
    worker.join()
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == f"case-{site.case}-zh.pdf"
    assert download.value.path().read_bytes().startswith(b"%PDF-")
    # Nothing is made any more: the page asks no longer.
    wait_until(page, "!document.querySelector('#documents').hasAttribute('hx-get')")
    assert axe_violations(page) == []


def test_a_packet_that_names_nobody_says_so_and_can_be_removed(
    site: Site, open_page: Any, database_url: str, storage: FolderStorage
) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}/documents?terminal=nobody")
    page.get_by_role("button", name="Make the packet").click()
    page.get_by_role("progressbar").wait_for()
    make(site, database_url, storage, storage.root.parent)
    page.get_by_text("No terminal of this case is named nobody.").wait_for()
    row = page.get_by_role("row").filter(has_text="nobody")
    row.get_by_role("button", name="Remove").click()
    page.wait_for_url("**/documents")
    assert page.get_by_text("is named nobody").count() == 0


def test_without_an_analysis_there_is_no_such_page(site: Site, open_page: Any) -> None:
    page = open_page()
    assert page.request.get(f"{site.url}/cases/{site.bare}/documents").status == 404
