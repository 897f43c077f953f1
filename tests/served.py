"""The application on a port of loopback, as `eadscope web` serves it: uvicorn leaves the log to us."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
import uvicorn
from fastapi import FastAPI


@contextmanager
def served(app: FastAPI, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Client]:
    """A client of it that sends `headers` with each request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        fresh = httpx.Limits(max_keepalive_connections=0)  # a fault closes its connection
        with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60, limits=fresh) as client:
            yield client
        server.should_exit = True
        thread.join(10)
