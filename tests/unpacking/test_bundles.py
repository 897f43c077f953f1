"""Archives as people make them, and as somebody would who wants to do harm."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import py7zr
import pytest
import zstandard

from app.unpacking.bundles import HIDDEN, TOO_DEEP, Unpacked, unpack
from app.unpacking.entry_names import OUTWARD
from app.unpacking.limits import FULL, Limits

LOG = b"[2017-07-12 11:14:20] [DtlCmn] [1394] SecPkt secPushInner: out-pkt [1]\n" * 20
MIB = 1 << 20


def zipped(entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(entries: dict[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def sevenzipped(entries: dict[str, bytes], password: str | None = None) -> bytes:
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", password=password) as archive:
        for name, content in entries.items():
            archive.writestr(content, name)
    return buffer.getvalue()


def opened(tmp_path: Path, content: bytes, name: str = "upload", **limits: int) -> Unpacked:
    path = tmp_path / name
    path.write_bytes(content)
    return unpack([path], tmp_path / "into", Limits(**limits))


def contents(unpacked: Unpacked) -> dict[str, bytes]:
    return {file.name: file.path.read_bytes() for file in unpacked.files}


def reasons(unpacked: Unpacked) -> dict[str, str]:
    return {refused.name: refused.reason.en for refused in unpacked.refused}


ENTRIES = {"server/a.log": LOG, "terminal-1/b.log": LOG + b"b", "empty.log": b""}
MAKERS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "zip": zipped,
    "zip stored": lambda entries: zipped(entries, zipfile.ZIP_STORED),
    "zip lzma": lambda entries: zipped(entries, zipfile.ZIP_LZMA),
    "tar": tarred,
    "tar.gz": lambda entries: tarred(entries, "w:gz"),
    "tar.bz2": lambda entries: tarred(entries, "w:bz2"),
    "tar.xz": lambda entries: tarred(entries, "w:xz"),
    "tar.zst": lambda entries: zstandard.compress(tarred(entries)),
    "7z": sevenzipped,
}


@pytest.mark.parametrize("maker", MAKERS)
def test_every_kind_of_archive_gives_its_files_whatever_it_is_called(maker: str, tmp_path: Path) -> None:
    unpacked = opened(tmp_path, MAKERS[maker](ENTRIES), "holiday.jpg")
    assert contents(unpacked) == ENTRIES
    assert unpacked.refused == ()


@pytest.mark.parametrize("outer", MAKERS)
@pytest.mark.parametrize("inner", ["zip", "tar.gz", "7z"])
def test_an_archive_in_an_archive_is_opened_and_named_after_its_place(outer: str, inner: str, tmp_path: Path) -> None:
    unpacked = opened(tmp_path, MAKERS[outer]({"mirror/inner.bin": MAKERS[inner]({"x.log": LOG}), "y.log": b"y"}))
    assert contents(unpacked) == {"mirror/inner.bin/x.log": LOG, "y.log": b"y"}


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
}


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_a_compressed_log_becomes_the_log_without_the_suffix(kind: str, tmp_path: Path) -> None:
    assert contents(opened(tmp_path, COMPRESSORS[kind](LOG), f"iNode.log.{kind}")) == {"iNode.log": LOG}


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zst"])
def test_streams_one_after_the_other_are_one_file(kind: str, tmp_path: Path) -> None:
    both = COMPRESSORS[kind](LOG) + COMPRESSORS[kind](b"more")
    assert contents(opened(tmp_path, both, f"x.log.{kind}")) == {"x.log": LOG + b"more"}


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_of_a_compressed_file_that_was_cut_off_everything_before_is_used(kind: str, tmp_path: Path) -> None:
    noise = os.urandom(3 * MIB)
    whole = COMPRESSORS[kind](noise)
    unpacked = opened(tmp_path, whole[: len(whole) * 2 // 3], f"x.pcap.{kind}")
    (file,) = unpacked.files
    got = file.path.read_bytes()
    assert 0 < len(got) < len(noise)
    assert noise.startswith(got)
    assert any("cut off" in note.en for note in file.notes)


def test_of_a_tar_that_was_cut_off_the_files_before_are_used(tmp_path: Path) -> None:
    noise = {f"{number}.bin": os.urandom(MIB) for number in range(4)}
    whole = tarred(noise, "w:gz")
    unpacked = opened(tmp_path, whole[: len(whole) * 5 // 8], "x.tgz")
    got = contents(unpacked)
    assert got["0.bin"] == noise["0.bin"]
    assert got["1.bin"] == noise["1.bin"]
    assert "3.bin" not in got
    assert unpacked.refused


def test_files_and_folders_need_no_copy(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    (bundle / "terminal-1").mkdir(parents=True)
    (bundle / "terminal-1" / "iNode.log").write_bytes(LOG)
    unpacked = unpack([bundle], tmp_path / "into")
    (file,) = unpacked.files
    assert (file.name, file.path) == ("terminal-1/iNode.log", bundle / "terminal-1" / "iNode.log")
    assert not (tmp_path / "into").exists()


def test_several_folders_are_told_by_their_names(tmp_path: Path) -> None:
    for name in ("terminal-1", "terminal-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "iNode.log").write_bytes(name.encode())
    unpacked = unpack([tmp_path / "terminal-1", tmp_path / "terminal-2"], tmp_path / "into")
    assert [file.name for file in unpacked.files] == ["terminal-1/iNode.log", "terminal-2/iNode.log"]


@pytest.mark.parametrize("name", [".DS_Store", "__MACOSX/._x.log", "a/Thumbs.db", ".git/config"])
def test_what_an_operating_system_left_is_listed_and_not_used(name: str, tmp_path: Path) -> None:
    unpacked = opened(tmp_path, zipped({name: b"x", "x.log": LOG}))
    assert contents(unpacked) == {"x.log": LOG}
    assert [refused.reason for refused in unpacked.refused] == [HIDDEN]


def test_the_same_content_counts_once_and_says_where_else_it_is(tmp_path: Path) -> None:
    unpacked = opened(tmp_path, zipped({"a.log": LOG, "copy of a.log": LOG}))
    assert contents(unpacked) == {"a.log": LOG}
    assert reasons(unpacked) == {"copy of a.log": "The same content as a.log."}
    assert len(list((tmp_path / "into").iterdir())) == 1


def test_empty_files_are_not_copies_of_each_other(tmp_path: Path) -> None:
    assert len(opened(tmp_path, zipped({"a.log": b"", "b.log": b""})).files) == 2


def test_equal_names_in_one_archive_are_told_apart(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a.log", b"one")
        archive.writestr("a.log", b"two")
    assert contents(opened(tmp_path, buffer.getvalue())) == {"a.log": b"one", "a (2).log": b"two"}


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name", ["/etc/cron.d/x.log", "../../x.log", "a/../../../x.log", "C:\\Windows\\x.log", "..\\..\\x.log"]
)
@pytest.mark.parametrize("maker", ["zip", "tar", "7z"])
def test_a_name_that_leads_out_of_the_archive_leads_nowhere(maker: str, name: str, tmp_path: Path) -> None:
    if maker == "7z":
        # py7zr refuses to write such names: write one of the same length, and put the other in its place.
        harmless = "n" * len(name)
        buffer = io.BytesIO()
        with py7zr.SevenZipFile(buffer, "w") as archive:
            archive.set_encoded_header_mode(False)
            archive.writestr(LOG, harmless)
        archive_bytes = _renamed_in_7z(buffer.getvalue(), harmless, name)
    else:
        archive_bytes = MAKERS[maker]({name: LOG})
    unpacked = opened(tmp_path, archive_bytes)
    (file,) = unpacked.files
    assert file.path.parent == tmp_path / "into"
    assert not file.name.startswith("/")
    assert ".." not in file.name
    assert ":" not in file.name
    assert OUTWARD in file.notes


def _renamed_in_7z(archive: bytes, old: str, new: str) -> bytes:
    """Names are UTF-16 in the header; two checksums cover it."""
    import zlib

    offset, size = struct.unpack_from("<QQ", archive, 12)
    header = archive[32 + offset : 32 + offset + size].replace(old.encode("utf-16-le"), new.encode("utf-16-le"))
    start = struct.pack("<QQI", offset, size, zlib.crc32(header))
    return archive[:8] + struct.pack("<I", zlib.crc32(start)) + start + archive[32 : 32 + offset] + header


def test_chinese_names_written_by_windows_are_read(tmp_path: Path) -> None:
    raw = zipped({"terminal/XXXX.log": LOG}).replace(b"XXXX", "日志".encode("gbk"))
    assert contents(opened(tmp_path, raw)) == {"terminal/日志.log": LOG}


def test_chinese_names_in_a_tar_are_read_in_either_encoding(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", encoding="gbk", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("抓包/日志.log")
        info.size = len(LOG)
        archive.addfile(info, io.BytesIO(LOG))
    assert contents(opened(tmp_path, buffer.getvalue())) == {"抓包/日志.log": LOG}


def test_a_name_that_hides_its_ending_is_shown_as_it_is(tmp_path: Path) -> None:
    (file,) = opened(tmp_path, zipped({"a\u202egol.exe": LOG})).files
    assert file.name == "a\ufffdgol.exe"


def test_a_name_of_ten_thousand_letters_is_shortened_and_keeps_its_end(tmp_path: Path) -> None:
    (file,) = opened(tmp_path, zipped({"x" * 10_000 + ".pcap": LOG})).files
    assert len(file.name) < 500
    assert file.name.endswith("x.pcap")
    assert file.notes


# ---------------------------------------------------------------- links, devices, passwords, damage


def test_links_and_devices_are_listed_and_never_followed(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind in (("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("device", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("x.log")
        info.size = len(LOG)
        archive.addfile(info, io.BytesIO(LOG))
    unpacked = opened(tmp_path, buffer.getvalue())
    assert contents(unpacked) == {"x.log": LOG}
    assert set(reasons(unpacked)) == {"link", "hard", "device"}


def test_a_link_in_a_zip_is_not_a_file(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
        archive.writestr("x.log", LOG)
    unpacked = opened(tmp_path, buffer.getvalue())
    assert contents(unpacked) == {"x.log": LOG}
    assert "link" in reasons(unpacked)


def test_links_and_pipes_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "x.log").write_bytes(LOG)
    (bundle / "passwd").symlink_to("/etc/passwd")
    (bundle / "all").symlink_to("/")
    os.mkfifo(bundle / "pipe")
    unpacked = unpack([bundle], tmp_path / "into")
    assert contents(unpacked) == {"x.log": LOG}
    assert set(reasons(unpacked)) == {"passwd", "all", "pipe"}


def test_a_7z_with_a_password_says_so(tmp_path: Path) -> None:
    assert "password" in reasons(opened(tmp_path, sevenzipped({"x.log": LOG}, "secret"), "x.7z"))["x.7z"]


def test_an_entry_with_a_password_does_not_hide_the_others(tmp_path: Path) -> None:
    raw = bytearray(zipped({"a.log": LOG, "b.log": LOG + b"b"}))
    central = raw.index(b"PK\x01\x02")
    raw[6] |= 1  # local header of a.log
    raw[central + 8] |= 1
    unpacked = opened(tmp_path, bytes(raw))
    assert contents(unpacked) == {"b.log": LOG + b"b"}
    assert "password" in reasons(unpacked)["a.log"]


def test_a_damaged_entry_does_not_hide_the_others(tmp_path: Path) -> None:
    noise = os.urandom(2000)
    raw = zipped({"a.bin": noise, "b.log": LOG}, zipfile.ZIP_STORED).replace(noise[:1000], b"\0" * 1000)
    unpacked = opened(tmp_path, raw)
    assert contents(unpacked)["b.log"] == LOG
    (damaged,) = (file for file in unpacked.files if file.name == "a.bin") if len(unpacked.files) > 1 else ((None),)
    assert damaged is not None or "a.bin" in reasons(unpacked)


@pytest.mark.parametrize("maker", ["zip", "7z", "tar.gz", "tar.xz"])
@pytest.mark.parametrize("part", [0.3, 0.7, 0.98])
def test_an_archive_that_breaks_off_is_said_to_be_broken(maker: str, part: float, tmp_path: Path) -> None:
    whole = MAKERS[maker]({"a.bin": os.urandom(5000)})
    unpacked = opened(tmp_path, whole[: int(len(whole) * part)], "x.bin")
    assert unpacked.refused or any(file.notes for file in unpacked.files)


@pytest.mark.parametrize("maker", MAKERS)
def test_rubbish_in_an_archive_raises_nothing(maker: str, tmp_path: Path) -> None:
    whole = bytearray(MAKERS[maker]({"a.log": LOG, "b.bin": os.urandom(500)}))
    for number in range(60):
        damaged = bytearray(whole)
        for _ in range(1 + number % 5):
            damaged[6 + (number * 7919 + len(damaged) // 3 * _) % (len(damaged) - 6)] ^= 1 << (number % 8)
        opened(tmp_path, bytes(damaged))


def test_rar_is_named_as_what_it_is(tmp_path: Path) -> None:
    assert "RAR" in reasons(opened(tmp_path, b"Rar!\x1a\x07\x01\x00" + b"\0" * 100, "x.rar"))["x.rar"]


def test_a_broken_archive_does_not_hide_the_other_files(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "broken.zip").write_bytes(zipped(ENTRIES)[:-30])
    (bundle / "x.log").write_bytes(LOG)
    assert contents(unpack([bundle], tmp_path / "into"))["x.log"] == LOG


def test_a_word_document_is_one_file(tmp_path: Path) -> None:
    unpacked = opened(tmp_path, zipped({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<y/>"}), "notes.docx")
    assert [file.name for file in unpacked.files] == ["notes.docx"]


# ---------------------------------------------------------------- bombs


def zeros(size: int) -> bytes:
    """A zip with one file of `size` zero bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros.log", "w") as file:
        for _ in range(size // MIB):
            file.write(bytes(MIB))
    return buffer.getvalue()


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_bomb_is_refused_by_its_ratio_and_leaves_nothing(tmp_path: Path) -> None:
    unpacked = opened(tmp_path, zeros(64 * MIB), "bomb.zip", ratio_from_bytes=MIB)
    assert unpacked.files == ()
    assert "bomb" in reasons(unpacked)["bomb.zip"]
    assert on_disk(tmp_path / "into") == 0


def test_a_bomb_that_lies_about_its_size_is_refused_while_it_unpacks(tmp_path: Path) -> None:
    raw = bytearray(gzip.compress(bytes(64 * MIB)))
    unpacked = opened(tmp_path, bytes(raw), "bomb.gz", ratio_from_bytes=MIB)
    assert unpacked.files == ()
    assert on_disk(tmp_path / "into") == 0


@pytest.mark.parametrize("wrap", ["zip", "tar.gz", "7z"])
def test_a_bomb_in_layers_is_refused_as_a_whole(wrap: str, tmp_path: Path) -> None:
    inner = zeros(8 * MIB)
    layered = MAKERS[wrap]({f"{number}.zip": inner + bytes(number) for number in range(16)})
    unpacked = opened(tmp_path, layered, "bomb", ratio_from_bytes=16 * MIB, ratio=100)
    assert on_disk(tmp_path / "into") <= 24 * MIB
    assert unpacked.refused


def test_a_hundred_gigabytes_are_refused_at_once(tmp_path: Path) -> None:
    """The sizes are only claimed: the archive is small, and nothing is written to find out."""
    raw = bytearray(zeros(2 * MIB))
    central = raw.index(b"PK\x01\x02")
    raw[central + 24 : central + 28] = struct.pack("<I", 0xFFFFFFFF)
    name_end = central + 46 + len("zeros.log")
    extra = struct.pack("<HHQ", 1, 8, 100 << 30)
    raw[central + 30 : central + 32] = struct.pack("<H", len(extra))
    raw[name_end:name_end] = extra
    end = raw.rindex(b"PK\x05\x06")
    raw[end + 12 : end + 16] = struct.pack("<I", struct.unpack_from("<I", raw, end + 12)[0] + len(extra))
    unpacked = opened(tmp_path, bytes(raw), "bomb.zip")
    assert unpacked.files == ()
    assert on_disk(tmp_path / "into") == 0


def test_the_total_is_limited_and_what_fitted_is_used(tmp_path: Path) -> None:
    noise = {f"{number}.bin": os.urandom(MIB) for number in range(5)}
    unpacked = opened(tmp_path, zipped(noise), total_bytes=3 * MIB)
    assert len(unpacked.files) == 3
    assert "GiB" in reasons(unpacked)["upload"]


def test_the_number_of_files_is_limited(tmp_path: Path) -> None:
    unpacked = opened(tmp_path, zipped({f"{number}.log": b"%d" % number for number in range(50)}), files=20)
    assert len(unpacked.files) == 20
    assert "20 files" in reasons(unpacked)["upload"]


def test_archives_in_archives_end_somewhere(tmp_path: Path) -> None:
    content = LOG
    for _ in range(10):
        content = zipped({"x.zip": content})
    unpacked = opened(tmp_path, content, depth=3)
    assert unpacked.files == ()
    assert TOO_DEEP.en in reasons(unpacked).values()


def test_a_list_of_a_million_files_is_not_even_read(tmp_path: Path) -> None:
    raw = bytearray(zipped({"x.log": LOG}))
    end = raw.rindex(b"PK\x05\x06")
    raw[end + 12 : end + 16] = struct.pack("<I", 200 << 20)
    assert "too many" in reasons(opened(tmp_path, bytes(raw), "x.zip"))["x.zip"]


def test_a_tar_header_cannot_fill_the_memory(tmp_path: Path) -> None:
    header = bytearray(tarred({"x": b""})[:512])
    header[124:136] = b"%011o\0" % (1 << 30)
    header[156:157] = b"x"  # a PAX header of one gigabyte
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    unpacked = opened(tmp_path, gzip.compress(bytes(header) + bytes(4 * MIB)), "x.tgz")
    assert unpacked.files == ()
    assert unpacked.refused


def test_a_full_disk_is_said_to_be_full(tmp_path: Path) -> None:
    unpacked = opened(tmp_path, zipped({"x.log": LOG}), free_bytes=1 << 60)
    assert FULL.en in reasons(unpacked).values()


def test_a_window_that_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    compressed = stream.compress(os.urandom(MIB)) + stream.flush()
    assert "memory" in reasons(opened(tmp_path, compressed, "x.zst")).get("x.zst", "") or any(
        "memory" in note.en for file in unpack([tmp_path / "x.zst"], tmp_path / "again").files for note in file.notes
    )
