"""Archives that somebody built by hand to do harm: each is tried, and costs neither memory nor disk nor time."""

from __future__ import annotations

import io
import lzma
import struct
import subprocess
import sys
import tarfile
import textwrap
import zipfile
import zlib
from pathlib import Path

import py7zr

from app.unpacking.entries import MEMORY
from tests.unpacking.test_bundles import LOG, MIB, contents, on_disk, opened, reasons, sevenzipped, zipped

LIMITED = 768 << 20  # of address space, for a process that must not need it


def unpacked_within_limits(path: Path, into: Path) -> str:
    """What unpacking says in a process that may not have much memory."""
    script = f"""
        import resource
        resource.setrlimit(resource.RLIMIT_AS, ({LIMITED}, {LIMITED}))
        from pathlib import Path
        from app.unpacking.bundles import unpack
        found = unpack([Path({str(path)!r})], Path({str(into)!r}))
        said = [note.en for file in found.files for note in file.notes]
        print(sum(file.size > 0 for file in found.files), said, [refused.reason.en for refused in found.refused])
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    return ended.stdout


def test_a_7z_whose_list_of_files_unpacks_to_a_gigabyte_is_not_opened(tmp_path: Path) -> None:
    """The list is compressed itself: a few bytes that claim to become 1 GiB in memory."""
    header = bytes([0x17, 0x06, 0x00, 0x01, 0x09, 0x20, 0x00, 0x07, 0x0B, 0x01, 0x00])
    header += bytes([0x01, 0x23, 0x03, 0x01, 0x01, 0x05, 0x5D, 0, 0, 0x10, 0])  # one coder: LZMA, 1 MiB
    header += bytes([0x0C, 0xF0]) + struct.pack("<I", 1 << 30) + bytes([0x00, 0x00])
    packed = bytes(32)
    start = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
    raw = b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start)) + start + packed + header
    assert "too many files" in reasons(opened(tmp_path, raw, "bomb.7z"))["bomb.7z"]


def test_a_7z_whose_dictionary_takes_gigabytes_is_not_opened(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    filters = [{"id": py7zr.FILTER_LZMA2, "dict_size": 1 << 20}]
    with py7zr.SevenZipFile(buffer, "w", filters=filters) as archive:
        archive.set_encoded_header_mode(False)
        archive.writestr(LOG, "x.log")
    raw = buffer.getvalue()
    offset, size = struct.unpack_from("<QQ", raw, 12)
    header = raw[32 + offset : 32 + offset + size]
    small, huge = bytes([0x21, 0x21, 0x01, 16]), bytes([0x21, 0x21, 0x01, 39])  # 1 MiB → 3 GiB
    assert header.count(small) == 1
    header = header.replace(small, huge)
    start = struct.pack("<QQI", offset, size, zlib.crc32(header))
    raw = raw[:8] + struct.pack("<I", zlib.crc32(start)) + start + raw[32 : 32 + offset] + header
    assert reasons(opened(tmp_path, raw, "x.7z"))["x.7z"] == MEMORY.en


def test_an_ordinary_7z_is_opened(tmp_path: Path) -> None:
    assert contents(opened(tmp_path, sevenzipped({"x.log": LOG}), "x.7z")) == {"x.log": LOG}


def test_a_zip_entry_whose_dictionary_takes_gigabytes_is_left_out(tmp_path: Path) -> None:
    raw = bytearray(zipped({"a.log": LOG, "b.log": LOG + b"b"}, zipfile.ZIP_LZMA))
    at = raw.index(b"a.log") + len("a.log")
    raw[at + 5 : at + 9] = struct.pack("<I", 3 << 30)
    unpacked = opened(tmp_path, bytes(raw), "x.zip")
    assert contents(unpacked) == {"b.log": LOG + b"b"}
    assert reasons(unpacked)["a.log"] == MEMORY.en


def test_a_sparse_tar_that_claims_a_terabyte_is_refused(tmp_path: Path) -> None:
    header = bytearray(tarfile.TarInfo("hole").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[386:410] = b"%011o\0" % 0 + b"%011o\0" % 0  # no piece that holds data
    header[483:495] = b"\x80" + (1 << 40).to_bytes(11, "big")  # its size with the holes
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    unpacked = opened(tmp_path, bytes(header) + bytes(10_240), "x.tar")
    assert unpacked.files == ()
    assert on_disk(tmp_path / "into") == 0


def test_entries_that_share_their_data_are_counted_each_time(tmp_path: Path) -> None:
    """As in bombs without nesting: thousands of names for one compressed stream."""
    kernel = zipped({"0": bytes(4 * MIB)})
    local = kernel[: kernel.index(b"PK\x01\x02")]
    central = kernel[kernel.index(b"PK\x01\x02") : kernel.rindex(b"PK\x05\x06")]
    many = b"".join(central[:46] + b"%c" % (48 + number % 75) for number in range(2000))
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 2000, 2000, len(many), len(local), 0)
    unpacked = opened(tmp_path, local + many + end, "bomb.zip", ratio_from_bytes=16 * MIB)
    assert "bomb" in str(reasons(unpacked)) or "amage" in str(reasons(unpacked))
    assert on_disk(tmp_path / "into") <= 24 * MIB


def test_a_hundred_gigabytes_of_zeros_need_neither_memory_nor_disk(tmp_path: Path) -> None:
    """A real stream: gzip says nothing of its size, so it is stopped while it unpacks."""
    stream = zlib.compressobj(9, wbits=31)
    path = tmp_path / "bomb.gz"
    with path.open("wb") as file:
        block = bytes(16 * MIB)
        for _ in range(24):
            file.write(stream.compress(block))
        file.write(stream.flush())
    said = unpacked_within_limits(path, tmp_path / "into")
    assert said.startswith("0 ")
    assert "bomb" in said
    assert on_disk(tmp_path / "into") == 0


def test_an_xz_that_wants_gigabytes_to_look_back_into_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    raw = bytearray(lzma.compress(LOG, format=lzma.FORMAT_XZ, filters=filters))
    # The block header: size, flags, filter 0x21, one byte of properties, padding, CRC.
    at = raw.index(bytes([0x21, 0x01, 16]))
    raw[at + 2] = 40  # 4 GiB
    size = (raw[12] + 1) * 4
    raw[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(bytes(raw[12 : 12 + size - 4])))
    path = tmp_path / "x.log.xz"
    path.write_bytes(raw)
    assert "memory" in unpacked_within_limits(path, tmp_path / "into")
