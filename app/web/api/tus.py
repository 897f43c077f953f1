"""What tus 1.0.0 says of headers and methods: https://tus.io/protocols/resumable-upload."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import datetime
from email.utils import format_datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.records import Text
from app.errors import AppError, Rejected
from app.partial_uploads import KEPT

VERSION = "1.0.0"
CONTENT = "application/offset+octet-stream"
EXTENSIONS = ("creation", "creation-with-upload", "checksum", "expiration", "termination")
HASHES = ("sha256", "sha1", "md5")
METHODS = ("PATCH", "DELETE", "HEAD")


class WrongVersion(AppError):
    status = 412


class Tus:
    """ASGI middleware for the addresses of uploads: every answer names the version, and a client behind a proxy that
    knows GET and POST only may say the method in a header."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_upload(scope["path"]):
            await self.app(scope, receive, send)
            return
        meant = Headers(scope=scope).get("x-http-method-override", "").upper()
        if scope["method"] == "POST" and meant in METHODS:
            scope = {**scope, "method": meant}

        async def send_with_version(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Tus-Resumable", VERSION)
                headers.setdefault("Cache-Control", "no-store")
                if message["status"] == WrongVersion.status:
                    headers.setdefault("Tus-Version", VERSION)
            await send(message)

        await self.app(scope, receive, send_with_version)


def _is_upload(path: str) -> bool:
    parts = path.split("/")
    return path.startswith("/api/v1/") and ("uploads" in (parts[3], parts[-1]))


def check_version(version: str | None) -> None:
    if version not in (None, VERSION):
        raise WrongVersion(Text(f"Only tus {VERSION} is spoken here.", f"仅支持 tus {VERSION}。"))


def metadata(header: str) -> dict[str, str]:
    """`name base64,name base64`, values that cannot be read left out."""
    found = {}
    for pair in header.split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            continue
    return found


def piece_checksum(header: str | None) -> tuple[str, bytes] | None:
    """`Upload-Checksum`: the name of a hash and its value."""
    if header is None:
        return None
    name, _, value = header.partition(" ")
    digest = _base64(value)
    if name not in HASHES or len(digest) != hashlib.new(name, usedforsecurity=False).digest_size:
        raise Rejected(Text(f"A checksum is one of {', '.join(HASHES)} and its value in Base64.", "校验和格式不正确。"))
    return name, digest


def whole_sha256(header: str | None) -> str | None:
    """`Repr-Digest` (RFC 9530) of the whole file; other hashes than SHA-256 in it are not looked at."""
    if header is None:
        return None
    for member in header.split(","):
        name, _, value = member.strip().partition("=")
        digest = _base64(value.strip(":"))
        if name == "sha-256" and len(digest) == hashlib.sha256().digest_size:
            return digest.hex()
    raise Rejected(
        Text("Repr-Digest is sha-256=:BASE64: of the whole file.", "Repr-Digest 须为整个文件的 sha-256=:BASE64:。")
    )


def repr_digest(sha256: str) -> str:
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


def expires(touched_at: datetime) -> str:
    return format_datetime(touched_at + KEPT, usegmt=True)


def _base64(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return b""
