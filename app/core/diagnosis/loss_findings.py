"""From a loss on a leg to a finding: counts, evidence on both sides, what speaks against it, next steps."""

from __future__ import annotations

from app.core.analysis import Evidence, Finding, Severity
from app.core.diagnosis.advice import loss_steps, scene
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import device_lines, frames_at, sending_line, unique
from app.core.diagnosis.losses import LegLoss, find_losses, reason_of
from app.core.diagnosis.tallies import Pattern, Way
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import joined, plural
from app.core.records import Direction, Text


def losses_of(case: CaseView, terminal: TerminalView) -> tuple[LegLoss, ...]:
    """Found once for each terminal, then shared by the rules."""
    if terminal.losses is None:
        terminal.losses = find_losses(case, terminal)
    return terminal.losses


def forward_losses(case: CaseView, terminal: TerminalView, pattern: Pattern) -> tuple[LegLoss, ...]:
    return tuple(x for x in losses_of(case, terminal) if x.pattern is pattern and x.direction is Direction.TO_SERVER)


def loss_finding(
    case: CaseView,
    terminal: TerminalView,
    loss: LegLoss,
    claim: Text,
    against: tuple[Text, ...] = (),
    code: str | None = None,
) -> Finding:
    """`claim` is the sentence before the reason for the confidence."""
    at = scene(case, terminal, loss.attempts)
    return Finding(
        code=code or loss.pattern.value,
        severity=loss.severity,
        confidence=loss.confidence,
        summary=joined(claim, reason_of(loss), _made_good(loss)),
        evidence=_evidence(case, terminal, loss),
        message=loss.message,
        between=loss.between,
        counts=loss.counts,
        against=(*against, *_common_against(loss)),
        next_steps=loss_steps(case, at, loss.between, loss.direction, loss.plain_bytes),
        details={
            "pattern": loss.pattern.value,
            "direction": loss.direction.value,
            "passed_whole": loss.tally.passed,
            "sessions": len({passage.session for passage in loss.tally.lost}),
            "identifications": [
                f"0x{a.datagram.identification:04x}"
                for a in loss.attempts[:16]
                if a.datagram is not None and a.datagram.identification is not None
            ],
        },
    )


def _made_good(loss: LegLoss) -> Text:
    if loss.severity is not Severity.WARNING:
        return Text("", "")
    return Text("A retransmission made it good.", "重传后已成功。")


def _evidence(case: CaseView, terminal: TerminalView, loss: LegLoss) -> tuple[Evidence, ...]:
    """For every lost datagram: the log line that sent it, the last point that has it, the first that lacks it."""
    result: list[Evidence] = []
    for attempt in loss.attempts:
        result.extend(sending_line(attempt))
        if attempt.datagram is not None:
            points = loss.between or terminal.names.of(loss.direction)
            result.extend(frames_at(attempt.datagram, points))
            if case.facts.devices:
                result.extend(device_lines(case.facts.devices, attempt.datagram))
    if not result:
        # Sightings without frames do not happen in real captures; the attempt's own evidence always exists.
        result.extend(e for attempt in loss.attempts for e in attempt.evidence)
    return unique(result)


def _common_against(loss: LegLoss) -> tuple[Text, ...]:
    result: list[Text] = []
    own = loss.tally
    if own.count(Way.SMALL_PASSED):
        n = own.count(Way.SMALL_PASSED)
        result.append(
            Text(
                f"{plural(n, 'unfragmented datagram')} of the same sessions crossed this leg: the path itself is there",
                f"同一会话有 {n} 个不分片报文通过该段：链路本身可达",
            )
        )
    if loss.between is not None:
        result.append(
            Text(
                f"it would be disproved by the missing fragments turning up in another capture at {loss.far} or "
                f"behind it "
                "(one mirror port can miss fragments that take a parallel link)",
                f"若在 {loss.far} 或其后的其他抓包中找到缺失的分片，则本结论不成立（分片可能走了并行链路，"
                f"单个镜像口看不到）",
            )
        )
    return tuple(result)
