"""Which terminals will fail next, and which will heal: message 3 grows by some ten bytes with every patch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor

from app.core.analysis import Evidence, Finding, Severity
from app.core.diagnosis.case_view import COMPRESSION_BYTES, CaseView, Report
from app.core.diagnosis.evidence import of_attempts, unique
from app.core.diagnosis.facts import MISS, CaseRule, Judgement, NotRun, found
from app.core.diagnosis.wording import listed
from app.core.records import Confidence, Text

CODE = "who-breaks-next"
# As in the published case: used until the case's own messages tell better.
USUAL_BASE_BYTES, USUAL_PATCH_BYTES = 578.0, 10.0
SOON_PATCHES = 30  # about half a year of updates
_FRAGMENT_LOSS = frozenset(
    {
        "later-fragments-lost",
        "first-fragment-lost",
        "fragmented-datagrams-lost",
        "large-datagrams-lost",
    }
)

NO_PATCHES = Text(
    "patch counts of message 3 (iNode logs with bodies)", "3 号报文中的补丁数量（含报文内容的 iNode 日志）"
)


@dataclass(frozen=True, slots=True)
class SizeLine:
    """Plaintext bytes = base + per_patch × patches."""

    base_bytes: float
    per_patch_bytes: float
    samples: int  # 0: not calibrated

    def patches_at(self, plain_bytes: int) -> int:
        """The largest number of patches that stays within so many bytes."""
        return max(0, floor((plain_bytes - self.base_bytes) / self.per_patch_bytes))

    def bytes_at(self, patches: int) -> int:
        return round(self.base_bytes + self.per_patch_bytes * patches)


def fit_sizes(points: Sequence[tuple[int, int]]) -> SizeLine:
    """Least squares over (patches, plaintext bytes); the usual line where the points cannot tell a slope."""
    n = len(points)
    if n < 3 or len({x for x, _ in points}) < 3:
        return SizeLine(USUAL_BASE_BYTES, USUAL_PATCH_BYTES, 0)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    if not 5 <= slope <= 20:  # "KB2533552;" is ten bytes; far from that the bodies differ in more than patches
        return SizeLine(USUAL_BASE_BYTES, USUAL_PATCH_BYTES, 0)
    return SizeLine(mean_y - slope * mean_x, slope, n)


def judge(case: CaseView) -> Judgement:
    latest = _latest(case)
    if not latest:
        return NotRun((NO_PATCHES,))
    if not any(f.code in _FRAGMENT_LOSS for t in case.terminals for f in t.findings) and not any(
        f.code == "size-band" and f.severity is not Severity.INFO for f in case.found
    ):
        return MISS
    line = fit_sizes([(p, r.plain_bytes) for p, r in latest if p > 0])
    lower, upper = line.patches_at(case.lower_edge), line.patches_at(COMPRESSION_BYTES)
    soon = [(p, r) for p, r in latest if p > 0 and p <= lower < p + SOON_PATCHES]
    healing = [(p, r) for p, r in latest if lower < p <= upper < p + SOON_PATCHES]
    without = _check_not_yet_on(case, latest, lower, upper)
    if not (soon or healing or without):
        return MISS
    return found(_finding(case, line, (lower, upper), soon, healing, without))


def _latest(case: CaseView) -> list[tuple[int, Report]]:
    """(patches, report) of every terminal's last message 3 that lists what was checked."""
    last: dict[int, tuple[int, Report]] = {}
    for report in case.reports:
        check = report.message.check
        if check is not None:
            last[id(report.terminal)] = (check.patches, report)
    return list(last.values())


def _check_not_yet_on(
    case: CaseView, latest: Sequence[tuple[int, Report]], lower: int, upper: int
) -> list[tuple[int, Report]]:
    """Terminals that last reported no patches, and whose patch count another session of theirs tells."""
    most: dict[int, int] = {}
    for report in case.reports:
        if report.message.check is not None:
            key = id(report.terminal)
            most[key] = max(most.get(key, 0), report.message.check.patches)
    return [(most[id(r.terminal)], r) for p, r in latest if p == 0 and lower < most[id(r.terminal)] <= upper]


