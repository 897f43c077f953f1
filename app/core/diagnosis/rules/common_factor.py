"""What failing terminals share and passing ones do not, other than size: subnet, hour, client version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from app.core.analysis import Evidence, Finding, Outcome, Role, Seen, Session, Severity, Terminal
from app.core.diagnosis.bands import find_band, fisher
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts, unique
from app.core.diagnosis.facts import MISS, CaseRule, Judgement, NotRun, found
from app.core.records import NS, Confidence, Direction, Text

CODE = "common-factor"
CONVINCING = 0.01
ENOUGH = 3

MANY = Text("failing and passing terminals, three of each", "失败与通过的终端各三台以上")


STANDS_FOR_ACCESS = (
    Text(
        "this capture point stands for the access device, which no log names; name the points after their devices to "
        "make it so",
        "日志中没有接入设备的名称，此处以该抓包点代表接入设备；请按设备名称为抓包点命名",
    ),
)


@dataclass(frozen=True, slots=True)
class _Factor:
    key: str
    name: Text
    values: Callable[[CaseView, Terminal, Session], str | None]


def _subnet(case: CaseView, terminal: Terminal, session: Session) -> str | None:
    ip = terminal.ip[0] if terminal.ip else None
    if ip is None:
        return None
    return ":".join(ip.split(":")[:4]) + "::/64" if ":" in ip else ip.rpartition(".")[0] + ".0/24"


def _hour(case: CaseView, terminal: Terminal, session: Session) -> str | None:
    if session.start_ns is None:
        return None
    return datetime.fromtimestamp(session.start_ns // NS, UTC).strftime("%Y-%m-%d %H:00Z")


def _version(case: CaseView, terminal: Terminal, session: Session) -> str | None:
    return terminal.client_version


def _access(case: CaseView, terminal: Terminal, session: Session) -> str | None:
    """The first point behind the client that saw this session. It stands for the access device: no log of either side
    names that one."""
    middles = case.points_of(Role.MIDDLE)
    for message in session.messages:
        for attempt in message.attempts:
            if attempt.datagram is None:
                continue
            for name in case.names.to_server:
                if name in middles and any(
                    (s := f.sightings.get(name)) is not None and s.state is Seen.SEEN
                    for f in attempt.datagram.fragments
                ):
                    return name
    return None


def _vlan(case: CaseView, terminal: Terminal, session: Session) -> str | None:
    """The tag of what the session sent, nearest to the client where a mirror shows one."""
    for message in session.messages:
        if message.direction is not Direction.TO_SERVER:
            continue
        for attempt in message.attempts:
            traced = case.traced_of.get(id(attempt.datagram))
            for packet in (p for d in traced.datagrams for p in d.packets if p.vlans) if traced else ():
                return str(packet.vlans[-1])
    return None


FACTORS = (
    _Factor("subnet", Text("subnet", "网段"), _subnet),
    _Factor("access", Text("first capture point behind the terminal", "终端之后的第一个抓包点"), _access),
    _Factor("vlan", Text("VLAN tag", "VLAN 标签"), _vlan),
    _Factor("version", Text("client version", "客户端版本"), _version),
    _Factor("hour", Text("hour", "时段"), _hour),
)


def judge(case: CaseView) -> Judgement:
    failing = {id(t) for t in case.facts.terminals if t.outcome is Outcome.FAILED}
    passing = {id(t) for t in case.facts.terminals if t.outcome is Outcome.PASSED}
    if len(failing) < ENOUGH or len(passing) < ENOUGH:
        return NotRun((MANY,))
    band = find_band(case.reports)
    by_size = band.chance if band is not None else 1.0
    findings = [f for factor in FACTORS if (f := _judge(case, factor, failing, passing, by_size))]
    return found(*findings[:2]) if findings else MISS


def _judge(case: CaseView, factor: _Factor, failing: set[int], passing: set[int], by_size: float) -> Finding | None:
    fails: dict[str, set[int]] = {}
    passes: dict[str, set[int]] = {}
    for terminal in case.facts.terminals:
        for session in terminal.sessions:
            value = factor.values(case, terminal, session)
            if value is None:
                continue
            if session.outcome is Outcome.FAILED and id(terminal) in failing:
                fails.setdefault(value, set()).add(id(terminal))
            elif session.outcome is Outcome.PASSED:
                passes.setdefault(value, set()).add(id(terminal))
    if len(fails.keys() | passes.keys()) < 2 or not fails:
        return None
    worst = max(fails, key=lambda value: len(fails[value]) - len(passes.get(value, ())))
    fail_in, pass_in = len(fails[worst]), len(passes.get(worst, ()))
    chance = fisher(fail_in, pass_in, max(0, len(failing) - fail_in), max(0, len(passing) - pass_in))
    if chance >= CONVINCING or chance >= by_size:
        return None
    return _finding(case, factor, worst, (fail_in, len(failing)), (pass_in, len(passing)), chance, fails[worst])


def _finding(
    case: CaseView,
    factor: _Factor,
    value: str,
    fails: tuple[int, int],
    passes: tuple[int, int],
    chance: float,
    members: set[int],
) -> Finding | None:
    evidence = _evidence(case, members)
    if not evidence:
        return None
    return Finding(
        code=CODE,
        severity=Severity.WARNING,
        confidence=Confidence.LIKELY,
        summary=Text(
            f"Failing terminals share their {factor.name.en}: {value} ({fails[0]} of {fails[1]} failing, {passes[0]} "
            f"of "
            f"{passes[1]} passing terminals), more clearly than they share a size. Likely: chance alone would give "
            f"this with "
            f"probability {chance:.1e}; a common {factor.name.en} is a hint, not yet the cause.",
            f"失败终端的共同点是{factor.name.zh}：{value}（失败终端 {fails[0]}/{fails[1]}，通过终端 "
            f"{passes[0]}/{passes[1]}），"
            f"比长度上的共同点更明显。很可能：偶然概率 {chance:.1e}；但共同的{factor.name.zh}只是线索，尚不是原因。",
        ),
        evidence=evidence,
        counts={"terminals_failing": fails[0], "terminals_passing": passes[0]},
        against=STANDS_FOR_ACCESS if factor.key == "access" else (),
        next_steps=(
            Text(
                f"Compare one failing and one passing terminal that differ in nothing but the {factor.name.en}, and "
                f"capture on the "
                "access device of each.",
                f"找仅{factor.name.zh}不同的一台失败终端和一台通过终端对比，并在各自的接入设备上抓包。",
            ),
        ),
        details={"factor": factor.key, "value": value, "chance": chance},
    )


def _evidence(case: CaseView, members: set[int]) -> tuple[Evidence, ...]:
    rows: list[Evidence] = []
    for terminal in case.facts.terminals:
        if id(terminal) in members and len(rows) < 12:
            for session in terminal.sessions:
                if session.outcome is Outcome.FAILED:
                    rows.extend(of_attempts([a for m in session.messages for a in m.attempts][:1])[:1])
                    break
    return unique(rows)


RULE = CaseRule(
    CODE,
    Text(
        "failing terminals share a subnet, an hour or a version that passing ones do not",
        "失败终端具有通过终端所没有的共同网段、时段或版本",
    ),
    MANY,
    judge,
)
