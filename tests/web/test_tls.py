"""Behind a real TLS front: the cookies of a network service, kept and forgotten by a real browser."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.access import Role
from app.accounts.people import add_user
from app.config import Settings
from app.main import create_app
from app.serve import free_port
from tests.served import served

PASSWORD = "correct horse battery"
NGINX = """
worker_processes 1; error_log stderr; pid {folder}/nginx.pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location / {{
      proxy_pass {behind};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto https;
    }}
  }}
}}
"""


@pytest.fixture
def tls_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """The application as a network service, behind nginx with a certificate of its own."""
    options = Settings(DATABASE_URL=database_url, var=tmp_path, host="0.0.0.0", secret="s" * 40)  # type: ignore[call-arg]
    app = create_app(options)
    with app.state.sessions() as db, db.begin():
        add_user(db, "tls-anna", Role.SUPPORT, PASSWORD)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    with served(app) as client:  # bound to loopback all the same
        port = free_port("127.0.0.1", 0)
        (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, port=port, behind=str(client.base_url)))
        # As root its own workers would give up their rights, and with them the folder of the test.
        more = "daemon off; user root;" if os.getuid() == 0 else "daemon off;"
        environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
        nginx = subprocess.Popen(["nginx", "-c", str(tmp_path / "nginx.conf"), "-g", more], env=environment)
        try:
            _wait_for(port, nginx)
            yield f"https://127.0.0.1:{port}"
        finally:
            nginx.terminate()
            nginx.wait(30)


def _wait_for(port: int, nginx: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert nginx.poll() is None and time.monotonic() < deadline, "nginx does not answer"
            time.sleep(0.05)


def test_a_browser_keeps_the_secure_cookie_over_tls_and_forgets_it_at_signing_out(tls_url: str, browser: Any) -> None:
    context = browser.stranger(ignore_https_errors=True, locale="en-GB")
    page = context.new_page()
    page.goto(f"{tls_url}/cases")
    page.get_by_label("User name").fill("tls-anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{tls_url}/cases")
    (session,) = [cookie for cookie in context.cookies() if "session" in cookie["name"]]
    assert session["name"].startswith("__Host-")
    assert (session["secure"], session["httpOnly"], session["sameSite"]) == (True, True, "Lax")
    page.goto(f"{tls_url}/account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(f"{tls_url}/login**")
    assert [cookie["name"] for cookie in context.cookies() if "session" in cookie["name"]] == []
    context.close()
