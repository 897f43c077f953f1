import io
import re
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pypdf import PdfReader

from app.core.analysis import (
    CaseAnalysis,
    Check,
    Confidence,
    Evidence,
    Finding,
    Outcome,
    Session,
    Severity,
    Source,
    SourceKind,
)
from app.core.records import Text
from app.reports.report import ReportMeta, render_html, write_report
from tests.core.build_sessions import failing_session, passing_session, points, terminal

META = ReportMeta("Case 7: no answer", "Branch 12", "N. Engineer", "cd" * 32, "1.2.3")
HOSTILE = "<script>alert(1)</script>{{7*7}}\u202e"


def analysis(user: str = "9310042@QSD") -> CaseAnalysis:
    finding = Finding(
        "later-fragments-lost",
        Severity.ERROR,
        Confidence.CERTAIN,
        Text("Fragments with an offset are lost.", "带偏移的分片丢失。"),
        (Evidence("terminal-1/iNode.log", line=31, text=HOSTILE), Evidence("fwin.pcap", frame=23, text="0–1480")),
        message=3,
        between=("fwout", "fwin"),
        counts={"datagrams": 4},
        against=(Text("the path is up", "链路是通的"),),
        next_steps=(Text("Run `display ip statistics`.", "执行 `display ip statistics`。"),),
    )
    ill = replace(terminal(failing_session(), user=user), findings=(finding,))
    well = terminal(passing_session(), key="t2", user="9310043@QSD")
    source = Source("mirror/fwin.pcap", "12" * 32, 4096, SourceKind.CAPTURE, "fwin", 24)
    missing = Check("encryption-off", "not-run", (Text("a capture of message 3", "3 号报文的抓包"),))
    return CaseAnalysis((source,), points(), (ill, well), (), (missing,))


def pages(lang: str) -> PdfReader:
    return PdfReader(io.BytesIO(write_report(analysis(), lang, META)))


def words(reader: PdfReader) -> str:
    return re.sub(r"\s+", "", "".join(page.extract_text() for page in reader.pages))


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        (
            "en",
            [
                "Fragmentswithanoffsetarelost.",
                "1of2terminalsfailed",
                "3:4of9lost",
                "sendsagain",
                "thepathisup",
                "Nextsteps",
                "displayipstatistics",
            ],
        ),
        (
            "zh",
            ["带偏移的分片丢失。", "2个终端中有1个失败", "丢失4/9", "链路是通的", "后续步骤", "检查结果", "方法说明"],
        ),
    ],
)
def test_the_text_can_be_read_back_in_both_languages(lang: str, expected: list[str]) -> None:
    text = words(pages(lang))
    for phrase in expected:
        assert phrase in text
    for fixed in (
        "Case7:noanswer",
        "Branch12",
        "N.Engineer",
        "cd" * 32,
        "1.2.3",
        "12" * 32,
        "9310042@QSD",
        "9310043@QSD",
    ):
        assert fixed in text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_is_tagged_has_bookmarks_a_language_and_a_title(lang: str) -> None:
    reader = pages(lang)
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"].startswith(lang)
    outline = [item for item in reader.outline if not isinstance(item, list)]
    inner = next(item for item in reader.outline if isinstance(item, list))
    assert len(outline) == 1
    assert len([item for item in inner if not isinstance(item, list)]) == 11


def test_every_font_is_embedded() -> None:
    for page in pages("zh").pages:
        for font in page["/Resources"]["/Font"].values():
            descriptor = font["/DescendantFonts"][0]["/FontDescriptor"]
            assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_the_same_case_gives_the_same_bytes() -> None:
    assert write_report(analysis(), "zh", META) == write_report(analysis(), "zh", META)


def test_hostile_text_is_printed_not_obeyed() -> None:
    page = render_html(analysis(user=HOSTILE), "en", replace(META, title=HOSTILE))
    assert "<script" not in page
    assert "\u202e" not in page
    assert "49" not in re.sub(r"[\d.]{3,}", "", page[:2000])


def test_commands_are_set_as_code() -> None:
    assert "<code>display ip statistics</code>" in render_html(analysis(), "en", META)


def test_a_case_without_terminals_still_gives_a_document() -> None:
    empty = CaseAnalysis((), (), (), (), ())
    reader = PdfReader(io.BytesIO(write_report(empty, "en", ReportMeta())))
    assert "NoEADexchange" in words(reader)


def test_progress_is_told_up_to_the_end() -> None:
    heard: list[float] = []
    write_report(analysis(), "en", META, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_failed_terminals_come_first_in_the_list() -> None:
    page = render_html(analysis(), "en", META)
    table = page[page.index('id="terminals"') :]
    assert table.index("9310042@QSD") < table.index("9310043@QSD")
    assert Outcome.FAILED.value in table


def test_every_drawing_has_an_alternative_text() -> None:
    page = render_html(analysis(), "zh", META)
    alternatives = re.findall(r'<img [^>]*alt="([^"]*)"', page)
    assert len(alternatives) > 4
    assert all(alternatives)
    assert any("丢失 4/9" in text for text in alternatives)


def test_times_of_a_log_whose_zone_nobody_knows_stand_as_the_log_has_them() -> None:
    east = timezone(timedelta(hours=8))
    known = passing_session()
    unknown = replace(known, zone_known=False)
    meta = replace(META, zone=east)

    def shown(session: Session) -> str:
        page = render_html(CaseAnalysis((), (), (terminal(session),), (), ()), "en", meta)
        drawing = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
        assert drawing is not None
        return page + b64decode(drawing[1]).decode()

    assert known.start_ns is not None
    at = datetime.fromtimestamp(known.start_ns / 1e9, UTC)
    assert "UTC+08:00" in shown(known)
    assert f"{at.astimezone(east):%H:%M:%S}" in shown(known)
    assert "local time of the log" in shown(unknown)
    assert f"{at:%H:%M:%S}" in shown(unknown)
    assert f"{at.astimezone(east):%H:%M:%S}" not in shown(unknown)


def test_what_is_counted_for_one_of_several_terminals_says_for_which() -> None:
    case = analysis()
    first = case.terminals[0]
    both = replace(case, terminals=(first, replace(first, key="t3", user="9310044@QSD")))
    assert "are lost. (Counted for 9310042@QSD.)" in render_html(both, "en", META)
    assert "Counted for" not in render_html(case, "en", META)


def test_checks_that_lacked_the_same_stand_together() -> None:
    lacking = (Text("a capture", "抓包"),)
    checks = (Check("random-loss", "not-run", lacking), Check("path-down", "not-run", lacking))
    page = render_html(replace(analysis(), checks=checks), "zh", META)
    assert re.search(r"<li>[^<]+、[^<]+ — 缺少：抓包</li>", page)
