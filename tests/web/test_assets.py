"""How long browsers keep the files of `static/`."""

from __future__ import annotations

from pathlib import Path

import anyio
import httpx
from starlette.applications import Starlette

from app.config import STATIC
from app.web.assets import Assets


def test_what_has_its_version_in_its_name_is_kept_and_the_rest_asked_for_again() -> None:
    app = Starlette()
    app.mount("/static", Assets(directory=STATIC))
    vendored = next(path.name for path in Path(STATIC, "vendor").glob("plotly*.js"))

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            assert "immutable" in (await client.get(f"/static/vendor/{vendored}")).headers["cache-control"]
            own = await client.get("/static/page.js")
            assert own.headers["cache-control"] == "no-cache"
            again = await client.get("/static/page.js", headers={"If-None-Match": own.headers["etag"]})
            assert again.status_code == 304

    anyio.run(ask)
