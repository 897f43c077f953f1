"""Files into a case: one request a file, or resumable (tus 1.0.0 with creation, checksum and termination)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query, Request, Response

from app.core.records import Text
from app.db import queries
from app.db.session import DatabaseSession
from app.errors import AppError, Conflict, Rejected
from app.partial_uploads import PartialUpload, PartialUploads
from app.web.api.cases import IdempotencyKey
from app.web.api.principal import CurrentPrincipal
from app.web.api.problems import CHECKSUM_MISMATCH, problems
from app.web.api.shapes import CaseId, StoredFile
from app.web.cases import load_head
from app.web.uploads import clean_path, store_stream, too_large

router = APIRouter(tags=["files"])
VERSION = "1.0.0"
CONTENT = "application/offset+octet-stream"
HASHES = ("sha256", "sha1", "md5")
TUS = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}
LARGEST = 2**53
UploadId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0123456789abcdef0123456789abcdef"])]
TusVersion = Annotated[str | None, Header(description="The version of the protocol; 1.0.0 where it is left out.")]
BINARY = {"type": "string", "format": "binary"}


class WrongVersion(AppError):
    status = 412


class WrongContent(AppError):
    status = 415


class WrongChecksum(AppError):
    status = CHECKSUM_MISMATCH


@router.put(
    "/cases/{case_id}/files",
    status_code=201,
    responses=problems(404, 413),
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": BINARY}}}},
)
async def put_file(
    request: Request,
    case_id: CaseId,
    path: Annotated[
        str,
        Query(
            min_length=1,
            max_length=1000,
            pattern=r"^[^\x00]*$",
            description="Name of the file within the case.",
            examples=["terminal-01/client.pcap"],
        ),
    ],
) -> StoredFile:
    """Upload a file, or an archive of files, in one request. It is kept as it arrives, however large it is."""
    state = request.app.state
    name = clean_path(path)
    limit = state.settings.max_upload_bytes
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise too_large(limit)
    await to_thread.run_sync(_check_case, state.sessions, case_id)
    stored = await to_thread.run_sync(store_stream, state.storage, request.stream(), limit)
    await to_thread.run_sync(_register, state.sessions, case_id, name, stored.sha256, stored.size_bytes)
    return StoredFile(path=name, sha256=stored.sha256, size_bytes=stored.size_bytes)


def _check_case(sessions: Any, case_id: int) -> None:
    with sessions() as db:
        load_head(db, case_id)


def _register(sessions: Any, case_id: int, path: str, sha256: str, size_bytes: int) -> None:
    with sessions() as db, db.begin():
        load_head(db, case_id)
        queries.add_upload(db, queries.open_bundle(db, case_id).id, path, sha256, size_bytes)


@router.options("/cases/{case_id}/uploads", status_code=204, responses=problems())
def tus_options(request: Request, response: Response, case_id: CaseId) -> None:
    """What of the tus protocol is spoken."""
    response.headers.update(
        {
            **TUS,
            "Tus-Version": VERSION,
            "Tus-Extension": "creation,checksum,termination",
            "Tus-Checksum-Algorithm": ",".join(HASHES),
            "Tus-Max-Size": str(request.app.state.settings.max_upload_bytes),
        }
    )


@router.post("/cases/{case_id}/uploads", status_code=201, responses=problems(404, 409, 412, 413))
def begin_upload(
    request: Request,
    response: Response,
    db: DatabaseSession,
    principal: CurrentPrincipal,
    case_id: CaseId,
    upload_length: Annotated[int, Header(ge=0, le=LARGEST, description="Size in bytes.", examples=[1048576])],
    upload_metadata: Annotated[
        str,
        Header(
            max_length=4000,
            description="`filename` and `path` (within the case), each with its value in Base64.",
            examples=["path Y2xpZW50LnBjYXA="],
        ),
    ] = "",
    tus_resumable: TusVersion = None,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Begin a resumable upload; `Location` is where its pieces go. An idempotency key leads to the same one again."""
    _check_version(tus_resumable)
    limit = request.app.state.settings.max_upload_bytes
    if upload_length > limit:
        raise too_large(limit)
    load_head(db, case_id)
    uploads = uploads_of(request)
    upload_id = _upload_id(principal.name, case_id, idempotency_key)
    named = _metadata(upload_metadata)
    path = clean_path(named.get("path") or named.get("filename") or "")
    offset = _earlier(uploads, upload_id, path, upload_length) if idempotency_key is not None else None
    if offset is None:
        bundle = queries.open_bundle(db, case_id)
        upload = PartialUpload(upload_id, case_id, bundle.id, path, upload_length)
        uploads.begin(upload)
        if not upload_length:
            _complete(request, db, uploads, upload)
    response.headers.update({**TUS, "Location": f"/api/v1/uploads/{upload_id}", "Upload-Offset": str(offset or 0)})


def _upload_id(person: str, case_id: int, key: str | None) -> str:
    if key is None:
        return secrets.token_hex(16)
    return hashlib.sha256(f"{person}\n{case_id}\n{key}".encode()).hexdigest()[:32]


