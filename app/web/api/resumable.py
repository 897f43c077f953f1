"""Files into a case: one request a file, or resumable (tus 1.0.0)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query, Request, Response

from app import partial_uploads
from app.core.records import Text
from app.db import bundle_queries
from app.db.models import PartialUpload
from app.db.quota import require_room
from app.db.session import DatabaseSession
from app.errors import AppError, Conflict
from app.partial_uploads import Damaged, Receiver, RunningHashes
from app.storage import Moved, Storage, Stored
from app.web.api.cases import IdempotencyKey
from app.web.api.principal import CurrentPrincipal
from app.web.api.problems import CHECKSUM_MISMATCH, problems
from app.web.api.shapes import CaseId, StoredFile
from app.web.api.tus import (
    CONTENT,
    EXTENSIONS,
    HASHES,
    VERSION,
    check_version,
    expires,
    metadata,
    piece_checksum,
    repr_digest,
    whole_sha256,
)
from app.web.cases import load_head
from app.web.receiving import TooLong, WrongPiece, receive
from app.web.uploads import clean_path, register, store_stream, too_large

router = APIRouter(tags=["files"])
LARGEST = 2**53
UploadId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0123456789abcdef0123456789abcdef"])]
TusVersion = Annotated[str | None, Header(description="The version of the protocol; 1.0.0 where it is left out.")]
WholeDigest = Annotated[
    str | None,
    Header(
        description="`sha-256` of the whole file (RFC 9530). It is compared when everything has arrived.",
        max_length=500,
        examples=["sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"],
    ),
]
BINARY = {"type": "string", "format": "binary"}


class WrongContent(AppError):
    status = 415


@router.put(
    "/cases/{case_id}/files",
    status_code=201,
    responses=problems(404, 413),
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": BINARY}}}},
)
async def put_file(
    request: Request,
    principal: CurrentPrincipal,
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
    expected = int(announced) if announced.isdecimal() else 0
    await to_thread.run_sync(_check_case, state.sessions, case_id, principal.user_id, expected)
    stored = await to_thread.run_sync(store_stream, state.storage, request.stream(), limit)
    await to_thread.run_sync(_register, state, case_id, name, stored, principal.user_id)
    return StoredFile(path=name, sha256=stored.sha256, size_bytes=stored.size_bytes)


def _check_case(sessions: Any, case_id: int, user_id: int | None, size_bytes: int) -> None:
    with sessions() as db:
        load_head(db, case_id)
        require_room(db, user_id, size_bytes)


def _register(state: Any, case_id: int, path: str, stored: Stored, user_id: int | None) -> None:
    with state.sessions() as db, db.begin():
        load_head(db, case_id)
        register(db, state.storage, bundle_queries.open_bundle(db, case_id).id, path, stored, user_id)


@router.options("/cases/{case_id}/uploads", status_code=204, responses=problems(404))
def tus_options(request: Request, response: Response, case_id: CaseId) -> None:
    """What of the tus protocol is spoken."""
    response.headers.update(
        {
            "Tus-Version": VERSION,
            "Tus-Extension": ",".join(EXTENSIONS),
            "Tus-Checksum-Algorithm": ",".join(HASHES),
            "Tus-Max-Size": str(request.app.state.settings.max_upload_bytes),
        }
    )


@router.post(
    "/cases/{case_id}/uploads",
    status_code=201,
    responses=problems(404, 409, 412, 413, 415, 423, CHECKSUM_MISMATCH),
    openapi_extra={"requestBody": {"required": False, "content": {CONTENT: {"schema": BINARY}}}},
)
async def begin_upload(
    request: Request,
    response: Response,
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
    upload_checksum: Annotated[str | None, Header(description="Of the piece in the body.", max_length=200)] = None,
    repr_digest: WholeDigest = None,
    tus_resumable: TusVersion = None,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Begin a resumable upload; `Location` is where its pieces go, and the body may hold the first one already. An
    idempotency key leads to the same upload again."""
    check_version(tus_resumable)
    limit = request.app.state.settings.max_upload_bytes
    if upload_length > limit:
        raise too_large(limit)
    named = metadata(upload_metadata)
    wanted = PartialUpload(
        id=_upload_id(principal.name, case_id, idempotency_key),
        case_id=case_id,
        path=clean_path(named.get("path") or named.get("filename") or ""),
        size_bytes=upload_length,
        user_id=principal.user_id,
        expected_sha256=whole_sha256(repr_digest),
        touched_at=datetime.now(UTC),
    )
    checksum = piece_checksum(upload_checksum)
    upload, offset = await to_thread.run_sync(_begin, request.app.state, wanted, idempotency_key is not None)
    response.headers["Location"] = f"/api/v1/uploads/{upload.id}"
    if _has_piece(request) and offset == 0:
        upload, offset = await _add(request, upload, 0, checksum)
    response.headers.update(_state(upload, offset))


