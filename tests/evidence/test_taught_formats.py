"""A packet of a case whose server log was read with a format that a user taught."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from app.core.analysis import CaseAnalysis, SourceKind
from app.demo import write_bundle
from app.evidence.packet import EvidenceOptions, write_evidence
from app.evidence.secrets import Secrets
from app.intake import AnalysisSettings, analyze_files, analyze_paths, bundle_files
from app.reports.report import ReportMeta
from app.unpacking.bundles import unpack
from tests.evidence.conftest import KEY
from tests.web.test_taught_format import TOML, in_pipes


@pytest.mark.parametrize("is_anonymous", [False, True])
def test_the_packet_holds_the_format_and_gives_the_same_verdict_with_it(tmp_path: Path, is_anonymous: bool) -> None:
    bundle, taught, out = (tmp_path / name for name in ("in", "taught", "out"))
    write_bundle("hops", bundle)
    log = bundle / "server" / "policyserver.log"
    log.write_text("".join(in_pipes(line) for line in log.read_text().splitlines()))
    taught.mkdir()
    (taught / "any name.toml").write_text(TOML)
    (taught / "other.toml").write_text(TOML.replace('"pipes"', '"not-used"').replace("GOT", "IN"))
    settings = AnalysisSettings(processes=1, formats_folders=(taught,))
    files = bundle_files(unpack([bundle], tmp_path / "unpacked"))
    whole = analyze_files(files, settings)
    content = BytesIO()
    options = EvidenceOptions(meta=ReportMeta(tool_version="1"), archive_name="case.zip")
    options = replace(options, secrets=Secrets(key=KEY) if is_anonymous else None)
    write_evidence(content, whole, files, settings, options)
    with ZipFile(content) as packet:
        assert [name for name in packet.namelist() if name.startswith("formats/")] == ["formats/pipes.toml"]
        assert b"eadscope analyze case --formats case/formats" in packet.read("statement.en.md")
        packet.extractall(out)
    again = analyze_paths([out], AnalysisSettings(processes=1, formats_folders=(out / "formats",)))
    assert verdict(again) == verdict(whole)
    assert server_records(again) == server_records(whole) > 0
    assert server_records(analyze_paths([out], AnalysisSettings(processes=1))) == 0


def verdict(analysis: CaseAnalysis) -> list[object]:
    return sorted((t.outcome, sorted((f.code, f.between or ()) for f in t.findings)) for t in analysis.terminals)


def server_records(analysis: CaseAnalysis) -> int:
    return sum(source.records or 0 for source in analysis.sources if source.kind is SourceKind.SERVER_LOG)
