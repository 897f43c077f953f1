"""An anonymised packet says the same of other people."""

from __future__ import annotations

import contextlib
import re
import subprocess
import zlib
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from app.core.analysis import CaseAnalysis
from app.core.anonymise.addresses import AddressMap
from app.core.anonymise.names import NameMap
from app.core.anonymise.octets import OctetMap
from app.core.anonymise.text import TextMap
from app.demo import write_bundle
from app.evidence.leaks import Leaks
from app.evidence.secrets import read_secrets, write_secrets
from app.intake import analyze_files, analyze_paths, bundle_files
from app.unpacking.bundles import unpack
from tests.evidence.conftest import SETTINGS, Case, entries, stored
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


# What a site says of itself, and where: in names of folders and files, in log lines, in fields of bodies.
GIVEN_AWAY = (
    "Contoso", "zhangsan", "lisi.wang", "wangwu", "王小明", "PC-ZHANGSAN-07", "SZ-DC01", "corp.contoso-intra.com",
    "mail.contoso-intra.com", "d41d8cd98f00b204e9800998ecf8427e", "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "3623811015-3361044348", "2026-Gehaltsliste", "13800138000",
)  # fmt: skip
LINES = """\
[2026-11-23 16:52:28] [Cmn] [1394] hostName=PC-ZHANGSAN-07 domain: corp.contoso-intra.com login name: zhangsan
[2026-11-23 16:52:28] [Cmn] [1394] user "lisi.wang" logged off, in C:\\Users\\wangwu\\Desktop\\2026-Gehaltsliste.xlsx
[2026-11-23 16:52:28] [Cmn] [1394] 用户名：王小明 to wangwu@mail.contoso-intra.com via SZ-DC01.corp.contoso-intra.com
[2026-11-23 16:52:28] [Cmn] [1394] digest d41d8cd98f00b204e9800998ecf8427e {6F9619FF-8B86-D011-B42D-00CF4FC964FF}
[2026-11-23 16:52:28] [Cmn] [1394] SID S-1-5-21-3623811015-3361044348-30300820-1013, WANGWU again, then zhangsan
<data><i n="mobile">13800138000</i><i n="computerName">PC-ZHANGSAN-07</i></data>
"""


SHOWN = (
    b"\x00\x01Contoso zhaoliu@mail.contoso-intra.com " + "孙悟空".encode("gb18030") + b' login name: "sunwukong" \xff'
)


def dumped() -> str:
    """What only a dump says, in two layouts; a name is broken by a row's end in the second."""
    hexes = SHOWN.hex()
    rows = [f"{at:08x}: {SHOWN[at : at + 16].hex(' ', -2)}\n" for at in range(0, len(SHOWN), 16)]
    head = "[2026-11-23 16:52:28] [Cmn] [1394] "
    return f"{head}用户名：孙悟空\n{head}payload {hexes}\n{head}received:\n{''.join(rows)}"


def undumped(log: bytes) -> bytes:
    run = re.search(rb"payload ([0-9a-f]+)", log)
    rows = re.findall(rb"^[0-9a-f]{8}: ([0-9a-f ]+)$", log, re.MULTILINE)
    assert run is not None
    assert rows
    return bytes.fromhex(run[1].decode()) + b"|" + bytes.fromhex(b"".join(rows).decode())


def test_what_a_dump_says_is_not_said_any_more(telling: Case) -> None:
    written = telling.packet(is_anonymous=True)
    log = next(octets for name, octets in entries(written.content).items() if b"payload " in octets and "log" in name)
    shown = undumped(log)
    assert undumped(dumped().encode()) == SHOWN + b"|" + SHOWN
    for word in ("zhaoliu", "sunwukong"):
        assert word.encode() not in shown.lower()
    assert "孙悟空".encode("gb18030") not in shown
    assert "孙悟空".encode() not in log
    first, second = shown.split(b"|")
    assert first == second
    assert len(first) == len(SHOWN)
    assert first[:2] + first[-1:] == b"\x00\x01\xff"


