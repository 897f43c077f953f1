"""Reading captures: this tool beside tshark and pyshark on the same files, in turn.

    python -m bench.packets                                        64 MB and 640 MB, three kinds of capture
    python -m bench.packets --sizes "640 MB" "6.4 GB" --plain-only   how cost grows (6.4 GB need 7 GB of disk)

Prints seconds, ratios, how cost grows with size, and the peak memory of all processes of a run together. Every run is a
process of its own, start-up included.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import psutil

from bench.packet_inputs import frame_count, tagged, write_pcap, write_two_links

BLOCKS = {"64 MB": 10, "640 MB": 100, "6.4 GB": 1000}
FILTER = "ip.flags.mf == 1 || ip.frag_offset > 0 || udp.port == 9019 || udp.port == 9029"
TSHARK = ("tshark", "-n", "-o", "ip.defragment:FALSE", "-Y", FILTER, "-T", "fields", "-e", "frame.number",
          "-e", "ip.src", "-e", "ip.dst", "-e", "ip.id", "-e", "ip.frag_offset", "-e", "udp.port", "-r")  # fmt: skip
OURS = """
import sys
from pathlib import Path
from app.captures.capture import DEFAULT_PORTS, CaptureReading
from app.core.fragmentation.retention import Retention
reading, kept, count = CaptureReading(Path(sys.argv[1]), "bench"), Retention(DEFAULT_PORTS), 0
for packet in reading.packets():
    kept.add(packet)
    count += 1
reading.facts([])
print(count, len(kept.packets()))
"""
PYSHARK = "import sys, pyshark; capture = pyshark.FileCapture(sys.argv[1], keep_packets=False)\n" \
          "print(sum(1 for _ in capture)); capture.close()"  # fmt: skip
PYSHARK_FRAMES = 3_000
SAMPLE_S = 0.02
PEER_BYTES = 1 << 30  # larger files are read by this tool only


class Run:
    """One command: seconds, and the peak memory (PSS) of it and all its children together."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.peak_bytes = 0
        began = time.perf_counter()
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        sampler = threading.Thread(target=self._sample, args=(process.pid,), daemon=True)
        sampler.start()
        output, _ = process.communicate()
        self.seconds = time.perf_counter() - began
        self.lines = output.decode().strip().splitlines()
        sampler.join()

    def _sample(self, pid: int) -> None:
        while True:
            began = time.perf_counter()
            try:
                root = psutil.Process(pid)
                total = sum(_memory(member) for member in (root, *root.children(recursive=True)))
            except psutil.Error:
                return
            if not total:
                return
            self.peak_bytes = max(self.peak_bytes, total)
            # Reading the map of a process of gigabytes holds it up: a tenth of its time at most goes to that.
            time.sleep(max(SAMPLE_S, 10 * (time.perf_counter() - began)))


def _memory(process: psutil.Process) -> int:
    """Shared pages are counted once, not in every process."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def ours(path: Path) -> Run:
    return Run([sys.executable, "-c", OURS, str(path)])


def pyshark_seconds(path: Path, frames: int, folder: Path) -> float:
    """Iteration over the whole file, scaled up from its first frames."""
    part = folder / "part.pcap"
    subprocess.run(["editcap", "-r", str(path), str(part), f"1-{PYSHARK_FRAMES}"], check=True, capture_output=True)
    empty = folder / "one.pcap"
    subprocess.run(["editcap", "-r", str(path), str(empty), "1-1"], check=True, capture_output=True)
    start_up = Run([sys.executable, "-c", PYSHARK, str(empty)]).seconds
    return (Run([sys.executable, "-c", PYSHARK, str(part)]).seconds - start_up) * frames / PYSHARK_FRAMES


def compare(name: str, path: Path, frames: int, folder: Path, with_pyshark: bool, rounds: int) -> float:
    """Prints one line; gives our best time. The peer is spared files of gigabytes, which take it many minutes."""
    with_tshark = path.stat().st_size < PEER_BYTES
    _read_through(path)
    mine, theirs = [], []
    for _ in range(rounds):
        mine.append(ours(path))
        if with_tshark:
            theirs.append(Run([*TSHARK, str(path)]))
    best, found = min(run.seconds for run in mine), mine[0].lines[0].split()[0]
    peak = max(run.peak_bytes for run in mine) / 1e6
    line = f"{name:<22} ours {best:7.2f} s  "
    if theirs:
        peer = min(run.seconds for run in theirs)
        line += f"tshark {peer:8.2f} s  ratio {peer / best:6.1f}  packets {found} / {len(theirs[0].lines)}"
    else:
        line += f"tshark: not run at this size  packets {found}"
    line += f"  peak {peak:5.0f} MB"
    if with_pyshark:
        seconds = pyshark_seconds(path, frames, folder)
        line += f"  pyshark {seconds:8.0f} s (scaled)  ratio {seconds / best:6.0f}"
    print(line, flush=True)
    return best


def _read_through(path: Path) -> None:
    """Into the page cache, for all alike."""
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 24):
            pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=BLOCKS, default=["64 MB", "640 MB"])
    parser.add_argument("--plain-only", action="store_true", help="without tags and without two link types")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eadscope-bench-") as name:
        folder = Path(name)
        _plain(folder, arguments.sizes, arguments.rounds)
        if not arguments.plain_only:
            _others(folder, arguments.rounds)


def _plain(folder: Path, sizes: Sequence[str], rounds: int) -> None:
    times: list[tuple[int, float]] = []
    for size in sizes:
        blocks, path = BLOCKS[size], folder / "plain.pcap"
        write_pcap(path, blocks)
        best = compare(f"plain {size}", path, frame_count(blocks), folder, size == "640 MB", rounds)
        times.append((path.stat().st_size, best))
        path.unlink()
    for (small, fast), (big, slow) in pairwise(times):
        exponent = math.log(slow / fast) / math.log(big / small)
        print(f"{small / 1e6:.0f} → {big / 1e6:.0f} MB: exponent {exponent:.2f}")


def _others(folder: Path, rounds: int) -> None:
    path = folder / "tagged.pcap"
    write_pcap(path, BLOCKS["640 MB"], tagged)
    compare("802.1Q 640 MB", path, frame_count(BLOCKS["640 MB"]), folder, False, rounds)
    path.unlink()
    path = folder / "two.pcapng"
    write_two_links(path, BLOCKS["640 MB"])
    compare("two link types 640 MB", path, frame_count(BLOCKS["640 MB"]), folder, False, rounds)


if __name__ == "__main__":
    main()
