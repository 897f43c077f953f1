"""Many captures of one bundle: one process that reads them beside one for each core, in turn.

    python -m bench.bundle [--captures 20] [--blocks 10] [--rounds 3]

A block is 6.4 MB. Prints, for the step that reads captures and for the whole analysis, the seconds and how much of the
cores was used (tshark runs beside each reader, so one reader uses more than one core); how many times as fast all cores
are; and the peak memory of all processes together.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.packet_inputs import write_pcap
from bench.packets import Run

ANALYSE = """
import sys, time
from contextlib import suppress
from pathlib import Path
import psutil
from app.intake import AnalysisSettings, analyze_paths
here = psutil.Process()
def processor_s():
    total = 0
    for process in (here, *here.children(recursive=True)):
        with suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total
seen = {}
def progress(step, fraction):
    if step == "captures" and fraction in (0, 1):
        seen[fraction] = time.perf_counter(), processor_s()
analyze_paths([Path(sys.argv[1])], AnalysisSettings(processes=int(sys.argv[2])), progress)
print(*(end - start for start, end in zip(seen[0], seen[1])))
"""

FIRST_FRACTION_AT = 24 + 4  # behind the file's header, the first frame's part of a second
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


@dataclass(frozen=True)
class Analysis:
    reading_s: float  # the captures
    reading_processor_s: float  # of all processes
    whole_s: float
    processor_s: float  # of all processes
    peak_bytes: int


def analyse(folder: Path, processes: int) -> Analysis:
    before = _processor_s()
    run = Run([sys.executable, "-c", ANALYSE, str(folder), str(processes)])
    reading_s, reading_processor_s = map(float, run.lines[0].split())
    return Analysis(reading_s, reading_processor_s, run.seconds, _processor_s() - before, run.peak_bytes)


def _processor_s() -> float:
    """Of all that ran below this process and ended."""
    with suppress(ChildProcessError):
        while True:
            os.wait()
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken.ru_utime + taken.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captures", type=int, default=20)
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    # The readers' parent outlives the analysis by a moment: it comes to us, and its seconds with it.
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="eadscope-bench-") as name:
        folder = Path(name)
        for number in range(options.captures):
            path = folder / f"point{number}.pcap"
            write_pcap(path, options.blocks)
            with path.open("r+b") as file:  # no two the same, or one would do for all
                file.seek(FIRST_FRACTION_AT)
                file.write(number.to_bytes(4, "little"))
        total = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{options.captures} captures, {total / 1e6:.0f} MB, {cores} cores")
        best: dict[int, float] = {}
        for processes in (1, cores):
            runs = [analyse(folder, processes) for _ in range(options.rounds)]
            run = min(runs, key=lambda one: one.reading_s)
            best[processes] = run.reading_s
            peak = max(one.peak_bytes for one in runs) / 1e6
            reading, whole = run.reading_processor_s / run.reading_s / cores, run.processor_s / run.whole_s / cores
            print(
                f"readers {processes}: captures {run.reading_s:6.2f} s, {reading:4.0%} of {cores} cores"
                f"  whole analysis {run.whole_s:6.2f} s, {whole:4.0%} (processor {run.processor_s:.2f} s)"
                f"  peak {peak:5.0f} MB",
                flush=True,
            )
        print(f"all cores: {best[1] / best[cores]:.2f} times as fast as one reader")


if __name__ == "__main__":
    main()
