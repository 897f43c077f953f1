"""Less evidence may make a right answer less sure. It may never make a wrong answer certain."""

import random
from dataclasses import replace

import pytest

from app.core.analysis import Outcome, Seen, Sighting, SourceKind
from tests.core.diagnosis.build import (
    WHY,
    case,
    datagram,
    diagnose,
    hello,
    message,
    points,
    renamed,
    report,
    result,
    send,
    session,
    terminal,
)

PATH = ("client", "uplink", "fwout", "fwin", "server")
UNKNOWN = Sighting(Seen.UNKNOWN, reason=WHY, reason_code="not-capturing")
LEG = {"fwout", "fwin"}
FAULTS = {
    "later-fragments-lost": ("xx", "x."),
    "first-fragment-lost": ("xx", ".x"),
    "fragmented-datagrams-lost": ("xx", ".."),
}


def sights(near, far):
    return {name: near if PATH.index(name) < PATH.index("fwin") else far for name in PATH}


def small(terminal_seconds):
    answer = datagram(dict.fromkeys(PATH, "x"), ident=9, wire=76, to_server=False, seconds=terminal_seconds + 0.2)
    sends = [send(datagram(dict.fromkeys(PATH, "x"), ident=8, wire=795, seconds=terminal_seconds), 3, terminal_seconds)]
    made = session(
        [
            *hello(PATH, seconds=terminal_seconds - 1),
            message(3, sends),
            message(4, [send(answer, 4, terminal_seconds)]),
        ],
        Outcome.PASSED,
        marks=[result(0)],
    )
    return renamed(terminal(made), "t2", "192.0.2.18")


def case_of(code):
    failing = session([*hello(PATH), report([sights(*FAULTS[code])] * 4)], marks=[result(4)])
    logs = (SourceKind.INODE_LOG, SourceKind.SERVER_LOG)
    return case(terminal(failing), small(9), at_points=points(*PATH), logs=logs)


def map_attempts(facts, change):
    """The same case with every attempt changed; None takes it away, and a message without attempts goes with it."""
    terminals = []
    for one in facts.terminals:
        sessions = []
        for its in one.sessions:
            messages = []
            for m in its.messages:
                attempts = tuple(a for old in m.attempts if (a := change(m.direction, old)) is not None)
                if attempts:
                    messages.append(replace(m, attempts=attempts))
            sessions.append(replace(its, messages=tuple(messages)))
        terminals.append(replace(one, sessions=tuple(sessions)))
    return replace(facts, terminals=tuple(terminals))


def blind(fate, point, is_gone):
    fragments = tuple(
        f._replace(
            sightings={k: v for k, v in f.sightings.items() if k != point}
            if is_gone
            else {**f.sightings, point: UNKNOWN},
        )
        for f in fate.fragments
    )
    fates = {k: v for k, v in fate.fate.items() if k != point}
    seen = tuple(f for f in fragments if any(s.state is Seen.SEEN for s in f.sightings.values()))
    return fate._replace(fragments=fragments, fate=fates) if seen else None


def without_point(facts, point):
    def change(_, attempt):
        fate = blind(attempt.datagram, point, True) if attempt.datagram else None
        evidence = tuple(e for e in attempt.evidence if e.source != f"{point}.pcap")
        return replace(attempt, datagram=fate, evidence=evidence) if evidence else None

    left = tuple(p for p in facts.capture_points if p.name != point)
    return replace(map_attempts(facts, change), capture_points=left)


def cut_point(facts, point, at_ns):
    """The capture at this point ends early: what comes later is unknown there."""

    def change(_, attempt):
        if attempt.datagram is None or attempt.time_ns <= at_ns:
            return attempt
        return replace(attempt, datagram=blind(attempt.datagram, point, False))

    cut = tuple(
        replace(p, observed_ns=((p.observed_ns[0][0], at_ns),)) if p.name == point else p for p in facts.capture_points
    )
    return replace(map_attempts(facts, change), capture_points=cut)


def without_client_log(facts):
    def change(direction, attempt):
        evidence = tuple(e for e in attempt.evidence if not e.source.endswith("iNode.log"))
        return replace(attempt, log_time_ns=None, evidence=evidence) if evidence else None

    made = map_attempts(facts, change)
    terminals = tuple(replace(t, sessions=tuple(replace(s, marks=()) for s in t.sessions)) for t in made.terminals)
    return replace(made, terminals=terminals)


def damaged(facts, rng):
    for _ in range(rng.randint(1, 3)):
        left = [p.name for p in facts.capture_points]
        kind = rng.choice(("point", "cut", "log"))
        if kind == "log":
            facts = without_client_log(facts)
        elif left:
            point = rng.choice(left)
            start, end = facts.capture_points[left.index(point)].observed_ns[0]
            facts = without_point(facts, point) if kind == "point" else cut_point(facts, point, rng.randint(start, end))
    return facts


@pytest.mark.parametrize("code", FAULTS)
def test_undamaged_the_answer_is_certain(code):
    finding = diagnose(case_of(code)).terminals[0].findings[0]
    assert (finding.code, set(finding.between), finding.confidence) == (code, LEG, "certain")


@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.parametrize("seed", range(150))
def test_damage_makes_no_wrong_answer_certain(code, seed):
    facts = damaged(case_of(code), random.Random(seed))
    analysis = diagnose(facts)
    for finding in analysis.terminals[0].findings:
        if finding.severity == "error" and finding.confidence == "certain":
            assert finding.code == code
            assert finding.between is not None
            low, high = sorted(PATH.index(name) for name in finding.between)
            assert low <= PATH.index("fwout") and PATH.index("fwin") <= high


@pytest.mark.parametrize("seed", range(60))
def test_damage_makes_a_healthy_terminal_neither_failing_nor_suspicious(seed):
    facts = case(small(9), at_points=points(*PATH))
    analysis = diagnose(damaged(facts, random.Random(seed)))
    assert not [f for f in analysis.terminals[0].findings if f.severity != "info"]
