"""Real bundles with a file removed or a capture cut: a right answer may become less sure, never wrong and certain."""

import random
from pathlib import Path

import pytest

from app.demo import write_bundle
from app.intake import analyze_paths

FAULTS = (
    "hops",
    "first-fragment",
    "all-fragments",
    "path-down",
    "reply-lost",
    "server-silent",
    "never-sent",
    "ok",
    "policy-fragments",
    "check-failed",
    "small-mtu-fault",
    "late-capture",
)


def damage(folder: Path, rng: random.Random) -> str:
    """Removes one file, or cuts one capture somewhere in its middle; tells which."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and "truth" not in p.name)
    captures = [p for p in files if ".pcap" in p.name]
    chosen = rng.choice(files)
    if rng.random() < 0.5:
        chosen.unlink()
        return f"without {chosen.name}"
    chosen = rng.choice(captures)
    raw = chosen.read_bytes()
    chosen.write_bytes(raw[: len(raw) * rng.randint(30, 80) // 100])
    return f"{chosen.name} cut"


def contains(points, wide, narrow):
    low, high = sorted(points.index(name) for name in wide)
    return low <= min(points.index(n) for n in narrow) and max(points.index(n) for n in narrow) <= high


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", FAULTS)
def test_damage_makes_no_wrong_answer_certain(name, seed, tmp_path):
    truth = write_bundle(name, tmp_path)
    what = damage(tmp_path, random.Random(f"{name} {seed}"))
    by_mac = {terminal.mac: terminal for terminal in truth.terminals}
    for terminal in analyze_paths([tmp_path]).terminals:
        true = by_mac.get(terminal.mac)
        for finding in terminal.findings:
            if true is None or finding.severity != "error" or finding.confidence != "certain":
                continue
            assert finding.code == true.code, what
            if finding.between and true.between:
                assert contains(truth.points, finding.between, true.between), what
