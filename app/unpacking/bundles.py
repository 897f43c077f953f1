"""From what a person uploads (archives, folders, loose files) to plain files, whatever is in it.

Content decides what is an archive, never a name. Bytes are counted while they are written, so that a bomb stops at the
limit and not at the end of the disk; what is wrong with one file is said of that file, and the rest goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from app.core.records import Text
from app.unpacking.archives import walk
from app.unpacking.decompression import open_compressed
from app.unpacking.digests import Digests
from app.unpacking.entries import LINK, Entry
from app.unpacking.entry_names import clean_name, is_litter, without_suffix
from app.unpacking.kinds import COMPRESSED, HEAD_BYTES, BrokenArchive, Kind, is_tar, sniff_archive
from app.unpacking.limits import FULL, Allowance, Limits, Stop
from app.unpacking.on_disk import files_below, is_office_document, is_plain_file, size_of
from app.unpacking.tar_files import walk_tar


@dataclass(frozen=True, slots=True)
class UnpackedFile:
    """A file to use. `path` is where it lies now: inside `into`, or where it always was; `name` is what people read."""

    path: Path
    name: str
    sha256: str
    size: int
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that is not used, with the reason."""

    name: str
    reason: Text
    size: int = 0


@dataclass(frozen=True, slots=True)
class Unpacked:
    files: tuple[UnpackedFile, ...]
    refused: tuple[RefusedFile, ...]
    notes: tuple[Text, ...] = ()  # about the whole


HIDDEN = Text("A hidden file or one that the operating system put there.", "隐藏文件或操作系统自动生成的文件。")
TOO_DEEP = Text("An archive in too many archives; it was not opened.", "压缩包嵌套层数过多，未打开。")
NOT_A_FILE = Text("Neither a file nor a folder.", "既不是文件也不是文件夹。")
SAME_NAME = Text("Another file has the same name; this one was renamed.", "存在同名文件，此文件已改名显示。")


def unpack(paths: Sequence[Path], into: Path, limits: Limits | None = None) -> Unpacked:
    """Every usable file of `paths`, with archives opened into the folder `into`.

    Files that need no unpacking stay where they are. The same content counts once. Raises nothing for bad input.
    """
    with Digests() as digests:
        digests.look_ahead(paths)
        unpacking = _Unpacking(into, Allowance(limits or Limits()), digests)
        for path in paths:
            if path.is_dir() and not path.is_symlink():
                # Of several folders, each is told by its name; of one, everything lies in it.
                unpacking.take_folder(path, prefix=f"{path.resolve().name}/" if len(paths) > 1 else "")
            else:
                unpacking.take_path(path, path.name, prefix="", packed_bytes=size_of(path))
    return Unpacked(tuple(unpacking.files), tuple(unpacking.refused), tuple(unpacking.notes))


@dataclass(slots=True)
class _Unpacking:
    into: Path
    allowance: Allowance
    digests: Digests
    files: list[UnpackedFile] = field(default_factory=list)
    refused: list[RefusedFile] = field(default_factory=list)
    notes: list[Text] = field(default_factory=list)
    _by_content: dict[str, str] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)
    _temporary: int = 0

    # ------------------------------------------------------------ what comes in

    def take_folder(self, folder: Path, prefix: str) -> None:
        paths = list(files_below(folder))
        self.digests.look_ahead(paths)
        for path in paths:
            name = prefix + path.relative_to(folder).as_posix()
            self.take_path(path, name, prefix=f"{name}/", packed_bytes=size_of(path))

    def take_path(self, path: Path, name: str, prefix: str, packed_bytes: int) -> None:
        """One file on disk that is not ours to delete."""
        clean = clean_name(os.fsencode(name).decode("utf-8", "replace"))
        if is_litter(clean.name):
            return self.refuse(clean.name, HIDDEN)
        if not is_plain_file(path):
            return self.refuse(clean.name, LINK if path.is_symlink() else NOT_A_FILE)
        try:
            self.take_file(path, clean.name, clean.notes, prefix=prefix, depth=0, packed_bytes=packed_bytes)
        except Stop as stop:
            self.refuse(clean.name, stop.reason, packed_bytes)
        except OSError as error:
            reason = error.strerror or str(error)
            self.refuse(clean.name, Text(f"It cannot be read: {reason}.", f"无法读取：{reason}。"))
        return None

    def take_file(
        self,
        path: Path,
        name: str,
        notes: tuple[Text, ...],
        *,
        prefix: str,
        depth: int,
        packed_bytes: int,
        parent: _Taker | None = None,
    ) -> None:
        """A file with content to look at: an archive to open, or a file to keep."""
        with path.open("rb") as file:
            kind = sniff_archive(file.read(HEAD_BYTES))
        if kind is None or is_office_document(path, kind):
            return self.keep(path, name, notes)
        if depth >= self.allowance.limits.depth:
            return self.refuse(name, TOO_DEEP, size_of(path))
        taker = _Taker(self, prefix, depth + 1, packed_bytes, parent)
        try:
            if kind in COMPRESSED:
                self._take_compressed(path, kind, name, taker)
            else:
                walk(path, kind, taker)
        except BrokenArchive as error:
            self.refuse(name, error.text, size_of(path))
        except Stop as stop:
            if stop.whole:
                raise
            self.refuse(name, stop.reason, size_of(path))
        finally:
            taker.close()
        return None

    def _take_compressed(self, path: Path, kind: Kind, name: str, taker: _Taker) -> None:
        """A tar inside is walked as it streams; any other content becomes the file itself, without the suffix."""
        with path.open("rb") as file:
            blocks = open_compressed(file, kind)
            head, problem = _read_head(blocks)
            if problem is None and is_tar(head):
                return walk_tar(_chain(head, blocks), taker)
            inner = without_suffix(name)
            # The name stands for the whole file already: it does not lie "in" the compressed file.
            write = taker.begin_as(inner)
            write(head)
            try:
                for block in blocks:
                    write(block)
            except BrokenArchive as error:
                problem = error.text
            return taker.end(problem, keep_anyway=True)

    # ------------------------------------------------------------ what becomes of it

    def keep(self, path: Path, name: str, notes: tuple[Text, ...]) -> None:
        size, sha256 = self.digests.of(path)
        if size and sha256 in self._by_content:
            same = self._by_content[sha256]
            return self.refuse(name, Text(f"The same content as {same}.", f"内容与 {same} 相同。"), size)
        self._by_content[sha256] = name
        free = self.free_name(name)
        notes = notes if free == name else (*notes, SAME_NAME)
        self.files.append(UnpackedFile(path, free, sha256, size, notes))
        return None

    def refuse(self, name: str, reason: Text, size: int = 0) -> None:
        self.refused.append(RefusedFile(self.free_name(name), reason, size))

    def free_name(self, name: str) -> str:
        """`name`, or the first of `name (2)`, `name (3)` … that nobody has: sources are told apart by name."""
        folder, _, last = name.rpartition("/")
        stem, dot, extension = last.rpartition(".")
        candidate, number = name, 1
        while candidate in self._names:
            number += 1
            renamed = f"{stem} ({number}){dot}{extension}" if stem else f"{last} ({number})"
            candidate = f"{folder}/{renamed}" if folder else renamed
        self._names.add(candidate)
        return candidate

    def new_path(self) -> Path:
        self.into.mkdir(parents=True, exist_ok=True)
        self._temporary += 1
        return self.into / f"{self._temporary:06}"


