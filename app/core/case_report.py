"""What a report about a case tells, chosen out of the analysis: the verdict, one typical terminal, findings grouped."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.core.analysis import CaseAnalysis, Check, Evidence, Finding, Outcome, Seen, Session, Severity, Source, Terminal
from app.core.records import Text

MOST_EVIDENCE = 12
HAN = re.compile("[\u4e00-\u9fff]")
SEVERITIES = tuple(Severity)


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """The same claim about several terminals. `example` is the finding whose words are quoted."""

    example: Finding
    terminals: tuple[str, ...]  # users, or whatever names them; empty for a finding about the whole case
    counts: tuple[tuple[str, int], ...]  # added up
    evidence: tuple[Evidence, ...]  # the first ones
    more_evidence: int

    @property
    def summary(self) -> Text:
        """The example's sentence."""
        told = self.example.summary
        return told if len(self.terminals) < 2 else counted_for(told, self.terminals[0])


def counted_for(told: Text, name: str) -> Text:
    """A sentence that counts what one terminal of several sent says of which."""
    return Text(f"{told.en} (Counted for {name}.)", f"{told.zh}（以上数字取自 {name}。）")


@dataclass(frozen=True, slots=True)
class CaseReport:
    """`typical` failed in the way most terminals failed; `healthy` passed. Each with the session to be drawn."""

    headline: Text
    groups: tuple[FindingGroup, ...]
    typical: tuple[Terminal, Session] | None
    healthy: tuple[Terminal, Session] | None
    excluded: tuple[Text, ...]
    next_steps: tuple[Text, ...]
    not_run: tuple[tuple[tuple[Text, ...], tuple[str, ...]], ...]  # what lacked, and the codes that need it
    period_ns: tuple[int, int] | None
    outcomes: tuple[tuple[Outcome, int], ...]


def name_of(terminal: Terminal) -> str:
    return terminal.user or terminal.mac or (terminal.ip[0] if terminal.ip else terminal.key)


def is_command(line: str) -> bool:
    """Whether a line of a next step is to be typed: no sentence in either language."""
    return not HAN.search(line) and not line.rstrip().endswith((".", ":", "!", "?")) and not line[:1].isupper()


def bundle_hash(sources: Iterable[Source]) -> str:
    """What a bundle of several files is known by: SHA-256 of its list, as `sha256sum FILE… | sort -k 2` prints it."""
    listed = sorted((source.path, source.sha256) for source in sources if source.sha256)
    lines = "".join(f"{sha256}  {path}\n" for path, sha256 in listed)
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest() if listed else ""


def compose_report(analysis: CaseAnalysis) -> CaseReport:
    """Everything in the order in which the report prints it."""
    groups = group_findings(analysis)
    outcomes = Counter(terminal.outcome for terminal in analysis.terminals)
    return CaseReport(
        headline=_headline(analysis, groups, outcomes),
        groups=groups,
        typical=_typical(analysis.terminals),
        healthy=_pick(terminal for terminal in analysis.terminals if terminal.outcome is Outcome.PASSED),
        excluded=_distinct(text for group in groups for text in group.example.against),
        next_steps=_distinct(text for group in groups for text in group.example.next_steps),
        not_run=_not_run(analysis.checks),
        period_ns=_period(analysis.terminals),
        outcomes=tuple((outcome, outcomes[outcome]) for outcome in Outcome if outcomes[outcome]),
    )


def group_findings(analysis: CaseAnalysis) -> tuple[FindingGroup, ...]:
    """Findings of the case and of its terminals, the same claims together, most severe and most frequent first."""
    grouped: dict[tuple[object, ...], list[tuple[str | None, Finding]]] = {}
    everything = [(None, finding) for finding in analysis.findings]
    for owner, finding in [*everything, *((name_of(t), finding) for t in analysis.terminals for finding in t.findings)]:
        key = (finding.code, finding.severity, finding.message, finding.between, owner is None)
        grouped.setdefault(key, []).append((owner, finding))
    groups = [_group(members) for members in grouped.values()]
    return tuple(
        sorted(groups, key=lambda group: (SEVERITIES.index(group.example.severity), -max(len(group.terminals), 1)))
    )


