"""The REST API, version 1: everything that a browser can do, for programs."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from app.web.api import (
    accounts,
    analyses,
    cases,
    comparison,
    documents,
    filters,
    formats,
    keeping,
    operations,
    resumable,
    sharing,
    sources,
    webhooks,
)
from app.web.security import require_same_origin

PREFIX = "/api/v1"

router = APIRouter(prefix=PREFIX, dependencies=[Depends(require_same_origin)])
PARTS = (
    cases, resumable, analyses, comparison, sources, formats, documents, sharing, filters, accounts, keeping, webhooks,
    operations,
)  # fmt: skip
for part in PARTS:
    router.include_router(part.router)