def _finding(
    case: CaseView,
    line: SizeLine,
    edges: tuple[int, int],
    soon: Sequence[tuple[int, Report]],
    healing: Sequence[tuple[int, Report]],
    without: Sequence[tuple[int, Report]],
) -> Finding:
    lower, upper = edges
    calibrated = Text(
        f"calibrated on {line.samples} messages of this case"
        if line.samples
        else "the usual line, not calibrated on this case",
        f"由本案例 {line.samples} 个报文校准" if line.samples else "采用一般经验值，未经本案例校准",
    )
    parts_en = [
        f"Message 3 takes about {line.base_bytes:.0f} bytes and {line.per_patch_bytes:.1f} a patch "
        f"({calibrated.en}): it is "
        f"fragmented from {lower + 1} patches on, and compressed (where encryption is on) from {upper + 1} on."
    ]
    parts_zh = [
        f"3 号报文约为 {line.base_bytes:.0f} 字节，每个补丁再加 {line.per_patch_bytes:.1f} 字节（{calibrated.zh}）："
        f"补丁数达到 {lower + 1} 个起会分片，达到 {upper + 1} 个起（若开启加密）会压缩。"
    ]
    if soon:
        names = listed(_names(soon, lambda p: f"+{lower + 1 - p}"))
        parts_en.append(f"Next to fail (patches still missing to the edge): {names.en}.")
        parts_zh.append(f"即将失败（距边界还差的补丁数）：{names.zh}。")
    if without:
        names = listed(_names(without, str))
        parts_en.append(f"Will fail when the patch check is switched on for them (patches): {names.en}.")
        parts_zh.append(f"对其开启补丁检查后将会失败（补丁数）：{names.zh}。")
    if healing:
        names = listed(_names(healing, lambda p: f"+{upper + 1 - p}"))
        parts_en.append(f"Will heal by growing, if encryption is on: {names.en}.")
        parts_zh.append(f"若已开启加密，补丁继续增多后会自行恢复：{names.zh}。")
    second = _second_band(case)
    if second is not None:
        parts_en.append(
            f"Compressed, it crosses one packet again from about {second} bytes of plaintext "
            f"({line.patches_at(second)} patches)."
        )
        parts_zh.append(f"压缩后，明文约 {second} 字节（{line.patches_at(second)} 个补丁）起又会超过一个报文。")
    return Finding(
        code=CODE,
        severity=Severity.INFO,
        confidence=Confidence.LIKELY if line.samples else Confidence.POSSIBLE,
        summary=Text(" ".join(parts_en), "".join(parts_zh)),
        evidence=_evidence([*soon, *without, *healing]),
        message=3,
        counts={"soon": len(soon), "when_checked": len(without), "healing": len(healing)},
        against=(
            Text(
                "a forecast from patch counts: other check items change the size as well",
                "这是按补丁数做的预测：其他检查项也会改变长度",
            ),
        ),
        next_steps=(
            Text(
                "Repair the device before the next patch day, or move these terminals to another check mode first.",
                "请在下一个补丁日之前修复设备，或先将这些终端改用其他检查方式。",
            ),
        ),
        details={
            "base_bytes": round(line.base_bytes, 1),
            "per_patch_bytes": round(line.per_patch_bytes, 2),
            "samples": line.samples,
            "lower_patches": lower,
            "upper_patches": upper,
            "second_band_bytes": second,
            "soon": [r.terminal.key for _, r in soon],
            "healing": [r.terminal.key for _, r in healing],
            "when_checked": [r.terminal.key for _, r in without],
        },
    )


def _names(rows: Sequence[tuple[int, Report]], tell: Callable[[int], str]) -> list[str]:
    return [f"{r.terminal.user or r.terminal.mac or r.terminal.key} ({tell(p)})" for p, r in rows]


def _second_band(case: CaseView) -> int | None:
    """Where compressed messages pass one packet again, by the case's own compression ratio."""
    ratios = [
        r.message.deflated_bytes / r.plain_bytes
        for r in case.reports
        if r.message.deflated_bytes and r.plain_bytes > COMPRESSION_BYTES * 2 // 3
    ]
    if not ratios:
        return None
    room = case.packet_room - case.header_bytes
    edge = round(room / (sum(ratios) / len(ratios)))
    return edge if edge > COMPRESSION_BYTES else None


def _evidence(rows: Sequence[tuple[int, Report]]) -> tuple[Evidence, ...]:
    return unique(
        Evidence(e.source, e.line, e.frame, f"{r.plain_bytes} B · {p} × KB…")
        for p, r in rows
        for e in of_attempts(r.message.attempts[:1])[:1]
    )


RULE = CaseRule(
    CODE,
    Text("which terminals will fail next, and which will heal", "哪些终端接下来会失败，哪些会自行恢复"),
    NO_PATCHES,
    judge,
)
