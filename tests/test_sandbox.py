"""What a program that reads foreign bytes can do: tried by programs that try it, behind every kind of wall."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app import closed_start, sandbox
from app.sandbox import MIB, ToolLimits, Walls
from app.tools import ToolError, end_tool, run_tool, start_tool

WAIT_S = 30


@pytest.fixture(params=list(Walls))
def behind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Walls:
    """Every kind of wall that this machine allows."""
    if list(Walls).index(request.param) < list(Walls).index(sandbox.walls()):
        pytest.skip("this machine does not permit it")
    monkeypatch.setattr(sandbox, "walls", lambda: request.param)
    return request.param


@pytest.fixture
def strongest() -> None:
    if sandbox.walls() is not Walls.BUBBLEWRAP:
        pytest.skip("no bubblewrap here")


def test_memory_is_limited(behind: Walls) -> None:
    grow = ["perl", "-e", 'my $x = "x" x 400_000_000; print length $x']
    assert run_tool(grow) == b"400000000"
    with pytest.raises(ToolError):
        run_tool(grow, ToolLimits(memory_bytes=300 * MIB))


def test_processor_time_is_limited(behind: Walls) -> None:
    with pytest.raises(ToolError):
        run_tool(["sh", "-c", "while :; do :; done"], ToolLimits(seconds=WAIT_S, cpu_seconds=1))


def test_what_it_writes_is_limited(behind: Walls, tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    let_in(tmp_path)
    with pytest.raises(ToolError):
        run_tool(["dd", "if=/dev/zero", f"of={folder}/x", "bs=1M", "count=4"], ToolLimits(file_bytes=MIB))
    assert sum(path.stat().st_size for path in folder.iterdir()) <= MIB


def let_in(folder: Path) -> None:
    """pytest keeps its folders closed to the account that tools run as, however deep they lie."""
    for part in (folder, *folder.parents):
        if part.stat().st_mode & 0o001 == 0:
            part.chmod(part.stat().st_mode | 0o011)


def test_it_dies_with_who_started_it(behind: Walls) -> None:
    """A worker that is killed takes along what reads a capture, even a dissector in an endless loop."""
    if behind is Walls.LIMITS:
        pytest.skip("needs seccomp or bubblewrap")
    seconds = str(7_000 + os.getpid() % 1_000)
    starter = (
        "import sys, time; from app import sandbox; from app.tools import start_tool;"
        f"sandbox.walls = lambda: sandbox.Walls({behind.value!r});"
        f"start_tool(['sleep', '{seconds}'], sandbox.LIMITS); print('on', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        wait_until(lambda: sleepers(seconds))
        process.kill()
    wait_until(lambda: not sleepers(seconds))


def sleepers(seconds: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "name"])
        if process.info["name"] == "sleep" and process.info["cmdline"] == ["/usr/bin/sleep", seconds]
    ]


def wait_until(is_it: object) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_it():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_is_ended_with_everything_that_it_started(behind: Walls) -> None:
    seconds = str(8_000 + os.getpid() % 1_000)
    process = start_tool(["sh", "-c", f"/usr/bin/sleep {seconds} & /usr/bin/sleep {seconds}"], sandbox.LIMITS)
    wait_until(lambda: len(sleepers(seconds)) == 2)
    end_tool(process)
    process.communicate()
    wait_until(lambda: not sleepers(seconds))


def test_tshark_reads_a_capture(behind: Walls) -> None:
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    frame = bytes.fromhex("4500001c000100004011b6ce7f0000017f000001233b233b00080000")
    capture = header + struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame
    assert run_tool(["tshark", "-n", "-r", "-", "-T", "fields", "-e", "udp.port"], stdin=capture) == b"9019,9019\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
def test_root_is_given_up(behind: Walls) -> None:
    assert run_tool(["id", "-u"]) == b"65534\n"
    with pytest.raises(ToolError):
        run_tool(["cat", "/etc/shadow"])


def test_it_can_gain_no_privileges(behind: Walls) -> None:
    if behind is Walls.LIMITS:
        pytest.skip("needs seccomp or bubblewrap")
    script = "print syscall(157, 39, 0, 0, 0, 0)"  # prctl(PR_GET_NO_NEW_PRIVS) on x86-64
    assert run_tool(["perl", "-e", script]) == b"1"


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_network_is_closed(behind: Walls, listener: int) -> None:
    if behind is Walls.LIMITS:
        pytest.skip("needs seccomp or bubblewrap")
    connect = f'use IO::Socket::INET; exit(IO::Socket::INET->new("127.0.0.1:{listener}") ? 0 : 7)'
    assert subprocess.run(["perl", "-e", connect], check=False).returncode == 0
    with pytest.raises(ToolError, match="ended with 7"):
        run_tool(["perl", "-e", connect])


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86-64")
@pytest.mark.parametrize(
    ("call", "refused"),
    [
        ("41, 1, 1, 0", True),  # socket(AF_UNIX, …): another program's door may be there
        ("41 + 0x40000000, 2, 1, 0", True),  # the same by the numbers of x32
        ("425, 8, 0", True),  # io_uring_setup
        ("39", False),  # getpid
    ],
)
def test_no_other_call_opens_a_socket(call: str, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "walls", lambda: Walls.NO_SOCKETS)
    said = run_tool(["perl", "-e", f"my $made = syscall({call}); print $made < 0 ? int($!) : 0"])
    assert said == (b"13" if refused else b"0")


def test_an_architecture_whose_calls_are_unknown_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("started"))
    with pytest.raises(KeyError):
        closed_start.main(-1, ["/bin/true"])


def test_no_file_of_ours_is_there_and_nothing_can_be_written(strongest: None, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    with pytest.raises(ToolError):
        run_tool(["cat", str(secret)])
    assert run_tool(["ls", "/"]).split() == [
        name.encode() for name in sorted(["dev", "etc", *(f.name for f in sandbox.SYSTEM if f.exists())])
    ]
    for place in ("/x", "/etc/x", "/usr/x", "/dev/x"):
        with pytest.raises(ToolError):
            run_tool(["sh", "-c", f"echo x > {place}"])


def test_no_other_process_can_be_reached(strongest: None) -> None:
    with pytest.raises(ToolError):
        run_tool(["sh", "-c", f"kill -0 {os.getpid()}"])


def test_where_bubblewrap_is_not_allowed_the_next_best_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forbidden = tmp_path / "bwrap"
    forbidden.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2; exit 1\n")
    forbidden.chmod(0o755)
    let_in(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert shutil.which("bwrap") == str(forbidden)
    found = sandbox.walls.__wrapped__()
    assert found is not Walls.BUBBLEWRAP
    assert sandbox.WEAKER[found].zh
