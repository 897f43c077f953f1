"""The analysis as a person reads it in a terminal: verdict, terminals, ladders, findings, steps. Plain in a pipe."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text as Line

from app.core.analysis import CaseAnalysis, Outcome, Session, Severity, Source, Terminal
from app.core.case_report import CaseReport, FindingGroup, compose_report, is_command, name_of
from app.core.coverage import COVER_NAMES, KINDS, Cover, judge_coverage_of
from app.core.finding_names import finding_name
from app.core.records import Text
from app.reports.terminal_ladder import clock_time, fit_columns, ladder_lines, visible
from app.reports.wrapping import wrapped

MOST_TERMINALS = 40
MOST_NAMED = 6
MOST_EVIDENCE = 4
MOST_BLOCKED = 5
MOST_WAYS = 4  # in which the logs of one kind were read
PIPE_WIDTH = 240  # no table is cut in a pipe

_OUTCOME = {
    Outcome.PASSED: (Text("passed", "通过"), "green"),
    Outcome.FAILED: (Text("failed", "失败"), "bold red"),
    Outcome.INCOMPLETE: (Text("incomplete", "不完整"), "yellow"),
    Outcome.UNKNOWN: (Text("unknown", "未知"), "dim"),
}
_SEVERITY = {
    Severity.ERROR: (Text("FAULT", "故障"), "bold red"),
    Severity.WARNING: (Text("WARNING", "警告"), "yellow"),
    Severity.INFO: (Text("NOTE", "提示"), "cyan"),
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
_COLUMNS = (
    Text("user", "用户"), Text("MAC", "MAC"), Text("address", "地址"), Text("outcome", "结果"),
    Text("message 3", "3 号报文"), Text("finding", "结论"),
)  # fmt: skip


def print_analysis(analysis: CaseAnalysis, language: str = "en", console: Console | None = None) -> None:
    """Prints to standard output; colours, word wrap and a width only where it is a terminal."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPE_WIDTH, file=console.file)
    _Printer(console, language).everything(analysis)


