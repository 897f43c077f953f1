"""Uploads against plain nginx on the same machine, and how much memory one takes.

python -m bench.uploads [MEGABYTES] [GIGABYTES OF THE LARGE ONE]

curl sends the same file by turns to nginx (WebDAV, a plain file on the same disk) and to the product (one PATCH of an
upload); each time with another content, for the product keeps the same one once. Prints the speeds, their ratio, the
processor time of each side, and the peak memory of the web process and the worker over an upload of several gigabytes.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from app.config import ROOT
from app.serve import free_port
from tests.people import open_link

ROUNDS = 5
PIECE = 32 * 1024 * 1024
BLOCK = 8 * 1024 * 1024
PLAIN = """
daemon off; pid {folder}/nginx.pid; error_log stderr crit; worker_processes 1; {user}
events {{}}
http {{ access_log off; client_body_temp_path {folder}/body; server {{
  listen 127.0.0.1:{port}; root {folder}/plain; client_max_body_size 0;
  location / {{ dav_methods PUT DELETE; create_full_put_path on; }} }} }}
"""


def main(megabytes: int, gigabytes: int) -> None:
    with tempfile.TemporaryDirectory(prefix="eadscope-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with nginx(folder) as (plain, server), product(folder) as (url, process):
            compare(folder, (plain, server), (url, process), megabytes)
            if gigabytes:
                large(folder, url, process, gigabytes)


def compare(
    folder: Path, nginx: tuple[str, psutil.Process], product: tuple[str, psutil.Process], megabytes: int
) -> None:
    (plain, server), (url, process) = nginx, product
    before = [processor_s(server), processor_s(process)]
    file = folder / "input"
    with file.open("wb") as out:
        for _ in range(megabytes):
            out.write(os.urandom(1_000_000))
    speeds: dict[str, list[float]] = {"nginx": [], "product": []}
    for number in range(ROUNDS):
        with file.open("r+b") as out:
            out.write(os.urandom(1_000))
        speeds["nginx"].append(curl("PUT", f"{plain}/{number}", file))
        speeds["product"].append(curl("PATCH", begin(url, file.stat().st_size), file))
        (folder / "plain" / str(number)).unlink()
    for name, values in speeds.items():
        print(f"{name}: median {statistics.median(values) / 1e6:.0f} MB/s, best {max(values) / 1e6:.0f} MB/s")
    used = [processor_s(server) - before[0], processor_s(process) - before[1]]
    print(f"processor time for a gigabyte: nginx {used[0] / ROUNDS / megabytes * 1000:.2f} s, "
          f"product {used[1] / ROUNDS / megabytes * 1000:.2f} s")  # fmt: skip
    ratios = [ours / theirs for ours, theirs in zip(speeds["product"], speeds["nginx"], strict=True)]
    print(f"product / nginx: {statistics.median(ratios):.2f} (of turns: {', '.join(f'{r:.2f}' for r in ratios)})")
    file.unlink()


def processor_s(process: psutil.Process) -> float:
    """Of the process and what it started, the database and the worker too."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def large(folder: Path, url: str, process: psutil.Process, gigabytes: int) -> None:
    """In pieces, as the browser sends them; the content is made on the way, so the disk holds it once."""
    size = gigabytes * 1_000_000_000
    place, block, began = begin(url, size), os.urandom(BLOCK), time.monotonic()
    with Peak(process) as peak, httpx.Client(trust_env=False, timeout=600, headers=PERSON) as client:
        for offset in range(0, size, PIECE):
            length = min(PIECE, size - offset)
            headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            client.patch(place, headers={**headers, "Content-Length": str(length)}, content=blocks(block, length))
        answer = client.head(place)
        assert answer.headers["upload-offset"] == str(size) and "repr-digest" in answer.headers
        seconds = time.monotonic() - began
        print(f"{gigabytes} GB in pieces: {size / seconds / 1e6:.0f} MB/s")
        case = place_of_case[place]
        client.post(f"{url}/api/v1/cases/{case}/analysis").raise_for_status()
        while client.get(f"{url}/api/v1/cases/{case}/analysis?wait=30").json()["state"] in ("queued", "running"):
            pass
    for name, value in peak.bytes.items():
        print(f"peak memory of {name}: {value / 2**20:.0f} MiB (before: {peak.before[name] / 2**20:.0f} MiB)")


def blocks(block: bytes, length: int) -> Iterator[bytes]:
    while length:
        part = block[: min(length, len(block))]
        length -= len(part)
        yield part


place_of_case: dict[str, int] = {}
PERSON: dict[str, str] = {}  # the headers of whoever is signed in


def begin(url: str, size: int) -> str:
    with httpx.Client(base_url=url, trust_env=False, timeout=60, headers=PERSON) as client:
        case = client.post("/api/v1/cases", json={"title": "bench"}).json()["id"]
        named = "path " + base64.b64encode(b"bench.bin").decode()
        headers = {"Upload-Length": str(size), "Upload-Metadata": named, "Tus-Resumable": "1.0.0"}
        place = url + client.post(f"/api/v1/cases/{case}/uploads", headers=headers).headers["location"]
    place_of_case[place] = case
    return place


def curl(method: str, url: str, file: Path) -> float:
    """Bytes a second from the first byte to the answer."""
    headers = ["-H", "Upload-Offset: 0", "-H", "Content-Type: application/offset+octet-stream", "-H", "Expect:"]
    if method == "PATCH":
        headers += [part for key, value in PERSON.items() for part in ("-H", f"{key}: {value}")]
    command = ["curl", "-sS", "--noproxy", "*", "-X", method, "-T", str(file), *headers, "-o", "/dev/null"]
    command += ["-w", "%{http_code} %{time_total}", url]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    status, seconds = told.stdout.split()
    assert status in ("201", "204"), told.stdout
    return file.stat().st_size / float(seconds)


class Peak:
    """The largest resident memory of the web process, and of the worker with the analysis that it runs."""

    def __init__(self, process: psutil.Process) -> None:
        children = process.children()
        self._roots = {
            name: next(child for child in children if f"app.commands.{name}" in child.cmdline())
            for name in ("web", "worker")
        }
        self.before = self._now()
        self.bytes = dict(self.before)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _now(self) -> dict[str, int]:
        found = {}
        for name, root in self._roots.items():
            found[name] = 0
            for process in (root, *root.children(recursive=True)):
                try:
                    found[name] = max(found[name], process.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
        return found

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            for name, value in self._now().items():
                self.bytes[name] = max(self.bytes[name], value)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()


@contextmanager
def nginx(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    port = free_port("127.0.0.1", 0)
    (folder / "plain").mkdir()
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(PLAIN.format(folder=folder, port=port, user=user))
    found = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([found, "-c", str(folder / "nginx.conf")])
    try:
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def product(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    environment = {**os.environ, "EADSCOPE_VAR": str(folder / "var"), "EADSCOPE_PORT": "0", "EADSCOPE_EXAMPLE": "false"}
    process = psutil.Popen(
        [sys.executable, "-P", "-m", "app.cli", "serve"],
        env={**environment, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        link = process.stdout.readline().split()[-1]
        person, _ = open_link(link)
        cookies = "; ".join(f"{key}={value}" for key, value in person.cookies.items())
        PERSON.update({**person.headers, "Cookie": cookies})
        yield "/".join(link.split("/")[:3]), psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, int(sys.argv[2]) if len(sys.argv) > 2 else 5)