def _group(members: Sequence[tuple[str | None, Finding]]) -> FindingGroup:
    counts: Counter[str] = Counter()
    for _, finding in members:
        counts.update(finding.counts)
    evidence = list(dict.fromkeys(item for _, finding in members for item in finding.evidence))
    return FindingGroup(
        members[0][1],
        tuple(dict.fromkeys(owner for owner, _ in members if owner is not None)),
        tuple(counts.items()),
        tuple(evidence[:MOST_EVIDENCE]),
        max(len(evidence) - MOST_EVIDENCE, 0),
    )


def _headline(analysis: CaseAnalysis, groups: Sequence[FindingGroup], outcomes: Counter[Outcome]) -> Text:
    total, failed = len(analysis.terminals), outcomes[Outcome.FAILED]
    if not total:
        return Text("No EAD exchange was found in these files.", "在这些文件中没有找到 EAD 报文交互。")
    if not failed and outcomes[Outcome.PASSED] == total:
        return Text("Every exchange finished well.", "所有安全认证均正常完成。")
    errors = [group for group in groups if group.example.severity is Severity.ERROR]
    whole = next((group for group in errors if not group.terminals), None)
    own = max((group for group in errors if group.terminals), key=lambda group: len(group.terminals), default=None)
    # What was seen on the wire stands first; what the sizes say about the whole case confirms it.
    causes = [group.summary for group in (own, whole) if group is not None]
    told = Text(" ".join(cause.en for cause in causes), "".join(cause.zh for cause in causes))
    if not causes:
        told = Text("The evidence does not say why.", "现有证据还不能说明原因。")
    return Text(
        f"{failed:,} of {total:,} terminals failed. {told.en}", f"{total:,} 个终端中有 {failed:,} 个失败。{told.zh}"
    )


def _typical(terminals: Sequence[Terminal]) -> tuple[Terminal, Session] | None:
    failed = [terminal for terminal in terminals if terminal.outcome is Outcome.FAILED]
    common = Counter(_cause(terminal) for terminal in failed)
    if not failed:
        return _pick(terminal for terminal in terminals if terminal.outcome is not Outcome.PASSED)
    most = max(common, key=lambda cause: common[cause])
    return _pick(terminal for terminal in failed if _cause(terminal) == most)


def _cause(terminal: Terminal) -> tuple[object, ...]:
    first = terminal.findings[0] if terminal.findings else None
    return (first.code, first.between) if first else ()


def _pick(terminals: Iterable[Terminal]) -> tuple[Terminal, Session] | None:
    """The terminal and session that the most was seen of; of equals the first."""
    both = [(terminal, session) for terminal in terminals for session in terminal.sessions]
    wanted = [pair for pair in both if pair[1].outcome is pair[0].outcome] or both
    return max(wanted, key=lambda pair: _watched(pair[1]), default=None)


def _watched(session: Session) -> tuple[int, int]:
    points = {
        point
        for message in session.messages
        for attempt in message.attempts
        for fragment in (attempt.datagram.fragments if attempt.datagram else ())
        for point, sighting in fragment.sightings.items()
        if sighting.state is not Seen.UNKNOWN
    }
    return len(points), min(len(session.messages), 4)


def _not_run(checks: Iterable[Check]) -> tuple[tuple[tuple[Text, ...], tuple[str, ...]], ...]:
    """By what they lacked: of a bundle with a log only that is the same for most of them."""
    lacking: dict[tuple[Text, ...], list[str]] = {}
    for check in checks:
        if check.result == "not-run":
            lacking.setdefault(tuple(check.missing), []).append(check.code)
    return tuple((missing, tuple(codes)) for missing, codes in lacking.items())


def _distinct(texts: Iterable[Text]) -> tuple[Text, ...]:
    return tuple(dict.fromkeys(texts))


def _period(terminals: Sequence[Terminal]) -> tuple[int, int] | None:
    times = [
        at for t in terminals for session in t.sessions for at in (session.start_ns, session.end_ns) if at is not None
    ]
    return (min(times), max(times)) if times else None
