"""One walk through an archive of any kind that hands every entry to a taker."""

from __future__ import annotations

from pathlib import Path

from app.core.records import Text
from app.unpacking.entries import BLOCK, Taker
from app.unpacking.kinds import BrokenArchive, Kind
from app.unpacking.tar_files import walk_tar
from app.unpacking.zip_files import walk_zip

RAR_NOT_READ = Text(
    "RAR archives cannot be read. Unpack it and upload the files, or pack them as zip or 7z.",
    "无法读取 RAR 压缩包。请解压后上传文件，或打包为 zip 或 7z。",
)


def walk(path: Path, kind: Kind, taker: Taker) -> None:
    """Hand every entry of the zip, 7z or tar archive at `path` to the taker."""
    if kind is Kind.ZIP:
        walk_zip(path, taker)
    elif kind is Kind.SEVEN_ZIP:
        from app.unpacking.seven_zip import walk_seven_zip  # py7zr takes longer to load than the other kinds together

        walk_seven_zip(path, taker)
    elif kind is Kind.TAR:
        with path.open("rb") as file:
            walk_tar(iter(lambda: file.read(BLOCK), b""), taker)
    else:
        raise BrokenArchive(RAR_NOT_READ)
