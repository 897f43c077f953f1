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


def test_texts_are_compressed_for_whoever_takes_that_and_asked_for_again_by_the_same_mark() -> None:
    app = Starlette()
    app.mount("/static", Assets(directory=STATIC))
    library = next(Path(STATIC, "vendor").glob("plotly*.js"))
    address = f"/static/vendor/{library.name}"

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            plain = await client.get(address, headers={"Accept-Encoding": "identity"})
            packed = await client.get(address, headers={"Accept-Encoding": "gzip"})
            assert "content-encoding" not in plain.headers
            assert packed.headers["content-encoding"] == "gzip"
            assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
            assert int(packed.headers["content-length"]) < library.stat().st_size / 2
            assert plain.content == packed.content == library.read_bytes()
            assert "immutable" in packed.headers["cache-control"]
            asked = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]}
            assert (await client.get(address, headers=asked)).status_code == 304

    anyio.run(ask)