class _Printer:
    def __init__(self, console: Console, language: str) -> None:
        self.console = console
        self.language = language

    def say(self, text: Text) -> str:
        return text.zh if self.language == "zh" else text.en

    @property
    def colon(self) -> str:
        return self.say(Text(": ", "："))

    @property
    def comma(self) -> str:
        return self.say(Text(", ", "、"))

    def everything(self, analysis: CaseAnalysis) -> None:
        report = compose_report(analysis)
        is_good = report.typical is None and bool(analysis.terminals)
        self.paragraph(self.say(report.headline), style="bold green" if is_good else "bold")
        for note in analysis.notes:
            self.paragraph(self.say(note))
        self.console.print()
        self.coverage(analysis)
        self.terminals(analysis)
        for pair in (report.typical, report.healthy):
            if pair is not None:
                self.ladder(*pair, analysis)
        for group in report.groups:
            self.finding(group)
        self.steps(report)
        self.sources(analysis)

    def coverage(self, analysis: CaseAnalysis) -> None:
        """The four kinds of evidence: there or not, the failure covered or not, how they were read."""
        read_as = {source.path: self.say(_read_as(source)) for source in analysis.sources}
        for holding in judge_coverage_of(analysis):
            sign, style = _COVER[holding.cover]
            told = f"{self.say(KINDS[holding.kind][0])}{self.colon}{self.say(COVER_NAMES[holding.cover])}"
            if holding.cover is not Cover.ABSENT:
                told += self.say(Text(f" ({holding.reason.en})", f"（{holding.reason.zh}）"))
            ways = sorted({read_as[path] for path in holding.sources if read_as.get(path)})
            if ways:
                told += f" · {self.say(Text('; ', '；')).join(ways[:MOST_WAYS])}"
            if holding.blocks:
                names = [self.say(finding_name(code)) for code in holding.blocks]
                more = f" (+{len(names) - MOST_BLOCKED})" if len(names) > MOST_BLOCKED else ""
                blocked = self.comma.join(names[:MOST_BLOCKED])
                told += f" · {self.say(Text('blocks', '因此无法判断'))}{self.colon}{blocked}{more}"
            self.item(Line(sign, style), told)
        self.console.print()

    def paragraph(self, text: str, indent: int = 0, style: str = "") -> None:
        """Wrapped on a terminal; one line in a pipe, so that it can be searched."""
        for line in self.lines(text, indent):
            self.line(Line(" " * indent + line, style if self.console.is_terminal else ""))

    def item(self, mark: Line, text: str) -> None:
        """A mark or a number, and what it stands for beside it."""
        indent = mark.cell_len + 1
        for number, line in enumerate(self.lines(text, indent)):
            self.line(Line(" " * indent + line) if number else Line.assemble(mark, " ", line))

    def lines(self, text: str, indent: int) -> list[str]:
        text = visible(text, 20_000)
        return list(wrapped(text, self.console.width - indent)) if self.console.is_terminal else [text]

    def line(self, line: Line) -> None:
        """As it is, however long: a ladder, or a command that somebody copies."""
        self.console.print(line, soft_wrap=True)

    def heading(self, text: Text) -> None:
        self.line(Line(self.say(text), "bold underline"))

    def terminals(self, analysis: CaseAnalysis) -> None:
        listed = sorted(analysis.terminals, key=lambda terminal: _RANK[terminal.outcome])
        if not listed:
            return
        table = Table(box=None, pad_edge=False, header_style="dim")
        for number, title in enumerate(_COLUMNS):
            table.add_column(self.say(title), no_wrap=number in (1, 3), overflow="fold")
        for terminal in listed[:MOST_TERMINALS]:
            name, style = _OUTCOME[terminal.outcome]
            cells = (terminal.user or "–", terminal.mac or "–", ", ".join(terminal.ip) or "–")
            finding = self.say(finding_name(terminal.findings[0].code)) if terminal.findings else "–"
            told = (Line(self.say(name), style), Line(_size_of_report(terminal)), Line(finding))
            table.add_row(*(Line(visible(cell, 80)) for cell in cells), *told)
        self.console.print(table)
        more = len(listed) - MOST_TERMINALS
        if more > 0:
            self.line(Line(self.say(Text(f"… and {more} more", f"……另有 {more} 个终端")), "dim"))
        self.console.print()

    def ladder(self, terminal: Terminal, session: Session, analysis: CaseAnalysis) -> None:
        points = tuple(point.name for point in analysis.capture_points)
        columns = fit_columns(points, self.console.width if self.console.is_terminal else None)
        zone = "" if not session.zone_known else " UTC"
        title = Line(visible(name_of(terminal), 80), "bold")
        title.append(f"  {self.say(_OUTCOME[session.outcome][0])}", _OUTCOME[session.outcome][1])
        self.line(
            title.append(
                f"  {clock_time(session.start_ns, with_date=True)}{zone}  {visible(session.event_id or '', 80)}", "dim"
            )
        )
        for line in ladder_lines(session, columns, self.language):
            self.line(line)
        self.console.print()

    def finding(self, group: FindingGroup) -> None:
        finding = group.example
        name, style = _SEVERITY[finding.severity]
        title = Line(self.say(name), style).append(f" {self.say(finding_name(finding.code))}", "bold")
        if finding.between:
            title.append(f"  {visible(' → '.join(finding.between), 160)}", "bold")
        sure = _CONFIDENCE[finding.confidence.value]
        told = self.say(Text(f"  ({sure.en}, {finding.code})", f"（{sure.zh}，{finding.code}）"))
        self.line(title.append(told, "dim"))
        self.paragraph(self.say(group.summary), 2)
        if len(group.terminals) > 1:
            named = ", ".join(group.terminals[:MOST_NAMED]) + (" …" if len(group.terminals) > MOST_NAMED else "")
            count = len(group.terminals)
            self.paragraph(self.say(Text(f"{count} terminals: {named}", f"{count} 个终端：{named}")), 2, "dim")
        for evidence in group.evidence[:MOST_EVIDENCE]:
            place = f":{evidence.line}" if evidence.line is not None else f" #{evidence.frame}"
            line = (
                Line("  ")
                .append(visible(evidence.source, 200) + place, "cyan")
                .append(f"  {visible(evidence.text, 100)}")
            )
            self.line(line)
        self.console.print()

    def steps(self, report: CaseReport) -> None:
        if not report.next_steps:
            return
        self.heading(Text("Next steps", "后续步骤"))
        for number, step in enumerate(report.next_steps, 1):
            first, *rest = self.say(step).splitlines() or [""]
            self.item(Line(f"{number}."), first)
            for line in rest:
                if is_command(line):
                    self.line(Line(f"       {line.rstrip()}", "cyan"))
                else:
                    self.paragraph(line, 3)
        self.console.print()

    def sources(self, analysis: CaseAnalysis) -> None:
        noted = [(source.path, note) for source in analysis.sources for note in source.notes]
        if noted:
            self.heading(Text("About the files", "文件说明"))
        for path, note in noted:
            self.paragraph(f"{path}{self.colon}{self.say(note)}", style="dim")


_RANK = {
    outcome: at for at, outcome in enumerate((Outcome.FAILED, Outcome.INCOMPLETE, Outcome.UNKNOWN, Outcome.PASSED))
}


def _size_of_report(terminal: Terminal) -> str:
    for session in reversed(terminal.sessions):
        message = session.message(3)
        if message is not None:
            plain = "" if message.plain_bytes is None else f"{message.plain_bytes} B "
            return f"{plain}×{len(message.attempts)}"
    return "–"


def _read_as(source: Source) -> Text:
    """The encoding and the time zone that a log was read with: `gb18030, UTC+08:00`."""
    if source.encoding is None:
        return Text("", "")
    zone_s = source.zone_offset_s
    if zone_s is None:
        return Text(f"{source.encoding}, zone unknown", f"{source.encoding}，时区未知")
    hours, minutes = divmod(abs(zone_s) // 60, 60)
    zone = f"UTC{'-' if zone_s < 0 else '+'}{hours:02d}:{minutes:02d}"
    return Text(f"{source.encoding}, {zone}", f"{source.encoding}，{zone}")