def _earlier(uploads: PartialUploads, upload_id: str, path: str, size_bytes: int) -> int | None:
    """How far the upload of the same key is; None where there is none. Raises Conflict where it is of another file."""
    try:
        upload, offset = uploads.find(upload_id)
    except AppError:
        return None
    if (upload.path, upload.size_bytes) != (path, size_bytes):
        raise Conflict(Text("This key was used for another file.", "该幂等键已用于另一个文件。"))
    return offset


@router.head("/uploads/{upload_id}", responses=problems(404, 412))
def upload_state(
    request: Request, response: Response, upload_id: UploadId, tus_resumable: TusVersion = None
) -> Response:
    """How much has arrived: `Upload-Offset` of `Upload-Length`."""
    _check_version(tus_resumable)
    upload, offset = uploads_of(request).find(upload_id)
    return Response(
        status_code=200, headers={**TUS, "Upload-Offset": str(offset), "Upload-Length": str(upload.size_bytes)}
    )


@router.patch(
    "/uploads/{upload_id}",
    status_code=204,
    responses=problems(404, 409, 412, 413, 415, 423, CHECKSUM_MISMATCH),
    openapi_extra={"requestBody": {"required": True, "content": {CONTENT: {"schema": BINARY}}}},
)
async def add_piece(
    request: Request,
    upload_id: UploadId,
    upload_offset: Annotated[int, Header(ge=0, le=LARGEST, description="Where the piece begins.", examples=[0])],
    upload_checksum: Annotated[
        str | None,
        Header(
            description="Name of a hash and its value in Base64, of this piece.",
            max_length=200,
            examples=["sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="],
        ),
    ] = None,
    tus_resumable: TusVersion = None,
) -> Response:
    """Add a piece. What has arrived when a link breaks is kept, unless a checksum came with the piece."""
    _check_version(tus_resumable)
    if request.headers.get("content-type", "").partition(";")[0].strip() != CONTENT:
        raise WrongContent(Text(f"A piece is sent as {CONTENT}.", f"分片须以 {CONTENT} 类型发送。"))
    uploads = uploads_of(request)
    checksum = _checksum(upload_checksum)
    upload, offset = await to_thread.run_sync(uploads.find, upload_id)
    if offset != upload_offset:
        raise Conflict(Text(f"The upload stands at {offset}.", f"该上传当前位于 {offset}。"))
    if upload.sha256 is None:
        offset = await _receive(request, uploads, upload, offset, checksum)
        if offset == upload.size_bytes:
            await to_thread.run_sync(_complete_alone, request, uploads, upload)
    return Response(status_code=204, headers={**TUS, "Upload-Offset": str(offset)})


async def _receive(
    request: Request, uploads: PartialUploads, upload: PartialUpload, offset: int, checksum: tuple[str, bytes] | None
) -> int:
    digest = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
    start = offset
    with uploads.appending(upload.id) as file:
        if file.tell() != start:
            raise Conflict(Text("Another request added a piece meanwhile.", "另一个请求已写入内容。"))
        async for block in request.stream():
            if offset + len(block) > upload.size_bytes:
                file.truncate(start)
                raise too_large(upload.size_bytes)
            await to_thread.run_sync(file.write, block)
            offset += len(block)
            if digest is not None:
                digest.update(block)
        if digest is not None and checksum is not None and digest.digest() != checksum[1]:
            file.truncate(start)
            raise WrongChecksum(Text("The piece does not have this checksum.", "分片的校验和不符。"))
    return offset


def _complete_alone(request: Request, uploads: PartialUploads, upload: PartialUpload) -> None:
    with request.app.state.sessions() as db, db.begin():
        _complete(request, db, uploads, upload)


def _complete(request: Request, db: Any, uploads: PartialUploads, upload: PartialUpload) -> None:
    load_head(db, upload.case_id)
    stored = uploads.finish(upload, request.app.state.storage)
    bundle_id = upload.bundle_id
    if not queries.has_bundle(db, upload.case_id, bundle_id):
        bundle_id = queries.open_bundle(db, upload.case_id).id
    queries.add_upload(db, bundle_id, upload.path, stored.sha256, stored.size_bytes)


@router.delete("/uploads/{upload_id}", status_code=204, responses=problems(404, 412))
def give_up(request: Request, upload_id: UploadId, tus_resumable: TusVersion = None) -> Response:
    """Forget an upload; what had arrived whole stays in its case."""
    _check_version(tus_resumable)
    uploads = uploads_of(request)
    uploads.find(upload_id)
    uploads.remove(upload_id)
    return Response(status_code=204, headers=TUS)


def uploads_of(request: Request) -> PartialUploads:
    return PartialUploads(request.app.state.settings.var / "partial")


def _check_version(version: str | None) -> None:
    if version not in (None, VERSION):
        raise WrongVersion(Text(f"Only tus {VERSION} is spoken here.", f"仅支持 tus {VERSION}。"))


def _metadata(header: str) -> dict[str, str]:
    """`name base64,name base64`, values that cannot be read left out."""
    found = {}
    for pair in header.split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            continue
    return found


def _checksum(header: str | None) -> tuple[str, bytes] | None:
    if header is None:
        return None
    name, _, value = header.partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if name not in HASHES or not digest:
        raise Rejected(Text(f"A checksum is one of {', '.join(HASHES)} and its value in Base64.", "校验和格式不正确。"))
    return name, digest
