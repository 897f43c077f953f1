"""A small real network in network namespaces: terminals – bridge – router – firewall – server.

Every interface is made inside its namespace, so nothing of the machine itself is touched; names carry the process id,
and leaving the context removes all of it. Sockets, fragmentation, forwarding and drops are the kernel's own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
SERVER_IP = "10.77.3.40"
PLACES = {"uplink": ("acc", "up"), "fwout": ("fw", "out"), "fwin": ("fw", "in"), "server": ("srv", "eth0")}
LATER = "ip frag-off & 0x1fff != 0"
FIRST = "ip frag-off & 0x3fff == 0x2000"
ANY_FRAGMENT = "ip frag-off & 0x3fff != 0"


def missing_for_lab() -> str:
    """Why the lab cannot run here; empty where it can."""
    if os.geteuid() != 0:
        return "the lab needs root"
    for tool in ("ip", "nft", "tcpdump"):
        if shutil.which(tool) is None:
            return f"the lab needs {tool}"
    probe = f"eadlab{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespaces here: {made.stderr.strip()}"
    with contextlib.suppress(subprocess.CalledProcessError):
        subprocess.run(
            ["ip", "netns", "exec", probe, "nft", "add", "table", "ip", "x"], check=True, capture_output=True
        )
        subprocess.run(["ip", "netns", "delete", probe], check=True)
        return ""
    subprocess.run(["ip", "netns", "delete", probe], check=False)
    return "nft does not work in a namespace here"


@dataclass(frozen=True)
class Sniffer:
    process: subprocess.Popen[str]
    file: Path


@dataclass
class Lab:
    """`folder` receives the bundle: captures as they are stopped, logs as clients and server end."""

    folder: Path
    terminals: int = 2
    router_mtu: int = 1500
    has_two_paths: bool = False
    _made: list[str] = field(default_factory=list)
    _sniffers: dict[str, Sniffer] = field(default_factory=dict)
    _processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def namespace(self, name: str) -> str:
        return f"eadlab{os.getpid()}-{name}"

    def terminal_ip(self, number: int) -> str:
        return f"10.77.1.{10 + number}"

    # ------------------------------------------------------------ building

    def _build(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        names = [f"t{number}" for number in range(1, self.terminals + 1)]
        for name in (*names, "acc", "r1", "fw", "srv", "mon"):
            subprocess.run(["ip", "netns", "add", self.namespace(name)], check=True, capture_output=True)
            self._made.append(name)
            self._ip(name, ["link set dev lo up"])
            settings = ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]
            if name in ("r1", "fw"):
                settings += ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0"]
            self.run(name, ["sysctl", "-qw", *settings])
        self._ip("acc", ["link add name br0 type bridge", "link set dev br0 up"])
        for number, name in enumerate(names, 1):
            self._join((name, "eth0"), ("acc", f"p{number}"))
            self._ip("acc", [f"link set dev p{number} master br0"])
            mac = f"3c:52:82:77:00:{number:02x}"
            self._ip(name, [f"link set dev eth0 address {mac}", f"addr add {self.terminal_ip(number)}/24 dev eth0"])
            self._ip(name, ["route add default via 10.77.1.254"])
        self._join(("acc", "up"), ("r1", "in"))
        self._ip("acc", ["link set dev up master br0"])
        self._ip("r1", ["addr add 10.77.1.254/24 dev in"])
        self._join_router_and_firewall("out", "10.77.2.1", "10.77.2.2", is_main=True)
        if self.has_two_paths:
            self._join_router_and_firewall("outb", "10.77.2.5", "10.77.2.6", is_main=False)
        self._join(("fw", "in"), ("srv", "eth0"))
        self._ip("fw", ["addr add 10.77.3.1/24 dev in", "route add 10.77.1.0/24 via 10.77.2.1"])
        self._ip("srv", [f"addr add {SERVER_IP}/24 dev eth0", "route add default via 10.77.3.1"])

    def _join_router_and_firewall(self, device: str, router: str, firewall: str, is_main: bool) -> None:
        self._join(("r1", device), ("fw", device), self.router_mtu)
        self._ip("r1", [f"addr add {router}/30 dev {device}"])
        self._ip("fw", [f"addr add {firewall}/30 dev {device}"])
        if is_main:
            self._ip("r1", [f"route add 10.77.3.0/24 via {firewall}"])
            return
        # A balancer that hashes ports sends later fragments, which have none, by the other path.
        self.rule("r1", f"{LATER} meta mark set 2")
        self._ip("r1", ["rule add fwmark 2 table 102", f"route add 10.77.3.0/24 via {firewall} table 102"])

    def _join(self, one: tuple[str, str], other: tuple[str, str], mtu: int = 1500) -> None:
        """A veth pair, both ends made where they belong."""
        (here, device), (there, peer) = one, other
        peer_part = f"peer name {peer} netns {self.namespace(there)}"
        self._ip(here, [f"link add name {device} type veth {peer_part}", f"link set dev {device} up mtu {mtu}"])
        self._ip(there, [f"link set dev {peer} up mtu {mtu}"])

    def _ip(self, name: str, commands: Sequence[str]) -> None:
        command = ["ip", "-n", self.namespace(name), "-batch", "-"]
        subprocess.run(command, input="\n".join(commands) + "\n", text=True, check=True, capture_output=True)

    def rule(self, name: str, rule: str, hook: str = "prerouting") -> None:
        """A filter before all else: where connections are tracked, the kernel joins fragments at priority -400."""
        script = f"""
            add table ip lab
            add chain ip lab {hook} {{ type filter hook {hook} priority -450; policy accept; }}
            add rule ip lab {hook} {rule}
        """
        self._nft(name, script)

    def translate_clients(self) -> None:
        """Source translation at the router, addresses and ports."""
        self._nft(
            "r1",
            """
            add table ip nat
            add chain ip nat post { type nat hook postrouting priority 100; }
            add rule ip nat post oifname "out" ip saddr 10.77.1.0/24 ip protocol udp snat to 10.77.2.1:20000-29999
            """,
        )

    def _nft(self, name: str, script: str) -> None:
        command = ["ip", "netns", "exec", self.namespace(name), "nft", "-f", "-"]
        subprocess.run(command, input=script, text=True, check=True, capture_output=True)

    # ------------------------------------------------------------ running

    def run(self, name: str, command: Sequence[str]) -> None:
        full = ["ip", "netns", "exec", self.namespace(name), *command]
        subprocess.run(full, check=True, capture_output=True)

    def _start(self, name: str, command: Sequence[str], is_told_on_stderr: bool = False) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace(name), *command],
            cwd=ROOT,
            text=True,
            stdout=subprocess.DEVNULL if is_told_on_stderr else subprocess.PIPE,
            stderr=subprocess.PIPE if is_told_on_stderr else None,
        )
        self._processes.append(process)
        return process

    def capture(self, point: str, *options: str, wanted: str = "") -> None:
        """Start tcpdump at a point ("client-1", "uplink", …) and return once it listens."""
        if point.startswith("client-"):
            number = int(point.removeprefix("client-"))
            name, device, file = f"t{number}", "eth0", self.folder / f"terminal-{number}" / "client.pcap"
        elif point in PLACES:
            name, device = PLACES[point]
            file = self.folder / ("server" if point == "server" else "mirror") / f"{point}.pcap"
        else:
            name, device, file = "mon", "port", self.folder / "mirror" / f"{point}.pcap"
        file.parent.mkdir(parents=True, exist_ok=True)
        command = ["tcpdump", "-Z", "root", "-n", "-i", device, "-U", "--immediate-mode", "-w", str(file), *options]
        process = self._start(name, [*command, wanted] if wanted else command, is_told_on_stderr=True)
        assert process.stderr is not None
        if not any("listening on" in line for line in process.stderr):
            raise RuntimeError(f"tcpdump does not capture at {point}")
        self._sniffers[point] = Sniffer(process, file)

    def capture_all(self, *points: str) -> None:
        for number in range(1, self.terminals + 1):
            self.capture(f"client-{number}")
        for point in points:
            self.capture(point)

    def start_mirror(self, point: str, tags: Sequence[int]) -> None:
        """A mirror port that shows each frame of the uplink once for every tag, watched by a host of its own."""
        self._join(("acc", "mir"), ("mon", "port"), 1600)
        self._started([sys.executable, "-m", "tests.lab.double_mirror", "up", "mir", *map(str, tags)], "acc")
        self.capture(point)

    def start_server(self, *options: str) -> None:
        log = self.folder / "server" / "policyserver.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        self._started([sys.executable, "-m", "tests.lab.ead_server", SERVER_IP, str(log), *options], "srv")

    def _started(self, command: Sequence[str], name: str) -> subprocess.Popen[str]:
        process = self._start(name, command)
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"did not start: {command}")
        return process

    def start_client(self, number: int, patches: int, *options: str) -> subprocess.Popen[str]:
        log = self.folder / f"terminal-{number}" / "iNode.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        identity = [f"3C:52:82:77:00:{number:02X}", f"lab{number:02d}@OFFICE", f"Lab{number:02d}xYz"]
        command = [sys.executable, "-m", "tests.lab.ead_client", SERVER_IP, str(log), *identity, str(patches), *options]
        return self._start(f"t{number}", command)

    def run_clients(self, patches: Sequence[int], *options: str) -> None:
        """One after the other in starting, side by side in running; returns when all have ended."""
        clients = [self.start_client(number, count, *options) for number, count in enumerate(patches, 1)]
        for client in clients:
            if not [event for event in events_of(client) if event.startswith("ended")]:
                raise RuntimeError("a client broke down")

    def stop(self) -> None:
        """Server first, so that what it still answers is captured; then the captures, each with all that it saw."""
        sniffers = {sniffer.process.pid for sniffer in self._sniffers.values()}
        for process in self._processes:
            if process.pid not in sniffers:
                self._end(process, signal.SIGTERM)
        for sniffer in self._sniffers.values():
            self._end(sniffer.process, signal.SIGINT)

    @staticmethod
    def _end(process: subprocess.Popen[str], how: signal.Signals) -> None:
        if process.poll() is None:
            process.send_signal(how)
        process.wait(timeout=10)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()

    def _remove(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.stop()
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for name in self._made:
            subprocess.run(["ip", "netns", "delete", self.namespace(name)], check=False, capture_output=True)


def events_of(client: subprocess.Popen[str]) -> Iterator[str]:
    """What a client says as it goes: `sent 3 1`, `received 2`, `ended failed`."""
    assert client.stdout is not None
    for line in client.stdout:
        yield line.strip()
