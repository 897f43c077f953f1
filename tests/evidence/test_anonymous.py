"""An anonymised packet says the same of other people."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from app.core.analysis import CaseAnalysis
from app.evidence.secrets import read_secrets, write_secrets
from app.intake import analyze_paths
from tests.evidence.conftest import Case, entries, stored
from tests.evidence.test_packet import tshark

Cases = Callable[[str], Case]
SCENARIOS = ["hops", "encrypted", "nat", "ipv6", "mirror-vxlan"]


def outcomes(analysis: CaseAnalysis) -> list[object]:
    return sorted(
        (t.outcome, sorted((f.code, f.between or ()) for f in t.findings), len(t.sessions)) for t in analysis.terminals
    )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_verdict_stays(case_of: Cases, scenario: str, tmp_path: Path) -> None:
    case = case_of(scenario)
    content = case.packet(is_anonymous=True).content
    assert outcomes(analyze_paths([stored(content, tmp_path)])) == outcomes(case.analysis)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_original_identifier_is_in_any_file(case_of: Cases, scenario: str, tmp_path: Path) -> None:
    case = case_of(scenario)
    written = case.packet(is_anonymous=True)
    kept, known = entries(written.content), written.secrets
    assert known is not None
    assert set(known.users) >= {terminal.user for terminal in case.analysis.terminals if terminal.user}
    (tmp_path / "report.pdf").write_bytes(kept["report.pdf"])
    shown = subprocess.run(["pdftotext", tmp_path / "report.pdf", "-"], capture_output=True, check=True).stdout
    assert next(iter(known.users.values())).encode() in shown
    for name, octets in {**kept, "text of the PDF": shown}.items():
        for user in known.users:
            for codec in ("utf-8", "gb18030", "utf-16-le"):
                assert user.encode(codec) not in octets, name
        for mac in known.macs:
            bare = mac.replace(":", "")
            for written in (mac, mac.lower(), mac.replace(":", "-"), bare, bare.lower()):
                assert written.encode() not in octets, name
            assert bytes.fromhex(bare) not in octets, name
        for address in known.addresses:
            pattern = rb"(?<![\d.:a-f])" + re.escape(address.encode()) + rb"(?![\d.:a-f])"
            assert not re.search(pattern, octets), (name, address)
            if name.endswith(".pcapng"):
                assert ip_address(address).packed not in octets, (name, address)
            if ":" not in address:
                assert str(int(ip_address(address))).encode() not in octets, (name, address)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sizes_fragments_and_checksums_are_as_they_were(case_of: Cases, scenario: str, tmp_path: Path) -> None:
    case = case_of(scenario)
    plain, masked = (entries(case.packet(is_anonymous=hidden).content) for hidden in (False, True))
    shape = ("frame.len", "frame.time_epoch", "ip.id", "ip.frag_offset", "ip.flags.mf", "udp.length", "udp.port")
    sums = ("ip.checksum.status", "udp.checksum.status", "icmp.checksum.status")
    captures = [name for name in plain if name.startswith("evidence/") and name.endswith(".pcapng")]
    assert captures
    for name in captures:
        assert tshark(masked[name], tmp_path, *shape) == tshark(plain[name], tmp_path, *shape)
        assert checked(masked[name], tmp_path, *sums) == checked(plain[name], tmp_path, *sums)


def checked(content: bytes, folder: Path, *fields: str) -> str:
    """Checksums as tshark judges them, of whole datagrams where all fragments are there."""
    place = folder / "sums.pcapng"
    place.write_bytes(content)
    options = ["ip.defragment:TRUE", "ip.check_checksum:TRUE", "udp.check_checksum:TRUE"]
    told = [part for option in options for part in ("-o", option)] + [part for f in fields for part in ("-e", f)]
    argv = ["tshark", "-n", "-r", str(place), "-T", "fields", *told]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_logs_keep_their_lines_and_the_sizes_of_bodies(case_of: Cases, tmp_path: Path) -> None:
    case = case_of("hops")
    again = analyze_paths([stored(case.packet(is_anonymous=True).content, tmp_path)])

    def sizes(analysis: CaseAnalysis) -> list[object]:
        return sorted(
            (message.number, [attempt.plain_bytes for attempt in message.attempts])
            for terminal in analysis.terminals
            for session in terminal.sessions
            for message in session.messages
        )

    assert sizes(again) == sizes(case.analysis)


def test_a_kept_map_gives_the_same_packet_again(case_of: Cases, tmp_path: Path) -> None:
    case, place = case_of("hops"), tmp_path / "map.json"
    known = read_secrets(place)
    first = case.write(secrets=known).content
    write_secrets(place, known)
    assert place.stat().st_mode & 0o077 == 0
    assert case.write(secrets=read_secrets(place)).content == first
    assert known.key.hex().encode() not in b"".join(entries(first).values())


def test_a_file_that_is_no_map_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(ValueError, match="no map"):
        read_secrets(tmp_path / "x.json")