def test_an_original_name_that_is_left_in_a_dump_is_told() -> None:
    names = NameMap(users={"zhangsan": "aaaaaaab"}, macs={"3C:52:82:48:01:01": "02:00:00:00:00:01"})
    addresses = AddressMap(b"k" * 32)
    addresses.text("21.208.64.40")
    texts = TextMap(names, addresses)
    leaks = Leaks(names, OctetMap(texts))
    files = {
        "name": b"0000: 7a68616e 67 73616e\n",
        "rows": b"0000: 00 00 7a 68 61 6e\n0006: 67 73 61 6e 00 00\n",
        "mac": b"x 003c5282480101",
        "address": b"x 00 15 d0 40 28 00",
        "nothing": b"0000: 00 00 61 61 61 61\n0006: 61 61 61 62 00 00\n",
    }
    assert list(leaks.among(files)) == ["rows", "mac", "address"]


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The scenario `hops` of a site that names itself everywhere."""
    folder = tmp_path_factory.mktemp("telling")
    write_bundle("hops", folder / "in")
    root = folder / "Contoso-Shenzhen"
    (folder / "in").rename(root)
    log = root / "terminal-01" / "iNode.log"
    log.write_bytes(LINES.encode() + dumped().encode() + log.read_bytes())
    log.rename(log.with_name("iNode-zhangsan.log"))
    (root / "mirror" / "fw-outside.pcap").rename(root / "mirror" / "contoso-fw-outside.pcap")
    files = bundle_files(unpack([root], folder / "unpacked"))
    return Case(analyze_files(files, SETTINGS), files)


def test_what_a_site_says_of_itself_is_in_no_file(telling: Case, tmp_path: Path) -> None:
    event_ids = {session.event_id for terminal in telling.analysis.terminals for session in terminal.sessions}
    written = telling.packet(is_anonymous=True)
    assert written.secrets is not None
    kept = entries(written.content)
    (tmp_path / "report.pdf").write_bytes(kept["report.pdf"])
    shown = subprocess.run(["pdftotext", tmp_path / "report.pdf", "-"], capture_output=True, check=True).stdout
    places = {**kept, "names": "\n".join(kept).encode(), "text of the PDF": shown}
    places |= {f"unpacked from {name}": _inflated(octets) for name, octets in kept.items() if name.endswith(".pcapng")}
    assert any(b"<data>" in octets for name, octets in places.items() if name.startswith("unpacked"))
    hashes = {original.sha256 for original in telling.files}
    for word in {*GIVEN_AWAY, *event_ids, *hashes} - {None}:
        for codec in ("utf-8", "gb18030", "utf-16-le"):
            told = re.compile(re.escape(word.encode(codec)), re.IGNORECASE)
            found = [name for name, octets in places.items() if told.search(octets)]
            assert not found, (word, found)
    assert set(written.secrets.files) == {file.sha256 for file in telling.files}


def _inflated(capture: bytes) -> bytes:
    """Everything in a capture that unpacks as zlib."""
    found = b""
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", capture):
        with contextlib.suppress(zlib.error):
            found += zlib.decompressobj().decompress(capture[match.start() :], 1 << 16)
    return found


def test_a_site_that_says_nothing_of_itself_any_more_has_the_same_verdict(telling: Case, tmp_path: Path) -> None:
    written = telling.packet(is_anonymous=True)
    again = analyze_paths([stored(written.content, tmp_path)])

    def causes(analysis: CaseAnalysis) -> list[object]:
        """Without the points' names, which were replaced."""
        return sorted((t.outcome, sorted(f.code for f in t.findings), len(t.sessions)) for t in analysis.terminals)

    assert causes(again) == causes(telling.analysis)
    assert {point.role for point in again.capture_points} == {point.role for point in telling.analysis.capture_points}
    assert [t.sessions[0].event_id for t in again.terminals] != [
        t.sessions[0].event_id for t in telling.analysis.terminals
    ]
