"""Files in, analysis out: bad input is named and takes nothing else with it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from app.core.analysis import CaseAnalysis, Outcome, SourceKind
from app.core.verdict import to_document
from app.demo import write_bundle
from app.intake import AnalysisSettings, analyze_paths

EADSCOPE = Path(sys.executable).with_name("eadscope")


@pytest.fixture(scope="module")
def hops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hops")
    write_bundle("hops", folder)
    return folder


def copied(folder: Path, into: Path) -> Path:
    subprocess.run(["cp", "-r", f"{folder}/.", into], check=True)
    return into


def notes_of(analysis: CaseAnalysis, path_end: str) -> str:
    (source,) = [s for s in analysis.sources if s.path.endswith(path_end)]
    assert all(note.en and note.zh for note in source.notes)
    return " ".join(note.en for note in source.notes)


def leading(analysis: CaseAnalysis) -> list[tuple[str, tuple[str, str] | None]]:
    return [(t.findings[0].code, t.findings[0].between) for t in analysis.terminals if t.outcome is Outcome.FAILED]


def test_an_archive_a_folder_and_loose_files_say_the_same(hops: Path, tmp_path: Path) -> None:
    archive = tmp_path / "case.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(hops, arcname="case")
    wrapped = tmp_path / "outer.zip"
    with zipfile.ZipFile(wrapped, "w") as outer:
        outer.write(archive, "inner/case.tar.gz")
    expected = leading(analyze_paths([hops]))
    assert expected
    assert leading(analyze_paths([archive])) == expected
    assert leading(analyze_paths([wrapped])) == expected


def test_content_decides_what_a_file_is(hops: Path, tmp_path: Path) -> None:
    kinds = {s.path: s.kind for s in analyze_paths([hops]).sources}
    bundle = copied(hops, tmp_path / "renamed")
    for number, path in enumerate(sorted(p for p in bundle.rglob("*") if p.is_file())):
        if path.suffix == ".log":
            path.rename(path.with_name(f"note{number}.pcap"))
        elif path.suffix == ".pcap":
            path.rename(path.with_suffix(".txt"))
    renamed = analyze_paths([bundle])
    assert sorted(s.kind for s in renamed.sources) == sorted(kinds.values())


def test_an_empty_file_a_binary_log_and_prose_are_listed_with_the_reason(hops: Path, tmp_path: Path) -> None:
    bundle = copied(hops, tmp_path / "bad")
    (bundle / "empty.pcap").write_bytes(b"")
    (bundle / "binary.log").write_bytes(os.urandom(5000))
    (bundle / "readme.txt").write_text("Nothing to see here, only prose about a printer.\n" * 20)
    (bundle / "broken.zip").write_bytes(b"PK\x03\x04" + os.urandom(300))
    analysis = analyze_paths([bundle])
    assert "empty" in notes_of(analysis, "empty.pcap")
    assert notes_of(analysis, "binary.log") and notes_of(analysis, "readme.txt") and notes_of(analysis, "broken.zip")
    assert leading(analysis) == leading(analyze_paths([hops]))


def test_a_truncated_capture_is_used_up_to_the_cut(hops: Path, tmp_path: Path) -> None:
    bundle = copied(hops, tmp_path / "cut")
    capture = max(bundle.rglob("*.pcap*"), key=lambda p: p.stat().st_size)
    whole = capture.read_bytes()
    capture.write_bytes(whole[: len(whole) * 2 // 3])
    analysis = analyze_paths([bundle])
    (source,) = [s for s in analysis.sources if s.path.endswith(str(capture.relative_to(bundle)))]
    assert source.kind is SourceKind.CAPTURE and source.records > 0
    assert source.capture is not None and source.capture.is_truncated
    assert source.notes


def test_a_bomb_is_refused_quickly_and_the_rest_is_used(hops: Path, tmp_path: Path) -> None:
    bundle = copied(hops, tmp_path / "bomb")
    with zipfile.ZipFile(bundle / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.log", b"\0" * (600 << 20), compresslevel=9)
    analysis = analyze_paths([bundle])
    (refused,) = [s for s in analysis.sources if "bomb.zip" in s.path]
    assert refused.kind is SourceKind.OTHER and refused.notes
    assert leading(analysis) == leading(analyze_paths([hops]))


def test_compressed_captures_are_read(hops: Path, tmp_path: Path) -> None:
    bundle = copied(hops, tmp_path / "packed")
    for path in list(bundle.rglob("*.pcap")):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert leading(analyze_paths([bundle])) == leading(analyze_paths([hops]))


def test_order_of_files_changes_nothing(hops: Path) -> None:
    files = sorted(p for p in hops.rglob("*") if p.is_file() and p.name.endswith(("fwin.pcap", "fwout.pcap")))
    folders = [p for p in hops.iterdir() if p.is_dir() and p not in {f.parent for f in files}]
    one = to_document(analyze_paths([*files, *folders]))
    other = to_document(analyze_paths([*reversed(folders), *reversed(files)]))
    assert one["capture_points"] == other["capture_points"]


def test_several_processes_say_what_one_says(hops: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.readers.SMALL_BYTES", 0)
    one, three = (to_document(analyze_paths([hops], AnalysisSettings(processes=number))) for number in (1, 3))
    assert one == three


# ---------------------------------------------------------------- the command


def run(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([EADSCOPE, *map(str, arguments)], capture_output=True, timeout=120, check=False)


def test_json_is_all_that_stands_on_standard_output(hops: Path) -> None:
    done = run("analyze", hops, "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert document["version"] == 1
    assert {"sources", "capture_points", "terminals", "findings", "checks"} <= document.keys()


def test_fail_on_fault_exits_with_one(hops: Path) -> None:
    assert run("analyze", hops, "--fail-on-fault").returncode == 1


def test_nothing_usable_exits_with_two_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello\n")
    done = run("analyze", tmp_path)
    assert done.returncode == 2
    assert b"a.txt" in done.stderr and b"No EAD exchange" in done.stderr


def test_a_missing_path_is_named() -> None:
    done = run("analyze", "/nowhere/case.zip")
    assert done.returncode == 2 and b"/nowhere/case.zip" in done.stderr


def test_a_pipe_gets_plain_text_with_the_ladder_in_it(hops: Path) -> None:
    text = run("analyze", hops, "--lang", "zh").stdout.decode()
    assert "\x1b[" not in text
    assert "●" in text and "✗" in text and "失败" in text
