"""What a network device says itself, held against the fragments that were lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.core.analysis import Evidence, Finding, Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import unique
from app.core.diagnosis.facts import CaseRule, Judgement, NotRun, found
from app.core.diagnosis.wording import joined, plural
from app.core.parsers.devices import DeviceRecord, DeviceRecordKind
from app.core.records import Confidence, Text

CODE = "device-counters"

NO_OUTPUT = Text(
    "device output: debugging ip virtual-reassembly, display ip statistics, display packet-filter statistics",
    "设备输出：debugging ip virtual-reassembly、display ip statistics、display packet-filter statistics",
)
_LOSS_CODES = frozenset(
    {
        "later-fragments-lost",
        "first-fragment-lost",
        "fragmented-datagrams-lost",
        "large-datagrams-lost",
        "random-loss",
    }
)
# Counters whose growth means that the device dropped something: (words of the scope, words of the name).
_DROPS = (
    ("Fragment", "dropped"),
    ("Reassembling", "timeouts"),
    ("Output", "dropped"),
    ("", "deny"),
    ("", "input errors"),
    ("", "output errors"),
    ("", "giants"),
    ("", "buffer failures"),
    ("", "drops"),
)


def judge(case: CaseView) -> Judgement:
    records = [record for device in case.facts.devices for record in device.records]
    if not records:
        return NotRun((NO_OUTPUT,))
    lost = sum(f.counts.get("fragments_lost", 0) for t in case.terminals for f in t.findings if f.code in _LOSS_CODES)
    return found(*_counter_findings(records, lost), *_reassembly_findings(case, records))


def _counter_findings(records: Sequence[DeviceRecord], lost: int) -> Iterable[Finding]:
    groups: dict[tuple[str, str, str, str], list[DeviceRecord]] = {}
    for record in records:
        if record.kind is DeviceRecordKind.COUNTER and record.value is not None and _is_drop(record):
            groups.setdefault((record.locator.source, record.device, record.scope, record.name), []).append(record)
    for (_, device, scope, name), readings in groups.items():
        first, last = readings[0], readings[-1]
        growth = (last.value or 0) - (first.value or 0)
        if len(readings) > 1 and growth > 0:
            yield _grown(device, f"{scope} {name}".strip(), growth, first, last, lost)
        elif len(readings) == 1 and (first.value or 0) > 0 and "deny" in name and "fragment" in name:
            yield _stands_at(device, f"{scope} {name}".strip(), first, lost)


def _is_drop(record: DeviceRecord) -> bool:
    return any(scope in record.scope and word in record.name for scope, word in _DROPS)


def _grown(device: str, counter: str, growth: int, first: DeviceRecord, last: DeviceRecord, lost: int) -> Finding:
    fits = lost > 0 and growth >= lost
    verdict = (
        Text(
            f"{lost} fragments were lost in the captures: the numbers "
            + (
                "agree exactly."
                if growth == lost
                else "fit, with other traffic dropped as well."
                if fits
                else "do not fit."
            ),
            f"抓包中共丢失 {lost} 个分片：二者"
            + ("完全一致。" if growth == lost else "相容（另有其他流量被丢弃）。" if fits else "不相符。"),
        )
        if lost
        else Text("", "")
    )
    reason = (
        Text(
            "Likely, not certain: a counter does not say whose packets it counted.",
            "很可能，尚不能确定：计数器不说明统计的是谁的报文。",
        )
        if fits
        else Text("Possible only: the counter stands alone.", "仅为可能：只有计数器这一项依据。")
    )
    return Finding(
        code=CODE,
        severity=Severity.WARNING if fits else Severity.INFO,
        confidence=Confidence.LIKELY if fits else Confidence.POSSIBLE,
        summary=joined(
            Text(
                f"{device or 'The device'}: counter “{counter}” grew by {growth} between the readings.",
                f"{device or '设备'}：计数“{counter}”在两次读取之间增加 {growth}。",
            ),
            verdict,
            reason,
        ),
        evidence=tuple(_evidence(r) for r in (first, last)),
        counts={"growth": growth, "fragments_lost": lost},
        against=(
            Text(
                "read the counter again without an authentication: it should stand still",
                "不做认证再读一次：计数应保持不变",
            ),
        ),
        details={"device": device, "counter": counter},
    )


def _stands_at(device: str, counter: str, record: DeviceRecord, lost: int) -> Finding:
    return Finding(
        code=CODE,
        severity=Severity.WARNING if lost else Severity.INFO,
        confidence=Confidence.LIKELY if lost else Confidence.POSSIBLE,
        summary=Text(
            f"{device or 'The device'} has a rule that denies fragments, and it was met {record.value} times: "
            f"“{counter}”. "
            "Likely, not certain: one reading does not say when.",
            f"{device or '设备'}上有一条拒绝分片的规则，已命中 {record.value} 次：“{counter}”。很可能，尚不能确定："
            f"只读一次无法得知命中时间。",
        ),
        evidence=(_evidence(record),),
        counts={"matched": record.value or 0, "fragments_lost": lost},
        next_steps=(
            Text(
                "Read it again after one authentication: it should grow by the fragments lost.",
                "做一次认证后再读：应恰好增加丢失的分片数。",
            ),
        ),
        details={"device": device, "counter": counter},
    )


def _reassembly_findings(case: CaseView, records: Sequence[DeviceRecord]) -> Iterable[Finding]:
    """Fragments that a firewall waited for: it is a capture point of its own."""
    ours = _identifications(case)
    waiting: dict[tuple[str, str | None, int | None], list[DeviceRecord]] = {}
    for record in records:
        key = (record.device, record.source_ip, record.identification)
        if record.kind is DeviceRecordKind.INCOMPLETE:
            waiting.setdefault(key, []).append(record)
        elif record.kind is DeviceRecordKind.COMPLETE:
            waiting.pop(key, None)
    by_device: dict[str, list[DeviceRecord]] = {}
    for (device, _, identification), rows in waiting.items():
        if not ours or identification in ours:
            by_device.setdefault(device, []).extend(rows[:1])
    for device, rows in by_device.items():
        matched = sum(1 for r in rows if r.identification in ours)
        yield Finding(
            code=CODE,
            severity=Severity.WARNING if matched else Severity.INFO,
            confidence=Confidence.LIKELY if matched else Confidence.POSSIBLE,
            summary=Text(
                f"{device or 'The device'} waited in vain for fragments of {plural(len(rows), 'datagram')} (virtual "
                f"reassembly): at this "
                f"device the missing ones had not arrived. {matched} of them are datagrams of this case. "
                + (
                    "Likely: the identifications agree."
                    if matched
                    else "Possible only: no identification of this case is among them."
                ),
                f"{device or '设备'}对 {len(rows)} 个报文的分片等待未果（虚拟分片重组）：缺失的分片没有到达该设备。"
                f"其中 {matched} 个属于本案例。"
                + ("很可能：标识（identification）一致。" if matched else "仅为可能：其中没有本案例的标识。"),
            ),
            evidence=unique(_evidence(r) for r in rows),
            counts={"datagrams": len(rows), "matched": matched},
            against=(
                Text(
                    "all fragments of a datagram must come in by one interface for this feature to see them",
                    "该特性要求同一报文的所有分片从同一接口进入，否则也会等待未果",
                ),
            ),
            next_steps=(
                Text(
                    "Look upstream of this device, or check whether fragments reach it over two interfaces.",
                    "请查该设备上游，或检查分片是否经两个接口到达。",
                ),
            ),
            details={"device": device, "identifications": [r.identification for r in rows[:50]]},
        )


def _identifications(case: CaseView) -> frozenset[int]:
    network = case.facts.network
    traced = network.traced if network is not None else ()
    return frozenset(
        t.fate.identification for t in traced if t.fate.identification is not None and len(t.fate.fragments) > 1
    )


def _evidence(record: DeviceRecord) -> Evidence:
    return Evidence(record.locator.source, line=record.locator.line, text=record.text)


RULE = CaseRule(
    CODE,
    Text("what a device counted, held against the fragments that were lost", "设备自身计数与丢失分片的对照"),
    NO_OUTPUT,
    judge,
)
