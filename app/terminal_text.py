"""The analysis as a person reads it in a terminal: verdict, terminals, ladder, findings. Plain text in a pipe."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.core.analysis import (
    Attempt,
    CaseAnalysis,
    Finding,
    FragmentFate,
    Message,
    Outcome,
    Seen,
    Session,
    Severity,
    Source,
    Terminal,
)
from app.core.coverage import COVER_NAMES, KINDS, Cover, judge_coverage_of
from app.core.finding_names import FINDING_NAMES
from app.core.records import NS, Direction, Text

MOST_TERMINALS = 40
MOST_LADDERS = 2
MOST_FINDINGS = 12
MOST_BLOCKED = 5
MOST_WAYS = 4  # in which the logs of one kind were read

_OUTCOME = {
    Outcome.PASSED: (Text("passed", "通过"), "green"),
    Outcome.FAILED: (Text("failed", "失败"), "bold red"),
    Outcome.INCOMPLETE: (Text("incomplete", "不完整"), "yellow"),
    Outcome.UNKNOWN: (Text("unknown", "未知"), "dim"),
}
_SEVERITY = {
    Severity.ERROR: (Text("ERROR", "错误"), "bold red"),
    Severity.WARNING: (Text("WARNING", "警告"), "yellow"),
    Severity.INFO: (Text("INFO", "信息"), "cyan"),
}
_CONFIDENCE = {
    "certain": Text("certain", "确定"),
    "likely": Text("likely", "很可能"),
    "possible": Text("possible", "可能"),
}


_COVER = {
    Cover.COVERS: ("✓", "green"),
    Cover.PARTLY: ("◐", "yellow"),
    Cover.NOT: ("✗", "red"),
    Cover.UNKNOWN: ("?", "yellow"),
    Cover.ABSENT: ("–", "dim"),
}


def print_analysis(analysis: CaseAnalysis, language: str = "en") -> None:
    """Prints to standard output; colours and lines only where it is a terminal."""
    Printer(Console(highlight=False, soft_wrap=True), language).everything(analysis)


class Printer:
    def __init__(self, console: Console, language: str) -> None:
        self.console = console
        self.language = language

    def say(self, text: Text) -> str:
        return escape(text.zh if self.language == "zh" else text.en)

    def everything(self, analysis: CaseAnalysis) -> None:
        self._headline(analysis)
        self._coverage(analysis)
        self._terminals(analysis)
        failing = [t for t in analysis.terminals if t.outcome is Outcome.FAILED] or list(analysis.terminals)
        for terminal in failing[:MOST_LADDERS]:
            self._ladder(terminal, analysis)
        seen: set[tuple[object, ...]] = set()
        for finding in [*analysis.findings, *(f for t in failing for f in t.findings)]:
            signature = (finding.code, finding.between, finding.message)
            if signature not in seen and len(seen) < MOST_FINDINGS:
                seen.add(signature)
                self._finding(finding)
        self._sources(analysis)

    def _headline(self, analysis: CaseAnalysis) -> None:
        worst = headline_finding(analysis)
        if worst is not None:
            self.console.print(f"[bold]{self.say(worst.summary)}[/bold]\n")
        for note in analysis.notes:
            self.console.print(self.say(note))

    def _coverage(self, analysis: CaseAnalysis) -> None:
        """The four kinds of evidence: there or not, the failure covered or not, how they were read."""
        read_as = {source.path: _read_as(source) for source in analysis.sources}
        for holding in judge_coverage_of(analysis):
            sign, style = _COVER[holding.cover]
            name, cover = self.say(KINDS[holding.kind][0]), self.say(COVER_NAMES[holding.cover])
            line = f"[{style}]{sign}[/{style}] {name}: {cover}"
            if holding.cover is not Cover.ABSENT:
                line += f" ({self.say(holding.reason)})"
            ways = sorted({read_as[path] for path in holding.sources if read_as.get(path)})
            if ways:
                line += f" · {escape('; '.join(ways[:MOST_WAYS]))}"
            if holding.blocks:
                names = [self.say(FINDING_NAMES.get(code, Text(code, code))) for code in holding.blocks]
                more = f" (+{len(names) - MOST_BLOCKED})" if len(names) > MOST_BLOCKED else ""
                line += f" · {self.say(Text('blocks', '因此无法判断'))}: {', '.join(names[:MOST_BLOCKED])}{more}"
            self.console.print(line)
        self.console.print()

    def _terminals(self, analysis: CaseAnalysis) -> None:
        table = Table(box=None, pad_edge=False)
        for title in (Text("user", "用户"), Text("MAC", "MAC"), Text("address", "地址"), Text("outcome", "结果"),
                      Text("message 3", "3 号报文"), Text("finding", "结论")):
            table.add_column(self.say(title), no_wrap=True)
        for terminal in analysis.terminals[:MOST_TERMINALS]:
            name, style = _OUTCOME[terminal.outcome]
            table.add_row(
                escape(terminal.user or "–"),
                escape(terminal.mac or "–"),
                escape(", ".join(terminal.ip) or "–"),
                f"[{style}]{self.say(name)}[/{style}]",
                escape(_size_of_report(terminal)),
                escape(terminal.findings[0].code if terminal.findings else "–"),
            )
        self.console.print(table)
        more = len(analysis.terminals) - MOST_TERMINALS
        if more > 0:
            self.console.print(self.say(Text(f"… and {more} more", f"……另有 {more} 个终端")))
        self.console.print()

    def _ladder(self, terminal: Terminal, analysis: CaseAnalysis) -> None:
        session = next((s for s in reversed(terminal.sessions) if s.outcome is Outcome.FAILED), None)
        session = session or (terminal.sessions[-1] if terminal.sessions else None)
        if session is None:
            return
        points = [point.name for point in analysis.capture_points]
        zone = "" if not session.zone_known else " UTC"
        self.console.print(
            f"[bold]{escape(terminal.user or terminal.mac or ', '.join(terminal.ip))}[/bold]"
            f"  {escape(session.event_id or '')}  {_clock_time(session.start_ns, True)}{zone}"
        )
        for line in ladder_lines(session, points, self.language):
            self.console.print(escape(line), overflow="ignore", no_wrap=True, crop=False)
        self.console.print()

    def _finding(self, finding: Finding) -> None:
        name, style = _SEVERITY[finding.severity]
        where = f"  {' → '.join(finding.between)}" if finding.between else ""
        self.console.print(
            f"[{style}]{self.say(name)}[/{style}] [bold]{escape(finding.code)}[/bold]{escape(where)}"
            f"  ({self.say(_CONFIDENCE[finding.confidence.value])})"
        )
        self.console.print(f"  {self.say(finding.summary)}")
        for evidence in finding.evidence[:4]:
            place = f":{evidence.line}" if evidence.line is not None else f" #{evidence.frame}"
            self.console.print(f"  [dim]{escape(evidence.source + place)}[/dim]  {escape(evidence.text[:100])}")
        for step in finding.next_steps[:4]:
            self.console.print(f"  → {self.say(step)}".replace("\n", "\n    "))
        self.console.print()

    def _sources(self, analysis: CaseAnalysis) -> None:
        for source in analysis.sources:
            for note in source.notes:
                self.console.print(f"[dim]{escape(source.path)}:[/dim] {self.say(note)}")


def headline_finding(analysis: CaseAnalysis) -> Finding | None:
    """The finding that a person should read first: an error of a terminal or of the case, else the first there is."""
    everything = [f for t in analysis.terminals for f in t.findings] + list(analysis.findings)
    for severity in Severity:
        for finding in everything:
            if finding.severity is severity:
                return finding
    return None


def ladder_lines(session: Session, points: list[str], language: str) -> list[str]:
    """The exchange, one line for each fragment: ● seen, ✗ lost here, ? nothing can be said."""
    width = max([10, *(cell_len(point) + 4 for point in points)])
    lines = [" " * 34 + "".join(_pad(point, width) for point in points)] if points else []
    for message in session.messages:
        for attempt in message.attempts:
            lines.extend(_attempt_lines(message, attempt, points, width))
    for mark in session.marks:
        lines.append(f"{_clock_time(mark.time_ns)}  {mark.text[:120]}")
    return lines


def _attempt_lines(message: Message, attempt: Attempt, points: list[str], width: int) -> list[str]:
    arrow = "→" if message.direction is Direction.TO_SERVER else "←"
    again = f" #{attempt.attempt}" if attempt.attempt > 1 else ""
    gap = f" +{attempt.gap_s:.3g}s" if attempt.gap_s is not None else ""
    size = attempt.wire_bytes or attempt.plain_bytes
    head = f"{_clock_time(attempt.time_ns)} {arrow} {message.number}{again}{gap}"
    if attempt.datagram is None:
        return [f"{head}  {'' if size is None else f'{size} B'}"]
    lines: list[str] = []
    for index, fragment in enumerate(attempt.datagram.fragments):
        label = head if index == 0 else ""
        piece = f"{fragment.offset}+{fragment.length}"
        lines.append(_pad(label, 24) + _pad(piece, 10) + _track(fragment, points, width, message.direction))
    return lines


def _track(fragment: FragmentFate, points: list[str], width: int, direction: Direction) -> str:
    """One fragment over the points; the way it went is a line, the place of loss a cross."""
    signs = {Seen.SEEN: "●", Seen.MISSING: "✗", Seen.UNKNOWN: "?"}
    states = [fragment.sightings[p].state if p in fragment.sightings else Seen.UNKNOWN for p in points]
    travel = states if direction is Direction.TO_SERVER else states[::-1]
    lost = next((i for i, state in enumerate(travel) if state is Seen.MISSING), None)
    drawn = [" " if lost is not None and i > lost else signs[state] for i, state in enumerate(travel)]
    if direction is Direction.TO_CLIENT:
        drawn.reverse()
    track = ""
    for index, sign in enumerate(drawn):
        following = drawn[index + 1] if index + 1 < len(drawn) else " "
        linked = sign != " " and following != " "
        track += sign + ("─" if linked else " ") * (width - 1)
    return track.rstrip()


def _pad(text: str, width: int) -> str:
    return text + " " * max(width - cell_len(text), 1)


def _clock_time(time_ns: int | None, with_date: bool = False) -> str:
    if time_ns is None:
        return "            "
    moment = datetime.fromtimestamp(time_ns // NS, UTC)
    text = moment.strftime("%Y-%m-%d %H:%M:%S" if with_date else "%H:%M:%S")
    return f"{text}.{time_ns % NS // 1_000_000:03d}"


def _size_of_report(terminal: Terminal) -> str:
    for session in reversed(terminal.sessions):
        message = session.message(3)
        if message is not None:
            plain = "" if message.plain_bytes is None else f"{message.plain_bytes} B "
            return f"{plain}×{len(message.attempts)}"
    return "–"


def _read_as(source: Source) -> str:
    """The encoding and the time zone that a log was read with: `gb18030, UTC+08:00`."""
    if source.encoding is None:
        return ""
    zone_s = source.zone_offset_s
    if zone_s is None:
        return f"{source.encoding}, UTC?"
    hours, minutes = divmod(abs(zone_s) // 60, 60)
    return f"{source.encoding}, UTC{'-' if zone_s < 0 else '+'}{hours:02d}:{minutes:02d}"
