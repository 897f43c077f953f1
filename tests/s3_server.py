"""A real S3-compatible server as a process of its own, that can be away and come back."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from app.serve import free_port

KEY, SECRET = "test-key", "test-secret-of-the-store"
BUCKET = "bundles"


class S3Server:
    """`rclone serve s3` on a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / BUCKET).mkdir(parents=True)
        self.port = free_port("127.0.0.1", 0)
        self.url = f"s3://{BUCKET}/files?endpoint=http://127.0.0.1:{self.port}"
        self.environment = {"STORAGE_URL": self.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        rclone = Path(sys.executable).with_name("rclone")
        arguments = ["--addr", f"127.0.0.1:{self.port}", "--auth-key", f"{KEY},{SECRET}", "--config", "/dev/null"]
        command = [str(rclone), "serve", "s3", *arguments, str(self.folder)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail("the S3 server does not listen")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