def _begin(state: Any, wanted: PartialUpload, is_named: bool) -> tuple[PartialUpload, int]:
    with state.sessions() as db, db.begin():
        load_head(db, wanted.case_id)
        earlier = db.get(PartialUpload, wanted.id) if is_named else None
        if earlier is not None:
            if (earlier.path, earlier.size_bytes) != (wanted.path, wanted.size_bytes):
                raise Conflict(Text("This key was used for another file.", "该幂等键已用于另一个文件。"))
            return earlier, partial_uploads.arrived(state.storage, earlier)
        wanted.bundle_id = bundle_queries.open_bundle(db, wanted.case_id).id
        partial_uploads.begin(db, wanted)
    return (wanted, 0) if wanted.size_bytes else _complete(state, wanted.id)


def _upload_id(person: str, case_id: int, key: str | None) -> str:
    if key is None:
        return secrets.token_hex(16)
    return hashlib.sha256(f"{person}\n{case_id}\n{key}".encode()).hexdigest()[:32]


def _has_piece(request: Request) -> bool:
    return _content_type(request) == CONTENT


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip()


@router.head("/uploads/{upload_id}", responses=problems(404, 412))
def upload_state(request: Request, upload_id: UploadId, tus_resumable: TusVersion = None) -> Response:
    """How much has arrived: `Upload-Offset` of `Upload-Length`; once it is whole, its hash in `Repr-Digest`."""
    check_version(tus_resumable)
    upload, offset = _look(request.app.state, upload_id)
    if upload.sha256 is None and offset == upload.size_bytes:
        # A process that was killed after the last byte left it so; the client will not send another one.
        upload, offset = _complete(request.app.state, upload_id)
    return Response(status_code=200, headers={**_state(upload, offset), "Upload-Length": str(upload.size_bytes)})


def _look(state: Any, upload_id: str) -> tuple[PartialUpload, int]:
    with state.sessions() as db:
        upload = partial_uploads.find(db, upload_id)
    return upload, partial_uploads.arrived(state.storage, upload)


def _state(upload: PartialUpload, offset: int) -> dict[str, str]:
    headers = {"Upload-Offset": str(offset), "Upload-Expires": expires(upload.touched_at)}
    if upload.sha256 is not None:
        headers["Repr-Digest"] = repr_digest(upload.sha256)
    return headers


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
    repr_digest: WholeDigest = None,
    tus_resumable: TusVersion = None,
) -> Response:
    """Add a piece. What has arrived when a link breaks is kept, unless a checksum came with the piece."""
    check_version(tus_resumable)
    if not _has_piece(request):
        raise WrongContent(Text(f"A piece is sent as {CONTENT}.", f"分片须以 {CONTENT} 类型发送。"))
    checksum, expected = piece_checksum(upload_checksum), whole_sha256(repr_digest)
    upload, offset = await to_thread.run_sync(_look, request.app.state, upload_id)
    if offset != upload_offset:
        raise Moved(offset)
    if upload.sha256 is None:
        upload, offset = await _add(request, upload, offset, checksum, expected)
    return Response(status_code=204, headers=_state(upload, offset))


async def _add(
    request: Request,
    upload: PartialUpload,
    offset: int,
    checksum: tuple[str, bytes] | None,
    expected: str | None = None,
) -> tuple[PartialUpload, int]:
    state = request.app.state
    receiver = Receiver(state.storage, state.running_hashes, upload.id, offset)
    try:
        await receive(request.stream(), receiver, upload.size_bytes - offset, checksum)
    except TooLong as error:
        raise too_large(upload.size_bytes) from error
    except WrongPiece as error:
        raise Damaged(Text("The piece does not have this checksum.", "分片的校验和不符。")) from error
    if receiver.offset < upload.size_bytes:
        return await to_thread.run_sync(_touch, state, upload.id), receiver.offset
    return await to_thread.run_sync(_complete, state, upload.id, expected)


def _touch(state: Any, upload_id: str) -> PartialUpload:
    with state.sessions() as db, db.begin():
        partial_uploads.touch(db, upload_id)
        return partial_uploads.find(db, upload_id)


def _complete(state: Any, upload_id: str, expected: str | None = None) -> tuple[PartialUpload, int]:
    storage: Storage = state.storage
    hashes: RunningHashes = state.running_hashes
    with state.sessions() as db, db.begin():
        upload = partial_uploads.find(db, upload_id)
        if expected is not None and upload.sha256 is None:
            upload.expected_sha256 = expected
            db.flush()
        upload = partial_uploads.finish(db, storage, hashes, upload_id)
    partial_uploads.clear(storage, hashes, upload_id)
    return upload, upload.size_bytes


@router.delete("/uploads/{upload_id}", status_code=204, responses=problems(404, 412))
def give_up(request: Request, db: DatabaseSession, upload_id: UploadId, tus_resumable: TusVersion = None) -> Response:
    """Forget an upload; what had arrived whole stays in its case."""
    check_version(tus_resumable)
    db.delete(partial_uploads.find(db, upload_id))
    db.commit()
    partial_uploads.clear(request.app.state.storage, request.app.state.running_hashes, upload_id)
    return Response(status_code=204)
