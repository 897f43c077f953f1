"""What an engineer does on the pages of a case, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.db.models import Case
from app.db.save import save_analysis
from app.storage import FolderStorage
from tests.web.conftest import Site, wait_until
from tests.web.sample_case import sample_analysis, told_by_a_device
from tests.web.test_pages import wait_for_charts


def test_a_click_on_evidence_opens_the_line_in_its_context_and_the_address_keeps_it(
    site: Site, open_page: Callable[..., Any]
) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}/terminals/t1")
    page.locator("#findings a[data-evidence]").first.click()
    here = page.locator("#drawer .here .line-text")
    here.wait_for()
    assert "user1 line 20: 安全认证 step" in here.inner_text()
    assert page.locator("#drawer .log-lines > div").count() == 25
    assert "src=terminal-1%2FiNode.log" in page.url and "line=20" in page.url
    page.reload()
    assert "line 20" in here.inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#drawer").is_hidden()
    assert "src=" not in page.url


def test_a_fragment_that_a_device_tells_of_opens_its_line(
    site: Site, storage: FolderStorage, open_page: Callable[..., Any]
) -> None:
    text = "".join(f"vfr_rcv: fragment number {number}\n" for number in range(1, 41)).encode()
    storage.put([text])
    with site.sessions() as db, db.begin():
        db.add(case := Case(title="told by a device"))
        db.flush()
        save_analysis(db, case.id, told_by_a_device(sample_analysis(1), text))
        number = case.id
    page = open_page()
    page.goto(f"{site.url}/cases/{number}/terminals/t1")
    # Messages 1 and 2 are whole; the third line is of the first fragment of message 3.
    box = page.locator(".fragments tbody tr").nth(2).locator("td").nth(1).locator("a[data-evidence]").first
    assert "line 3" in (box.get_attribute("aria-label") or "")
    box.click()
    here = page.locator("#drawer .here .line-text")
    here.wait_for()
    assert here.inner_text() == "vfr_rcv: fragment number 3"
    assert page.locator("#drawer .log-lines > div").count() > 1
    assert "line=3" in page.url and "frame=" not in page.url
    with site.sessions() as db, db.begin():
        db.delete(db.get_one(Case, number))


def test_more_lines_can_be_asked_for(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}/terminals/t1?src=terminal-1/iNode.log&line=30")
    page.get_by_role("link", name="More lines around it").click()
    wait_until(page, "document.querySelectorAll('#drawer .log-lines > div').length === 60")


def test_evidence_that_is_not_there_is_a_sentence(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    for query, sentence in (
        ("src=terminal-1/iNode.log&line=999", "The file has no line 999."),
        ("src=../../etc/passwd&line=1", "This file is not part of the case."),
        ("src=uplink.pcap&frame=11", "is missing"),
    ):
        page.goto(f"{site.url}/cases/{site.case}/terminals/t1?{query}")
        assert sentence in page.locator("#drawer").inner_text()


def test_the_ladder_opens_evidence_by_click(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}/terminals/t1")
    wait_for_charts(page)
    page.evaluate(
        """() => {
          const chart = document.querySelector('.chart.ladder');
          const at = chart.data.findIndex(trace => (trace.customdata || []).some(Boolean));
          const number = chart.data[at].customdata.findIndex(Boolean);
          chart.emit('plotly_click', {points: [{customdata: chart.data[at].customdata[number]}]});
        }"""
    )
    page.locator("#drawer h2").wait_for()
    assert "src=" in page.url


RANGES = (
    "(() => { const { xaxis, yaxis } = document.querySelector('.chart.ladder')._fullLayout;"
    " return [...xaxis.range, ...yaxis.range]; })()"
)


def span(ranges: list[float]) -> float:
    return ranges[2] - ranges[3]


def opened_ladder(page: Any, address: str) -> list[float]:
    """Open a terminal and wait until its ladder answers; the ranges of its axes."""
    page.goto(address)
    wait_until(page, "document.querySelector('.chart.ladder').isListening")
    ranges: list[float] = page.evaluate(RANGES)
    return ranges


def test_the_ladder_zooms_and_moves_by_key_and_comes_back(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    whole = opened_ladder(page, f"{site.url}/cases/{site.case}/terminals/t1")
    page.keyboard.press("+")
    wait_until(page, "location.search.includes('zoom=')")
    assert span(page.evaluate(RANGES)) < span(whole) * 0.8
    before = page.evaluate(RANGES)
    page.locator(".chart.ladder").focus()
    page.keyboard.press("ArrowDown")
    wait_until(page, f"{RANGES}[2] > {before[2]}")
    page.keyboard.press("0")
    wait_until(page, "!location.search.includes('zoom=')")
    assert page.evaluate(RANGES) == pytest.approx(whole)


def test_the_ladder_zooms_and_moves_by_mouse_and_the_address_keeps_the_part(
    site: Site, open_page: Callable[..., Any]
) -> None:
    page = open_page()
    whole = opened_ladder(page, f"{site.url}/cases/{site.case}/terminals/t1")
    plot = page.locator(".chart.ladder .nsewdrag").first.bounding_box()
    x, y = plot["x"] + 250, plot["y"] + 200
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    wait_until(page, "location.search.includes('zoom=')")
    closer = page.evaluate(RANGES)
    assert span(closer) < span(whole)
    page.mouse.down()
    page.mouse.move(x, y - 80, steps=4)
    page.mouse.up()
    wait_until(page, f"{RANGES}[2] > {closer[2] + 10}")
    page.wait_for_timeout(100)
    moved = page.evaluate(RANGES)
    assert opened_ladder(page, page.url) == pytest.approx(moved, abs=1)
    page.locator("#messages a[data-evidence]").first.click()
    page.locator("#drawer .here").wait_for()
    assert "zoom=" in page.url and "line=" in page.url
    page.locator("[data-closes-drawer]").click()
    page.locator(".chart.ladder .nsewdrag").first.scroll_into_view_if_needed()
    plot = page.locator(".chart.ladder .nsewdrag").first.bounding_box()
    page.mouse.dblclick(plot["x"] + 250, plot["y"] + 200)
    wait_until(page, "!location.search.includes('zoom=')")
    assert page.evaluate(RANGES)[2:] == pytest.approx(whole[2:])


def test_two_fingers_zoom_the_ladder_and_one_scrolls_the_page_until_then(
    site: Site, open_page: Callable[..., Any]
) -> None:
    page = open_page(viewport={"width": 820, "height": 1180}, has_touch=True, is_mobile=True)
    whole = opened_ladder(page, f"{site.url}/cases/{site.case}/terminals/t1")
    plot = page.locator(".chart.ladder .nsewdrag").first.bounding_box()
    x, y = plot["x"] + plot["width"] / 2, plot["y"] + 200
    devtools = page.context.new_cdp_session(page)

    def touch(kind: str, *heights: float) -> None:
        points = [{"x": x, "y": height, "id": number} for number, height in enumerate(heights)]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", y + 100)
    for step in range(1, 8):
        touch("touchMove", y + 100 - step * 20)
    touch("touchEnd")
    wait_until(page, "scrollY > 50")
    assert page.evaluate(RANGES) == whole
    # A page that was let go while it moved glides on: it is at rest when two looks see the same.
    wait_until(page, "scrollY === (globalThis.before ?? -1) || void (globalThis.before = scrollY)")
    page.evaluate("scrollTo(0, 0)")
    wait_until(page, "scrollY === 0")
    touch("touchStart", y)
    touch("touchStart", y, y + 80)
    for step in range(1, 8):
        touch("touchMove", y - step * 6, y + 80 + step * 6)
        page.wait_for_timeout(20)
    touch("touchEnd")
    wait_until(page, "location.search.includes('zoom=')")
    closer = page.evaluate(RANGES)
    assert span(closer) < span(whole) * 0.8 and page.evaluate("scrollY") == 0
    touch("touchStart", y)
    for step in range(1, 8):
        touch("touchMove", y - step * 8)
        page.wait_for_timeout(20)
    touch("touchEnd")
    wait_until(page, f"{RANGES}[2] > {closer[2] + 10}")
    assert page.evaluate("scrollY") == 0


def test_clock_correction_is_a_switch_in_the_address(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}/terminals/t1")
    switch = page.get_by_role("switch", name="Clocks corrected")
    assert switch.get_attribute("aria-checked") == "true"
    page.keyboard.press("c")
    page.wait_for_url("**corrected=0**")
    assert switch.get_attribute("aria-checked") == "false"


def test_fragments_are_boxes_with_signs_in_proportion(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}/terminals/t1")
    row = page.locator(".fragments tbody tr").nth(2)
    server = row.locator("td").nth(2)
    assert server.locator("svg text").all_text_contents() == ["✓", "✕", "✕"]
    assert server.locator(".fate").inner_text() == "partial"
    widths = [float(rect.get_attribute("width").rstrip("%")) for rect in server.locator("rect").all()]
    assert widths[0] == widths[1] > widths[2] > 10 and abs(sum(widths) - 100) < 0.1


def test_terminals_are_searched_sorted_and_filtered_without_reloading(
    site: Site, open_page: Callable[..., Any]
) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}")
    page.evaluate("window.stayed = true")
    page.locator("#terminal-q").fill("00:25:11:e9:00:03")
    wait_until(page, "document.querySelectorAll('#terminal-list tbody tr').length === 1")
    assert "8301003@OMR" in page.locator("#terminal-list tbody").inner_text()
    page.locator("#terminal-q").fill("evt00005")
    wait_until(page, "document.querySelector('#terminal-list tbody').innerText.includes('8301005@OMR')")
    page.locator("#terminal-q").fill("")
    page.locator("form.filters select[name=outcome]").select_option("failed")
    wait_until(page, "document.querySelectorAll('#terminal-list tbody tr').length === 7")
    page.locator("#terminal-list th").get_by_role("link", name="Message 3, bytes").click()
    page.wait_for_url("**sort=size**")
    sizes = [
        int(cell.inner_text().replace(",", ""))
        for cell in page.locator("#terminal-list tbody tr td:nth-child(8)").all()
    ]
    assert sizes == sorted(sizes) and len(sizes) == 7
    assert page.evaluate("window.stayed") is True
    page.reload()
    assert page.locator("#terminal-list tbody tr").count() == 7


def test_a_point_of_the_size_plot_opens_its_terminal(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}")
    wait_for_charts(page)
    page.evaluate(
        """() => { const chart = document.querySelector('[data-chart*="size"]');
                   const trace = chart.data.find(t => t.customdata);
                   chart.emit('plotly_click', {points: [{customdata: trace.customdata[0]}]}); }"""
    )
    page.wait_for_url("**/terminals/t*")


def test_two_terminals_are_compared_and_differences_marked(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}")
    page.get_by_label("Compare 8301001@OMR").check()
    page.get_by_label("Compare 8301003@OMR").check()
    page.get_by_role("button", name="Compare the two that are ticked").click()
    outcome = page.locator("tr.differs", has_text="Outcome")
    assert "failed" in outcome.inner_text() and "passed" in outcome.inner_text()
    assert page.locator("tr:not(.differs)", has_text="Client version").count() == 1


def test_the_path_says_what_each_leg_lost(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}")
    legs = page.locator(".path-leg")
    assert legs.nth(0).inner_text().strip() == "nothing lost"
    assert "message 3: 28 of 35 lost" in legs.nth(1).inner_text()


def test_a_case_is_solved_with_its_cause_and_found_by_it(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.hostile}")
    page.get_by_role("button", name="Mark as solved").click()
    page.get_by_label("What was the cause in the end?").fill("fragment defence on the firewall")
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".cause").wait_for()
    assert "fragment defence on the firewall" in page.locator(".cause").inner_text()
    page.goto(f"{site.url}/cases/{site.case}")
    similar = page.locator("section", has=page.get_by_role("heading", name="Similar cases"))
    assert "fragment defence on the firewall" in similar.inner_text()


def test_cases_are_searched_and_filters_saved(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases")
    for words, number in (
        ("8301014@OMR", 1),
        ("4711 building", 1),
        ("size-band", 2),
        ("evt00014", 1),
        ("10.1.0.14", 1),
        ("100%", 0),
    ):
        page.goto(f"{site.url}/cases?q={words.replace('%', '%25').replace(' ', '+')}")
        assert page.locator("table.cases tbody tr").count() == number, words
    page.goto(f"{site.url}/cases?state=open&outcome=failed")
    page.get_by_label("Name of the filter").fill("open and failed")
    page.locator(".save-filter button").click()
    saved = page.get_by_role("link", name="open and failed")
    saved.wait_for()
    page.goto(f"{site.url}/cases")
    saved.click()
    assert "outcome=failed" in page.url
    page.get_by_role("button", name="Forget the filter open and failed").click()
    page.wait_for_url(f"{site.url}/cases")
    assert saved.count() == 0


def test_points_are_renamed_reordered_and_the_case_is_queued_again(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}")
    page.get_by_label("Name of point 2").fill("core switch")
    page.get_by_role("button", name="uplink nearer the server").click()
    page.get_by_role("button", name="Save names and order, analyse again").click()
    page.locator("#analysis-progress").wait_for()
    assert "Waiting for the worker" in page.locator("#analysis-progress").inner_text()
    with site.sessions() as db:
        from sqlalchemy import text

        order = db.execute(
            text("SELECT name FROM point_settings WHERE case_id = :c ORDER BY position"), {"c": site.case}
        )
        assert [row[0] for row in order] == ["client", "server", "core switch"]
        named = db.execute(text("SELECT capture_point FROM source_settings WHERE case_id = :c"), {"c": site.case})
        assert [row[0] for row in named] == ["core switch"]


def test_a_change_from_another_site_is_refused(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}")
    form = {"state": "open", "csrf": page.locator("input[name=csrf]").first.input_value()}
    state = f"{site.url}/cases/{site.case}/state"
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        assert page.request.post(state, headers=headers, form=form).status == 403
    assert page.request.post(state, headers={"Sec-Fetch-Site": "same-origin"}, form=form).ok
