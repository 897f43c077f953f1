"""A body that lies over two files of a rotation comes whole out of the packet."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from app.evidence.packet import EvidenceOptions, write_evidence
from app.intake import analyze_files, bundle_files
from app.reports.report import ReportMeta
from app.unpacking.bundles import unpack
from tests.core.parsers.inode_writer import Check, one_line, records, result_body, written
from tests.evidence.conftest import SETTINGS, entries, stored

CHECK = Check(patches=[f"KB{4_100_000 + at}" for at in range(30)])
OTHER = replace(CHECK, user="other@branch", mac="00:1C:42:00:00:01", event="oTh3r")
PLAIN_BYTES = len(one_line(result_body(CHECK)).encode())


def sizes(folder: Path) -> list[int | None]:
    """The plaintext sizes of the chosen terminal's sends of message 3."""
    analysis = analyze_files(bundle_files(unpack([folder], folder.with_name(folder.name + "-unpacked"))), SETTINGS)
    (terminal,) = [terminal for terminal in analysis.terminals if terminal.user == CHECK.user]
    return [
        attempt.plain_bytes
        for session in terminal.sessions
        for message in session.messages
        if message.number == 3
        for attempt in message.attempts
    ]


@pytest.mark.parametrize("where", ["between elements", "inside a patch number"])
def test_the_packet_of_one_terminal_has_both_halves_of_a_cut_body(tmp_path: Path, where: str) -> None:
    mine, other = written(records(CHECK)).encode(), written(records(OTHER, hour=8)).encode()
    body = mine.find(b"<data>", mine.find(b"out-pkt [3]"))
    cut = mine.find({"between elements": b"  <i n=", "inside a patch number": b"00007;"}[where], body + 8)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "iNode.log.1").write_bytes(other + mine[:cut])
    (folder / "iNode.log").write_bytes(mine[cut:] + written(records(OTHER, hour=10)).encode())
    assert sizes(folder) == [PLAIN_BYTES] * 4

    files = bundle_files(unpack([folder], tmp_path / "unpacked"))
    analysis = analyze_files(files, SETTINGS)
    packet = BytesIO()
    options = EvidenceOptions((CHECK.user,), "en", ReportMeta(title="Ticket 7", tool_version="1"))
    assert not write_evidence(packet, analysis, files, SETTINGS, options)

    content = entries(packet.getvalue())
    first, second = content["evidence/iNode.log.1"], content["evidence/iNode.log"]
    assert first.endswith(mine[:cut][-200:]) and second.startswith(mine[cut : cut + 200])
    assert OTHER.user.encode() not in first + second
    again = tmp_path / "again"
    again.mkdir()
    stored(packet.getvalue(), again)
    assert sizes(again) == [PLAIN_BYTES] * 4