class _Taker:
    """Takes one archive's entries: writes each under a number, then looks at it as at any file."""

    def __init__(
        self, unpacking: _Unpacking, prefix: str, depth: int, packed_bytes: int, parent: _Taker | None
    ) -> None:
        self._all = unpacking
        self._parent = parent
        self._prefix = prefix
        self._depth = depth
        self._packed_bytes = max(1, packed_bytes)
        self._taken_bytes = 0
        self._name = ""
        self._notes: tuple[Text, ...] = ()
        self._file: BinaryIO | None = None
        self._path = Path()

    def begin(self, entry: Entry) -> Callable[[bytes], None] | None:
        self._all.allowance.count_file()
        clean = clean_name(entry.name)
        name = self._prefix + clean.name
        if is_litter(clean.name):
            self._all.refuse(name, HIDDEN, entry.size_bytes or 0)
        elif entry.problem is not None:
            self._all.refuse(name, entry.problem, entry.size_bytes or 0)
        else:
            declared = entry.size_bytes or 0
            self._all.allowance.check_ratio(self._taken_bytes + declared, self._packed_bytes)
            self._all.allowance.check_total(declared)
            self._all.into.mkdir(parents=True, exist_ok=True)
            self._all.allowance.check_disk(self._all.into, declared)
            self._open(name, clean.notes)
            return self._write
        return None

    def begin_as(self, name: str) -> Callable[[bytes], None]:
        self._all.allowance.count_file()
        self._open(name, ())
        return self._write

    def end(self, problem: Text | None, *, keep_anyway: bool = False) -> None:
        path, name, notes = self._path, self._name, self._notes
        self.close(keep=True)
        if problem is not None and not keep_anyway and not path.stat().st_size:
            path.unlink()
            return self._all.refuse(name, problem)
        if problem is not None:
            notes = (*notes, problem)
        self._all.take_file(
            path, name, notes, prefix=f"{name}/", depth=self._depth, packed_bytes=path.stat().st_size, parent=self
        )
        if not any(file.path == path for file in self._all.files[-1:]):
            path.unlink(missing_ok=True)  # an archive that was opened, or the same content again
        return None

    def close(self, *, keep: bool = False) -> None:
        """Close what is being written; unless it is kept, it was not finished and goes."""
        if self._file is not None:
            self._file.close()
            self._file = None
            if not keep:
                self._path.unlink(missing_ok=True)

    def _open(self, name: str, notes: tuple[Text, ...]) -> None:
        self._name, self._notes = name, notes
        self._path = self._all.new_path()
        self._file = self._path.open("wb")

    def _write(self, block: bytes) -> None:
        assert self._file is not None
        self._all.allowance.count_bytes(len(block))
        taker: _Taker | None = self
        while taker is not None:
            # What comes out of an archive in an archive came out of the outer one too.
            taker._taken_bytes += len(block)
            self._all.allowance.check_ratio(taker._taken_bytes, taker._packed_bytes)
            taker = taker._parent
        try:
            self._file.write(block)
        # Not an OSError from here on: the reader would take that for damage of the archive.
        except OSError as error:
            raise Stop(FULL, whole=True) from error


def _read_head(blocks: Iterator[bytes]) -> tuple[bytes, Text | None]:
    """The first bytes of a stream, enough to know a tar by, and what stopped it before that."""
    head = b""
    try:
        while len(head) < HEAD_BYTES:
            block = next(blocks, None)
            if block is None:
                break
            head += block
    except BrokenArchive as error:
        return head, error.text
    return head, None


def _chain(head: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from blocks
