"""The page of one source, and the page that teaches a log format, against the running application."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.core.analysis import SourceKind
from app.db.models import Analysis, SourceSetting
from app.db.results import SourceRow
from app.db.source_queries import case_formats, source_by_name, write_formats
from app.intake import AnalysisSettings, analyze_paths
from app.log_formats import BUILT_IN, load_formats
from app.storage import FolderStorage
from tests.web.conftest import Site, axe_violations, wait_until
from tests.web.sample_case import files

SHA = hashlib.sha256(files(14)["terminal-2/iNode.log"]).hexdigest()
LINE = (
    "%% 2026-07-14 11:00:20.123 ; [LDBG] ; [77] ; EAD ; SecPkt recv: packet type [3] id [9] from [10.9.8.7 : 3000] "
    "812 bytes, userName=li@corp, hwAddr=00:25:11:aa:bb:cd, eventSeqID=Zx9"
)
TOML = (BUILT_IN / "family.toml").read_text(encoding="utf-8").replace('"family"', '"taught"', 1)


def setting(site: Site) -> SourceSetting | None:
    with site.sessions() as db:
        return db.get(SourceSetting, (site.case, SHA))


@pytest.mark.parametrize(("locale", "theme"), [("zh-CN", "light"), ("en-GB", "dark")])
def test_both_pages_are_accessible(
    site: Site, open_page: Callable[..., Any], tmp_path: Path, locale: str, theme: str
) -> None:
    page = open_page(locale=locale, color_scheme=theme)
    for name, address in (("source", f"sources/{SHA}"), ("formats", f"formats?source={SHA}")):
        assert page.goto(f"{site.url}/cases/{site.case}/{address}").status == 200
        page.screenshot(path=str(tmp_path / f"{name}-{theme}.png"), full_page=True)
        assert axe_violations(page) == []


def test_what_a_person_says_of_a_log_is_kept_and_read_again(site: Site) -> None:
    address = f"{site.url}/cases/{site.case}/sources/{SHA}"
    assert site.client.post(address, data={"encoding": "gb18030", "zone": "20700"}).status_code == 303
    kept = setting(site)
    assert kept is not None and (kept.encoding, kept.zone_offset_s) == ("gb18030", 20_700)
    with site.sessions() as db:
        waiting = select(Analysis.id).where(Analysis.case_id == site.case, Analysis.state == "queued")
        assert db.scalar(waiting) is not None
    for bad in ({"zone": "17"}, {"zone": "x"}, {"encoding": "hex"}):
        assert site.client.post(address, data=bad).status_code == 422
    assert site.client.post(address, data={}, headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_two_related_lines_set_zone_and_clock_and_can_be_cleared(site: Site) -> None:
    address = f"{site.url}/cases/{site.case}/sources/{SHA}"
    told = {"line": "7", "other": "terminal-1/iNode.log", "other_number": "7"}

    def said() -> tuple[int | None, float | None]:
        kept = setting(site)
        assert kept is not None
        return kept.zone_offset_s, kept.clock_offset_s

    assert site.client.post(f"{address}/pair", data=told).status_code == 303
    zone_s, error_s = said()
    assert zone_s == 28_800 and error_s is not None and abs(error_s) < 120  # the other log's zone in the sample case
    # Whoever knows the zone makes all the rest the clock's error.
    assert site.client.post(f"{address}/pair", data={**told, "zone": "0"}).status_code == 303
    assert said() == (0, error_s + 28_800)
    assert f"{error_s + 28_800:+.3f} s" in site.client.get(address, headers={"accept-language": "en"}).text
    assert site.client.post(f"{address}/clock/clear").status_code == 303
    assert said() == (None, None)
    refused = site.client.post(f"{address}/pair", data={**told, "line": "9999"})
    assert refused.status_code == 422 and "9999" in refused.text


def test_a_format_is_tried_while_it_is_typed(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}/formats")
    page.fill("#lines", LINE)
    wait_until(page, "document.querySelector('#format-preview').innerText.includes('Zx9')")
    found = page.locator("#format-preview").inner_text()
    assert all(value in found for value in ("to_server", "00:25:11:AA:BB:CD", "10.9.8.7:3000", "812", "li@corp"))


def test_a_dangerous_expression_is_refused_with_a_sentence_and_the_text_stays(site: Site) -> None:
    bad = "name = 'bad'\ntime = 'auto'\nbegin = '^(?P<time>(\\d+)*)$'\n"
    address = f"{site.url}/cases/{site.case}/formats"
    answer = site.client.post(address, data={"toml": bad, "lines": LINE}, headers={"accept": "text/html"})
    assert answer.status_code == 422
    assert "repetition inside a repetition" in answer.text and "name = &#39;bad&#39;" in answer.text


def test_a_saved_format_reaches_the_analysis_as_a_file(site: Site, tmp_path: Path) -> None:
    address = f"{site.url}/cases/{site.case}/formats"
    for _ in range(2):
        assert site.client.post(address, data={"toml": TOML, "lines": LINE}).status_code == 303
    with site.sessions() as db:
        assert [row.name for row in case_formats(db, site.case)] == ["taught"]
        write_formats(db, site.case, tmp_path)
    assert "taught" in {item.name for item in load_formats((tmp_path,))}


def test_a_file_that_nobody_knows_is_read_with_the_format_that_a_person_chose(tmp_path: Path) -> None:
    path = tmp_path / "odd.log"
    path.write_text("2026-07-14 11:00:20 nothing that tells\n" * 3)
    assert analyze_paths([path]).sources[0].kind is SourceKind.OTHER
    chosen = AnalysisSettings(log_formats={analyze_paths([path]).sources[0].path: "generic"})
    source = analyze_paths([path], chosen).sources[0]
    assert (source.kind, source.log_format, source.records) == (SourceKind.SERVER_LOG, "generic", 3)


def pcap(time_s: int, microseconds: int) -> bytes:
    """One frame of that time."""
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)
    return header + struct.pack("<IIII", time_s, microseconds, 60, 60) + bytes(60)


@pytest.fixture
def capture(site: Site, storage: FolderStorage) -> Iterator[tuple[str, float]]:
    """The path of a capture of the case, and the time of its first frame on the reference clock, 2:40 before the log's
    line 7 in a zone of eight hours."""
    frame_s = int(datetime(2026, 7, 14, 2, 57, 27, tzinfo=UTC).timestamp())
    with site.sessions() as db, db.begin():
        rows = select(SourceRow).join(Analysis, Analysis.id == SourceRow.analysis_id)
        row = db.scalars(rows.where(Analysis.case_id == site.case, SourceRow.kind == "capture")).first()
        assert row is not None
        analysis, path, before = row.analysis_id, row.path, row.sha256
        row.sha256 = storage.put([pcap(frame_s, 500_000)]).sha256
        error_s = row.clock_offset_s or 0.0
    yield path, frame_s + 0.5 - error_s
    with site.sessions() as db, db.begin():
        again = source_by_name(db, analysis, path)
        assert again is not None
        again.sha256 = before


def test_in_the_browser_a_line_and_a_frame_of_one_moment_set_the_clock(
    site: Site, open_page: Callable[..., Any], capture: tuple[str, float]
) -> None:
    path, frame_s = capture
    line_s = datetime(2026, 7, 14, 11, 0, 7, 500_000, tzinfo=UTC).timestamp()  # somewhere within its second
    address = f"{site.url}/cases/{site.case}/sources/{SHA}"
    page = open_page()
    page.goto(address)
    page.fill("[name=line]", "7")
    page.fill("[name=other]", path)
    page.fill("[name=other_number]", "1")
    page.locator("form[action$='/pair'] button").click()
    page.wait_for_url(f"{site.url}/cases/{site.case}")
    kept = setting(site)
    assert kept is not None and kept.zone_offset_s == 28_800
    assert kept.clock_offset_s == pytest.approx(line_s - 28_800 - frame_s, abs=0.001)
    page.goto(address)
    assert f"{kept.clock_offset_s:+.3f} s" in page.locator("main").inner_text()
    page.locator("form[action$='/clock/clear'] button").click()
    wait_until(page, "!document.querySelector(\"form[action$='/clock/clear']\")")
    kept = setting(site)
    assert kept is not None and (kept.zone_offset_s, kept.clock_offset_s) == (None, None)
