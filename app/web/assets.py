"""The files of `static/`: what has its version in its name is kept by browsers, the rest is asked for again."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"  # by its ETag: a new release of the product is seen at once


class Assets(StaticFiles):
    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        is_versioned = Path(full_path).parent.name == "vendor"
        response.headers["Cache-Control"] = FOREVER if is_versioned else ASK_AGAIN
        return response
