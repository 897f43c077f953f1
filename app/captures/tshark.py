"""tshark as we run it: without name lookups, without reassembly of IP, and with the few dissectors that are needed.

Its dissectors are three thousand, and most faults that a hostile capture can reach lie in the ones for applications.
Enabled are links, tags, tunnels and IP; everything above is data to it. The list of what is disabled is made from the
installed version's own list of protocols, once, and kept beside the system's other temporary files.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from app.sandbox import ToolLimits
from app.tools import run_tool, start_tool

# By filter name; with each also what it calls its own parts (`ipv6.fraghdr`).
LINKS = frozenset({
    "frame", "eth", "ethertype", "llc", "vlan", "ieee8021ad", "ieee8021ah", "ieee8021cb", "sll", "null", "loop", "raw",
    "ppp", "ppp_hdlc", "pppoe", "pppoed", "pppoes", "pppmux", "mp", "chdlc", "fr", "atm", "juniper", "docsis", "fw1",
    "pktap", "netanalyzer", "nflog", "enc", "pflog", "macsec", "hsr", "prp", "vntag", "trill", "cfp", "cmd", "batadv",
    "wlan", "wlan_radio", "wlan_aggregate", "radiotap", "prism", "wlancap", "ppi", "osi", "ipvs", "edsa", "dsa",
})  # fmt: skip
TUNNELS = frozenset({
    "gre", "erspan", "vxlan", "vxlan_gpe", "otv", "geneve", "gtp", "l2tp", "mpls", "pwethheuristic", "pwethcw",
    "pwethnocw", "capwap", "lwapp", "teredo", "lisp", "lisp-data", "etherip", "tzsp", "nsh", "peekremote", "aruba_erm",
    "aruba_erm_type0", "aruba_erm_type1", "aruba_erm_type2", "aruba_erm_type3", "aruba_erm_type4", "aruba_erm_type5",
    "aruba_erm_type6", "stt", "airopeek",
})  # fmt: skip
INTERNET = frozenset({"ip", "ipv6", "udp", "udplite", "tcp", "icmp", "icmpv6", "arp", "ah", "esp", "ipcomp", "data"})
ENABLED = LINKS | TUNNELS | INTERNET
# What one frame says in these changes nothing in how others are dissected. Tunnels may learn (L2TP its cookies), other
# links put pieces together.
FORGETFUL = frozenset({"eth", "ethertype", "vlan", "ieee8021ad", "sll", "null", "loop", "raw", "arp", "ip", "ipv6",
                       "udp", "udplite", "tcp", "icmp", "icmpv6", "data"})  # fmt: skip
LIST_LIMITS = ToolLimits(seconds=60, cpu_seconds=60)


def is_forgetful(protocols: str) -> bool:
    """Whether tshark dissects other frames as if it had not seen this one (`frame.protocols`)."""
    return all(name.split(".")[0] in FORGETFUL for name in protocols.split(":"))


def tshark_argv(*more: str) -> list[str]:
    return ["tshark", "-n", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", *more]


def start_tshark(argv: list[str], limits: ToolLimits) -> subprocess.Popen[bytes]:
    """As `tools.start_tool`, with the profile that disables what is not needed."""
    folder = profile()
    return start_tool(argv, limits, {"WIRESHARK_CONFIG_DIR": str(folder)}, [folder])


def run_tshark(argv: list[str], limits: ToolLimits, stdin: bytes) -> bytes:
    """As `tools.run_tool`, with the same profile."""
    folder = profile()
    return run_tool(argv, limits, stdin, {"WIRESHARK_CONFIG_DIR": str(folder)}, [folder])


def disabled(listed: bytes) -> list[str]:
    """Of the output of `tshark -G protocols`: the filter names of what is not needed."""
    names = (line.split("\t")[2] for line in listed.decode("utf-8", "replace").splitlines() if line.count("\t") >= 2)
    return [name for name in names if name not in ENABLED and name.split(".")[0] not in ENABLED]


@cache
def profile() -> Path:
    """A folder with Wireshark's settings. Raises ToolError where tshark is not installed."""
    folder = _folder() / _version()
    if not (folder / "disabled_protos").is_file():
        names = disabled(run_tool(["tshark", "-G", "protocols"], LIST_LIMITS))
        _write(folder, "\n".join([*names, ""]))
    return folder


def _write(folder: Path, content: str) -> None:
    """Whole or not at all: several processes may come here at once."""
    fresh = Path(tempfile.mkdtemp(dir=folder.parent))
    (fresh / "disabled_protos").write_text(content)
    fresh.chmod(0o755)  # tshark reads it under another account where we are root
    with suppress(OSError):  # another was quicker
        fresh.rename(folder)
    shutil.rmtree(fresh, ignore_errors=True)


def _version() -> str:
    """Another file is another version, with another list; so is another list of ours."""
    program = shutil.which("tshark")
    facts = Path(program).stat() if program else None
    known = (program, facts and (facts.st_size, facts.st_mtime_ns), sorted(ENABLED))
    return hashlib.sha256(repr(known).encode()).hexdigest()[:16]


def _folder() -> Path:
    """Ours alone to write to. What somebody else prepared under its name is not used."""
    folder = Path(tempfile.gettempdir()) / f"eadscope-tshark-{os.geteuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o755)
    with suppress(OSError):
        facts = folder.lstat()
        if folder.is_dir() and not folder.is_symlink() and facts.st_uid == os.geteuid() and not facts.st_mode & 0o022:
            return folder
    kept = Path(tempfile.mkdtemp(prefix="eadscope-tshark-"))
    kept.chmod(0o755)
    return kept
