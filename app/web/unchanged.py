"""Answers that a browser may keep: figures made of nothing but a finished analysis and the reader's view.

A browser asks again each time, so that every request passes the guard: who may no longer see a case gets no "not
modified". What it then saves is the work of making the figure, and the way.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from fastapi import Request
from fastapi.responses import Response

from app.web.view import View

# Another release may draw otherwise; it runs in another process.
_PROCESS = secrets.token_hex(4)


def kept_json(request: Request, analysis_id: int, view: View, make: Callable[[], bytes]) -> Response:
    """`make()` as an answer, unless the browser has it: the same analysis, address, language and zone."""
    known_by = (_PROCESS, analysis_id, view.language, view.zone, view.viewer_zone, view.path, view.query)
    tag = f'"{hashlib.sha256(repr(known_by).encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Language, Cookie"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(make(), media_type="application/json", headers=headers)
