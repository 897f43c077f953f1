"""The REST API, version 1: everything that a browser can do, for programs."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from app.web.api import analyses, cases, documents, resumable, sources, webhooks
from app.web.security import require_same_origin

PREFIX = "/api/v1"

router = APIRouter(prefix=PREFIX, dependencies=[Depends(require_same_origin)])
for part in (cases, resumable, analyses, sources, documents, webhooks):
    router.include_router(part.router)
