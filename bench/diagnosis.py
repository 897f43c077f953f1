"""Diagnoses a large case: many terminals with many sessions each. Prints CPU seconds, peak memory and growth.

    python bench/diagnosis.py [TERMINALS] [SESSIONS]     (5000 and 20 without them)

Every session has a client log; every fifth terminal has captures at three points as well, and of these every third
fails by lost fragments. Memory of the case itself is shown apart: it is the input.
"""

from __future__ import annotations

import resource
import sys
import time

from app.core.analysis import (
    Attempt,
    CapturePoint,
    CaseAnalysis,
    DatagramFate,
    Evidence,
    Fate,
    FragmentFate,
    Mark,
    Message,
    Outcome,
    Role,
    Seen,
    Session,
    Sighting,
    Source,
    SourceKind,
    Terminal,
)
from app.core.diagnosis import CaseFacts, diagnose
from app.core.network.traces import NetworkFacts
from app.core.records import NS, CheckResult, Confidence, Direction

POINTS = ("client", "uplink", "server")
SERVER = "198.51.100.7"
START_NS = 1_795_000_000 * NS
SIGHTS = {name: Sighting(Seen.SEEN, f"{name}.pcap", (17,), START_NS, START_NS) for name in POINTS}
MISSING = {**SIGHTS, "server": Sighting(Seen.MISSING, reason_code="able")}
ALL_WHOLE = dict.fromkeys(POINTS, Fate.WHOLE)
LOST = {**ALL_WHOLE, "server": Fate.PARTIAL}


def main() -> None:
    terminals, sessions = (int(x) for x in (sys.argv[1:] + ["5000", "20"][len(sys.argv) - 1 :]))
    rows = [_measured(max(1, terminals // share), sessions) for share in (4, 2, 1)]
    for n, built_mb, seconds, peak_mb, findings in rows:
        print(
            f"{n:6d} terminals × {sessions}: {seconds:6.2f} s, case {built_mb:5.0f} MB, peak {peak_mb:5.0f} MB, "
            f"{findings} findings"
        )
    print(f"growth from half to whole: {rows[2][2] / rows[1][2]:.2f} (2.00 is in proportion)")


def _measured(terminals: int, sessions: int) -> tuple[int, float, float, float, int]:
    facts = build(terminals, sessions)
    built = _peak_mb()
    begin = time.process_time()
    analysis = diagnose(facts)
    seconds = time.process_time() - begin
    return terminals, built, seconds, _peak_mb(), _findings(analysis)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _findings(analysis: CaseAnalysis) -> int:
    return len(analysis.findings) + sum(len(terminal.findings) for terminal in analysis.terminals)


def build(terminals: int, sessions: int) -> CaseFacts:
    points = tuple(
        CapturePoint(name, role, i, "named", (f"{name}.pcap",), observed_ns=((START_NS, START_NS + 10**6 * NS),))
        for i, (name, role) in enumerate(zip(POINTS, (Role.CLIENT, Role.MIDDLE, Role.SERVER), strict=True))
    )
    made = tuple(_terminal(index, sessions) for index in range(terminals))
    sources = tuple(Source(p.sources[0], "0" * 64, 1, SourceKind.CAPTURE, p.name) for p in points)
    log = Source("iNode.log", "0" * 64, 1, SourceKind.INODE_LOG)
    return CaseFacts((log, *sources), points, made, NetworkFacts(points=points))


def _terminal(index: int, sessions: int) -> Terminal:
    is_captured = index % 5 == 0
    is_failing = index % 3 == 0
    patches = 95 + index % 140 if is_failing else index % 85
    ip = f"10.{index >> 16 & 255}.{index >> 8 & 255}.{index & 255}"
    made = tuple(_session(index, n, ip, is_captured, is_failing, patches) for n in range(sessions))
    outcome = Outcome.FAILED if is_failing else Outcome.PASSED
    return Terminal(f"user{index}", None, (ip,), outcome, made, key=f"t{index}")


def _session(index: int, n: int, ip: str, is_captured: bool, is_failing: bool, patches: int) -> Session:
    start = START_NS + (n * 3600 + index % 3000) * NS
    plain = 578 + 10 * patches

    def send(number: int, attempt: int, seconds: int) -> Attempt:
        line = Evidence("iNode.log", line=index * 200 + n * 8 + number)
        to_server = number % 2 == 1
        size = plain if number == 3 else 151
        fate = _datagram(ip, size, to_server, is_failing and number == 3) if is_captured else None
        at = start + seconds * NS
        return Attempt(attempt, at, None, size, size + 28, (line,), fate, log_time_ns=at)

    sends = 4 if is_failing else 1
    messages = [
        Message(1, Direction.TO_SERVER, (send(1, 1, 0),)),
        Message(2, Direction.TO_CLIENT, (send(2, 1, 1),)),
        Message(
            3,
            Direction.TO_SERVER,
            tuple(send(3, i + 1, 20 + 5 * i) for i in range(sends)),
            CheckResult(patches=patches),
            plain_bytes=plain,
        ),
    ]
    if not is_failing:
        messages.append(Message(4, Direction.TO_CLIENT, (send(4, 1, 21),)))
    code = 4 if is_failing else 0
    mark = Mark("result", "client", start + 40 * NS, start + 40 * NS, "", messages[0].attempts[0].evidence[0], code)
    outcome = Outcome.FAILED if is_failing else Outcome.PASSED
    key = f"{index}-{n}"
    return Session(f"e{key}", outcome, start, start + 40 * NS, tuple(messages), (mark,), (SERVER,), key=key)


def _datagram(ip: str, size: int, to_server: bool, is_lost: bool) -> DatagramFate:
    total = size + 36
    fragments = tuple(
        FragmentFate(offset, min(1480, total - offset), MISSING if is_lost and offset else SIGHTS)
        for offset in range(0, total, 1480)
    )
    ends = (f"{ip}:40001", f"{SERVER}:9029")
    source, destination = ends if to_server else ends[::-1]
    fate = LOST if is_lost and len(fragments) > 1 else ALL_WHOLE
    return DatagramFate(
        4711, source, destination, 4, size + 28, fragments, fate, None, "plain", match_confidence=Confidence.CERTAIN
    )


if __name__ == "__main__":
    main()
