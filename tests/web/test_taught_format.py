"""A server log that nobody knows, taught in the browser: the worker reads it so, and the session has its records."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.demo import scenario_named, write_bundle
from tests.conftest import LiveServer
from tests.web.conftest import wait_until
from tests.web.test_upload import drop, wait_for_case

FAMILY = re.compile(
    r"%% (?P<time>.{23}) ; \[\w+\] ; \[(?P<thread>\d+)\] ; EAD ; SecPkt (?P<way>\w+): packet type \[(?P<number>\d)\] "
    r"id \[\d+\] (?:from|to) \[(?P<ip>[\d.]+) : (?P<port>\d+)\] (?P<size>\d+) bytes, (?P<rest>.*)"
)
TOML = """
name = "pipes"
begin = '^(?P<time>\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3})\\|(?P<thread>\\d+)\\|(?P<direction>[A-Z]+)\\|(?P<number>\\d+)\\|(?P<event_id>[^|]*)\\|(?P<peer>[^|]*)\\|(?P<size>\\d+)'
needs = ["number", "event_id"]
[direction]
received = ["GOT"]
sent = ["PUT"]
[[samples]]
line = "2026-03-09 09:12:22.279|4406|GOT|1|TNWUVf4u|10.16.1.11:62051|136"
expect = { direction = "to_server", number = 1, event_id = "TNWUVf4u", peer = "10.16.1.11:62051", size = 136 }
"""  # noqa: E501


def in_pipes(line: str) -> str:
    """A line of the product family's style in one that no format of the product knows."""
    match = FAMILY.match(line)
    if match is None:
        return ""
    way = "GOT" if match["way"] == "recv" else "PUT"
    event = match["rest"].rpartition("eventSeqID=")[2]
    return f"{match['time']}|{match['thread']}|{way}|{match['number']}|{event}|{match['ip']}:{match['port']}|{match['size']}\n"  # noqa: E501


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("taught") / "pipes"
    write_bundle(scenario_named("hops"), folder)
    for path in ("mirror", "terminal-01"):
        shutil.rmtree(folder / path)  # what is left is soon analysed
    log = folder / "server" / "policyserver.log"
    log.write_text("".join(in_pipes(line) for line in log.read_text().splitlines()))
    return folder


def test_a_format_taught_in_the_browser_is_what_the_worker_reads_the_log_with(
    live_server: LiveServer, open_page: Callable[..., Any], bundle: Path
) -> None:
    page = open_page()
    page.goto(f"{live_server.url}/cases/new")
    drop(page, [bundle])
    wait_for_case(page)
    case = page.url
    row = page.locator("table.sources tr", has_text="policyserver.log")
    assert "teach its format" in row.inner_text()

    row.get_by_role("link").first.click()
    page.get_by_role("link", name="Teach a server-log format").click()
    assert "TNWUVf4u" in page.locator("#lines").input_value()
    page.fill("#toml", TOML)
    wait_until(page, "!document.querySelector('#format-preview .bad')")
    assert page.locator("#format-preview .good").count() == 6
    page.get_by_role("button", name="Save for this case").click()
    row.filter(has_text="pipes").wait_for(timeout=120_000)
    assert page.url.startswith(case)

    page.locator("#terminal-list tbody td.lead a", has_text="2031002@HQ").first.click()
    page.locator("#messages a[data-evidence]", has_text="policyserver.log").first.click()
    page.locator("#drawer .log-lines .here", has_text="|GOT|1|HtSgg9gf|").wait_for()

    # Its clock is set by hand: shown, used by the worker, and cleared.
    page.goto(case)
    row.get_by_role("link").first.click()
    page.locator("input[name=line]").fill("1")
    page.locator("input[name=other]").fill("terminal-02/iNode.log")
    page.locator("input[name=other_number]").fill("1")
    page.locator("form[action$='/pair'] select[name=zone]").select_option("0")
    page.get_by_role("button", name="Set the clock").click()
    row.filter(has_text="set by hand").wait_for(timeout=120_000)
    row.get_by_role("link").first.click()
    page.get_by_role("button", name="Clear, and let the content decide").click()
    row.filter(has_not_text="set by hand").wait_for(timeout=120_000)
