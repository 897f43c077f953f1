"""The files of `static/`: what has its version in its name is kept by browsers, the rest is asked for again.

Texts go out compressed where the browser takes that: the plotting library is 1.2 MB, and a third of it compressed.
"""

from __future__ import annotations

import gzip
import os
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"  # by its ETag: a new release of the product is seen at once
TEXTS = frozenset({".js", ".css", ".svg"})


class Assets(StaticFiles):
    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        path = Path(full_path)
        response.headers["Cache-Control"] = FOREVER if path.parent.name == "vendor" else ASK_AGAIN
        if path.suffix in TEXTS:
            response.headers["Vary"] = "Accept-Encoding"
            if isinstance(response, FileResponse) and _takes_compressed(scope):
                return _compressed(path, stat_result, response)
        return response


def _takes_compressed(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return scope["method"] == "GET" and "range" not in headers and "gzip" in headers.get("accept-encoding", "")


def _compressed(path: Path, stat_result: os.stat_result, plain: FileResponse) -> Response:
    packed = Response(_pack(path, stat_result.st_mtime_ns), media_type=plain.media_type)
    for name in ("Cache-Control", "Vary", "Last-Modified"):
        packed.headers[name] = plain.headers[name]
    packed.headers["ETag"] = "W/" + plain.headers["ETag"]  # the same file, not the same bytes
    packed.headers["Content-Encoding"] = "gzip"
    return packed


@lru_cache(maxsize=64)
def _pack(path: Path, _mtime_ns: int) -> bytes:
    """Once for each file and process; a file that changed is another one."""
    return gzip.compress(path.read_bytes(), 6, mtime=0)
