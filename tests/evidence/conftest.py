"""A case with its files on disk, as a command has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from app.core.analysis import CaseAnalysis
from app.core.records import Text
from app.demo import write_bundle
from app.evidence.packet import EvidenceOptions, write_evidence
from app.evidence.secrets import Secrets
from app.intake import AnalysisSettings, analyze_files, bundle_files
from app.reports.report import ReportMeta
from app.sources import BundleFile
from app.unpacking.bundles import unpack

SETTINGS = AnalysisSettings(processes=1)


KEY = b"k" * 32


@dataclass(frozen=True, slots=True)
class Written:
    content: bytes
    problems: tuple[Text, ...]
    secrets: Secrets | None


@dataclass(slots=True)
class Case:
    analysis: CaseAnalysis
    files: list[BundleFile]
    written: dict[object, Written] = field(default_factory=dict)

    def packet(self, *terminals: str, is_anonymous: bool = False) -> Written:
        """Written once for each choice: a report takes seconds."""
        key = (terminals, is_anonymous)
        if key not in self.written:
            self.written[key] = self.write(*terminals, secrets=Secrets(key=KEY) if is_anonymous else None)
        return self.written[key]

    def write(self, *terminals: str, secrets: Secrets | None = None) -> Written:
        content = BytesIO()
        options = EvidenceOptions(terminals, "en", ReportMeta(title="Ticket 7", tool_version="1"), secrets=secrets)
        problems = write_evidence(content, self.analysis, self.files, SETTINGS, options)
        return Written(content.getvalue(), problems, secrets)


@pytest.fixture(scope="session")
def case_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    cases: dict[str, Case] = {}

    def make(scenario: str) -> Case:
        if scenario not in cases:
            folder = tmp_path_factory.mktemp(scenario)
            write_bundle(scenario, folder / "in")
            files = bundle_files(unpack([folder / "in"], folder / "unpacked"))
            cases[scenario] = Case(analyze_files(files, SETTINGS), files)
        return cases[scenario]

    return make


def entries(content: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(content)) as packet:
        return {name: packet.read(name) for name in packet.namelist()}


def stored(content: bytes, folder: Path) -> Path:
    place = folder / "evidence.zip"
    place.write_bytes(content)
    return place
