"""Files in an S3-compatible object store, by obstore; tools read them through local copies.

`s3://BUCKET/PREFIX?endpoint=…&region=…`; keys come from the usual AWS_… variables or the machine's role.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.store import S3Store

from app.storage.contract import BLOCK, Stored
from app.storage.errors import place_of, storage_errors
from app.storage.file_cache import FileCache
from app.storage.object_errors import delete, store_errors
from app.storage.object_pieces import ObjectPieces

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

PART = 8 * BLOCK
MOST_PARTS = 9_000  # the protocol knows 10,000
AT_ONCE = 4  # parts under way, each held in memory

CLIENT: ClientConfig = {
    "connect_timeout": timedelta(seconds=5),
    "timeout": timedelta(minutes=10),  # of one request, which may be a whole part on a slow link
    "read_timeout": timedelta(seconds=30),
}
RETRY: RetryConfig = {"max_retries": 5, "retry_timeout": timedelta(seconds=30)}
# Readiness is asked every few seconds and must not wait for something that is away.
CHECK_CLIENT: ClientConfig = {"connect_timeout": timedelta(seconds=2), "timeout": timedelta(seconds=5)}
CHECK_RETRY: RetryConfig = {"max_retries": 0, "retry_timeout": timedelta(seconds=5)}


class ObjectStorage:
    def __init__(self, url: str, cache: Path, cache_bytes: int) -> None:
        self._store = _open(url, CLIENT, RETRY)
        self._checked = _open(url, CHECK_CLIENT, CHECK_RETRY)
        self._scratch = cache / "spool"
        self._cache = FileCache(cache / "copies", cache_bytes)
        self.pieces = ObjectPieces(self._store)

    def put(self, blocks: Iterable[bytes]) -> Stored:
        """The key is the content's hash, which is known at its end: until then it lies in a local file."""
        digest, size = hashlib.sha256(), 0
        with storage_errors():
            self._scratch.mkdir(parents=True, exist_ok=True)
            spool = tempfile.NamedTemporaryFile(dir=self._scratch, buffering=0)  # noqa: SIM115
        with spool as file:
            for block in blocks:
                digest.update(block)
                size += len(block)
                with storage_errors():
                    file.write(block)
            stored = Stored(digest.hexdigest(), size)
            self.adopt(Path(file.name), stored, keep_copy=False)
        return stored

    def adopt(self, path: Path, stored: Stored, *, keep_copy: bool = True) -> None:
        if not self.has(stored.sha256):
            with path.open("rb") as file:
                self._upload(stored, iter(lambda: file.read(BLOCK), b""))
        if keep_copy:
            self._cache.adopt(stored.sha256, stored.size_bytes, path)

    def finish(self, upload_id: str, stored: Stored) -> None:
        if not self.has(stored.sha256):
            self._upload(stored, self.pieces.read(upload_id))

    def open(self, sha256: str) -> BinaryIO:
        return self.local(sha256).open("rb")

    def local(self, sha256: str) -> Path:
        found = self._cache.find(sha256)
        if found is not None:
            return found
        with store_errors(sha256):
            content = obstore.get(self._store, place_of(sha256))
            blocks = cast(Iterator[bytes], content.stream(min_chunk_size=BLOCK))
            return self._cache.add(sha256, content.meta["size"], blocks)

    def has(self, sha256: str) -> bool:
        try:
            with store_errors():
                obstore.head(self._store, place_of(sha256))
        except FileNotFoundError:
            return False
        return True

    def delete(self, sha256: str) -> None:
        self._cache.remove(sha256)
        with store_errors():
            delete(self._store, [place_of(sha256)])

    def contents(self) -> Iterator[tuple[str, float]]:
        with store_errors():
            for some in obstore.list(self._store):
                for found in some:
                    name = found["path"].rpartition("/")[2]
                    if len(name) == 64 and found["path"] == place_of(name):
                        yield name, found["last_modified"].timestamp()

    def tidy(self, before: float) -> None:
        """Spooled files vanish with their process; parts of uploads that broke off, by a rule of the bucket."""
        for path in self._scratch.glob("*"):
            with storage_errors():
                if path.stat().st_mtime < before:
                    path.unlink(missing_ok=True)

    @property
    def place(self) -> None:
        return None

    def prepare(self) -> None:
        """Nothing: who keeps the store makes its bucket."""

    def check(self) -> None:
        with store_errors():
            obstore.put(self._checked, "check", b"x", use_multipart=False)

    def _upload(self, stored: Stored, blocks: Iterator[bytes]) -> None:
        key, part = place_of(stored.sha256), max(PART, -(-stored.size_bytes // MOST_PARTS))
        with store_errors():
            if stored.size_bytes <= part:
                obstore.put(self._store, key, b"".join(blocks), use_multipart=False)
            else:
                writer = obstore.open_writer(self._store, key, buffer_size=part, max_concurrency=AT_ONCE)
                for block in blocks:
                    writer.write(block)
                # Not as a context: that would make an object of whatever came before an error.
                writer.close()


def _open(url: str, client: ClientConfig, retry: RetryConfig) -> S3Store:
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"STORAGE_URL must be s3://BUCKET/PREFIX, not {url}")
    said = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := set(said) - {"endpoint", "region"}:
        raise ValueError(f"STORAGE_URL does not know {', '.join(sorted(unknown))}; it takes endpoint and region")
    options: dict[str, Any] = {}
    if "endpoint" in said:
        options["endpoint"] = said["endpoint"]
        client = {**client, "allow_http": said["endpoint"].startswith("http:")}
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        region=said.get("region", "us-east-1"),
        client_options=client,
        retry_config=retry,
        **options,
    )
