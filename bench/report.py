"""How long the report of one terminal and of 500 takes, and how much memory: each in a process of its own.

python -m bench.report
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from app.core.analysis import CaseAnalysis
from app.demo import scenario_named, write_bundle
from app.intake import analyze_paths
from app.reports.report import ReportMeta, write_report

GOALS = {1: (2.0, None), 500: (20.0, 300)}  # terminals → seconds, MB


def case_of(terminals: int) -> CaseAnalysis:
    """The scenario `hops`, its terminals repeated under names and addresses of their own."""
    with tempfile.TemporaryDirectory() as folder:
        write_bundle(scenario_named("hops"), Path(folder))
        analysis = analyze_paths([Path(folder)])
    kinds = analysis.terminals
    made = []
    for n in range(terminals):
        address = f"10.16.{n // 200}.{n % 200 + 1}"
        made.append(replace(kinds[n % len(kinds)], user=f"{2031001 + n}@HQ", key=f"t{n + 1}", ip=(address,)))
    return replace(analysis, terminals=tuple(made))


def measure(analysis: CaseAnalysis, results: multiprocessing.SimpleQueue[tuple[float, float, int, int]]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, work = time.perf_counter(), time.process_time()
    size = len(write_report(analysis, "zh", ReportMeta(title="bench")))
    spent, worked = time.perf_counter() - start, time.process_time() - work
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results.put((spent, worked, max(peak, before) // 1024, size))


def main() -> None:
    context = multiprocessing.get_context("spawn")
    print(f"{'terminals':>9} {'seconds':>8} {'CPU':>6} {'goal':>6} {'peak MB':>8} {'goal':>6} {'PDF kB':>7}")
    for terminals, (seconds, megabytes) in GOALS.items():
        results: multiprocessing.SimpleQueue[tuple[float, float, int, int]] = context.SimpleQueue()
        process = context.Process(target=measure, args=(case_of(terminals), results))
        process.start()
        process.join()
        spent, worked, peak, size = results.get()
        told = f"{terminals:>9} {spent:>8.2f} {worked:>6.2f} {seconds:>6.1f} {peak:>8}"
        print(f"{told} {megabytes or '':>6} {size // 1000:>7}")


if __name__ == "__main__":
    main()
