"""An evidence packet can be checked by whoever gets it: with Wireshark, and by analysing it again."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.analysis import CaseAnalysis
from app.core.evidence.choice import NoSuchTerminal, find_terminals
from app.core.evidence.tables import guarded
from app.intake import analyze_paths
from tests.evidence.conftest import Case, entries, stored

Cases = Callable[[str], Case]


def verdict(analysis: CaseAnalysis) -> list[object]:
    of_terminals = [
        (t.user, t.mac, t.outcome, sorted((f.code, f.between or ()) for f in t.findings)) for t in analysis.terminals
    ]
    return [of_terminals, sorted((f.code, f.between or ()) for f in analysis.findings)]


def tshark(content: bytes, folder: Path, *fields: str) -> list[list[str]]:
    place = folder / "read.pcapng"
    place.write_bytes(content)
    told = [part for field in fields for part in ("-e", field)]
    argv = ["tshark", "-n", "-r", str(place), "-o", "ip.defragment:FALSE", "-T", "fields", *told]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert not re.search("cut short|damaged|isn't a capture", done.stderr), done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.parametrize("scenario", ["hops", "nat", "port-filter", "messy-logs"])
def test_the_packet_gives_the_verdict_of_the_whole_case(case_of: Cases, scenario: str, tmp_path: Path) -> None:
    case = case_of(scenario)
    written = case.packet()
    assert verdict(analyze_paths([stored(written.content, tmp_path)])) == verdict(case.analysis)
    assert written.problems == ()


def test_one_terminal_gives_its_own_verdict_and_nothing_of_the_others(case_of: Cases, tmp_path: Path) -> None:
    case = case_of("hops")
    failed = next(t for t in case.analysis.terminals if t.outcome == "failed")
    other = next(t for t in case.analysis.terminals if t is not failed)
    assert failed.user and other.user and other.mac
    content = case.packet(failed.user).content
    again = analyze_paths([stored(content, tmp_path)])
    assert [(t.user, t.outcome) for t in again.terminals] == [(failed.user, "failed")]
    found = {(finding.code, finding.between) for finding in again.terminals[0].findings}
    assert ("later-fragments-lost", ("fw-outside", "fw-inside")) in found
    for name, octets in entries(content).items():
        assert other.user.encode() not in octets, name
        assert other.mac.encode() not in octets, name


def test_a_terminal_is_found_by_any_of_its_names(case_of: Cases) -> None:
    case = case_of("hops")
    terminal = case.analysis.terminals[0]
    assert terminal.mac
    names = [terminal.key, terminal.user or "", terminal.mac.lower().replace(":", "-"), terminal.ip[0]]
    assert [find_terminals(case.analysis, [name]) for name in names] == [(terminal,)] * 4
    with pytest.raises(NoSuchTerminal):
        find_terminals(case.analysis, ["nobody@nowhere"])


def test_the_same_case_gives_the_same_bytes(case_of: Cases) -> None:
    case = case_of("hops")
    assert case.write().content == case.packet().content


def test_wireshark_reads_frames_with_times_as_captured_and_a_comment_each(case_of: Cases, tmp_path: Path) -> None:
    case = case_of("hops")
    kept = entries(case.packet().content)
    original = next(file for file in case.files if file.name == "mirror/fw-outside.pcap")
    times = {row[0] for row in tshark(original.path.read_bytes(), tmp_path, "frame.time_epoch")}
    rows = tshark(kept["evidence/mirror/fw-outside.pcapng"], tmp_path, "frame.time_epoch", "frame.comment", "ip.id")
    assert rows
    assert {row[0] for row in rows} <= times
    last = [row for row in rows if "last seen here" in row[1]]
    assert len(last) == 4
    assert all("EAD 3, attempt" in row[1] and f"of id {row[2]}" in row[1] for row in last)
    assert all("of mirror/fw-outside.pcap)" in row[1] for row in rows)


def test_the_merged_capture_names_its_points_and_is_not_analysed(case_of: Cases, tmp_path: Path) -> None:
    merged = entries(case_of("hops").packet().content)["merged.pcapng"]
    rows = tshark(merged, tmp_path, "frame.interface_name", "frame.time_epoch")
    assert {row[0] for row in rows} == {"client", "uplink", "fw-outside", "fw-inside", "server"}
    assert [float(row[1]) for row in rows] == sorted(float(row[1]) for row in rows)
    place = tmp_path / "merged.pcapng"
    place.write_bytes(merged)
    source = analyze_paths([place]).sources[0]
    assert source.kind == "other"
    assert "merged" in source.notes[0].en


def test_drop_counters_and_filters_stay_with_their_interface(case_of: Cases, tmp_path: Path) -> None:
    case = case_of("capture-drops")
    again = analyze_paths([stored(case.packet().content, tmp_path)])

    def counters(analysis: CaseAnalysis) -> list[object]:
        return sorted(
            (s.capture_point, [(i.dropped, i.received, i.recorded_filter) for i in s.capture.interfaces])
            for s in analysis.sources
            if s.capture is not None
        )

    assert counters(again) == counters(case.analysis)


def test_a_changed_extract_is_not_given_the_counts_of_its_original(case_of: Cases, tmp_path: Path) -> None:
    for name, octets in entries(case_of("hops").packet().content).items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(octets + (b"\0" * 4 if name.endswith("server.pcapng") else b""))
    again = analyze_paths([tmp_path])
    told = {s.path: any("manifest" in note.en for note in s.notes) for s in again.sources if s.capture is not None}
    assert [path for path, is_told in told.items() if not is_told] == ["evidence/server/server.pcapng"]


def test_every_frame_named_in_the_documents_is_in_the_packet(case_of: Cases, tmp_path: Path) -> None:
    kept = entries(case_of("hops").packet().content)
    document = json.loads(kept["verdict.json"])
    named = [e for t in document["terminals"] for f in t["findings"] for e in f["evidence"] if "frame" in e]
    assert named
    for item in named:
        assert item["frame"] <= len(tshark(kept[item["source"]], tmp_path, "frame.number"))
    rows = list(csv.DictReader(io.StringIO(kept["sightings.csv"].decode("utf-8-sig"))))
    assert {row["state"] for row in rows} == {"seen", "missing"}
    assert {row["capture_point"] for row in rows if row["state"] == "missing"} == {"fw-inside", "server"}


def test_the_statement_names_sides_counts_and_the_command(case_of: Cases) -> None:
    kept = entries(case_of("hops").packet().content)
    english, chinese = kept["statement.en.md"].decode(), kept["statement.zh.md"].decode()
    assert "present on the side of fw-outside, absent on the side of fw-inside, 4 of 4, between 20" in english
    assert "4 个中有 4 个" in chinese
    for text in (english, chinese):
        assert "eadscope analyze evidence.zip" in text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1"])
def test_a_cell_is_never_a_formula(text: str) -> None:
    assert guarded(text) == f"'{text}"


def test_numbers_stay_numbers() -> None:
    assert guarded(-0.5) == "-0.5"
