"""The verdict at the top of a page: one sentence first, what supports it after."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.core.analysis import Finding, Outcome, Severity, Terminal
from app.core.case_report import counted_for
from app.core.records import Text
from app.db import terminal_queries
from app.db.claims import load_claims

_SIGNS = {"bad": "✕", "good": "✓", "open": "?"}
_END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9])")

UNEXPLAINED = Text("The evidence does not say why.", "现有证据还不能说明原因。")
ALL_WELL = Text("Every exchange finished well.", "所有安全认证均正常完成。")
ONE_WELL = Text("The exchange finished well.", "安全认证正常完成。")
NOTHING = Text(
    "No EAD exchange was found in these files: the sources below tell what each of them is.",
    "在这些文件中没有找到 EAD 报文交互：下面的来源列表说明了每个文件是什么。",
)
UNFINISHED = Text(
    "No terminal failed, but not every exchange could be followed to its end.",
    "没有终端失败，但并非每次交互都能跟踪到结束。",
)


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict in one sentence and the `rest` that supports it. `tone` is "bad", "good" or "open"."""

    sentence: Text
    rest: Text
    tone: str

    @property
    def sign(self) -> str:
        """Says the tone to those who do not see its colour."""
        return _SIGNS[self.tone]


@dataclass(frozen=True, slots=True)
class Example:
    """The finding that the most terminals have, as one of them shows it."""

    key: str
    name: str
    finding: Finding

    def summary(self, terminals: int) -> Text:
        """What it says where so many terminals have it."""
        told = self.finding.summary
        return told if terminals < 2 else counted_for(told, self.name)


def example_of(db: Session, analysis_id: int) -> Example | None:
    """None where no terminal has an error or a warning."""
    found = terminal_queries.commonest_finding(db, analysis_id)
    if found is None:
        return None
    row, code = found
    finding = next((item for item in load_claims(db, analysis_id, row.no)[0] if item.code == code), None)
    return None if finding is None else Example(row.key, row.user or row.mac or row.key, finding)


def case_headline(findings: Iterable[Finding], outcomes: Mapping[str, int], worst: Text | None) -> Headline:
    """`findings` are the case's own; `worst` is what the finding says that the most terminals have."""
    total, failed = sum(outcomes.values()), outcomes.get("failed", 0)
    own = next((finding.summary for finding in findings if finding.severity is Severity.ERROR), None)
    cause = own or worst
    if failed:
        first, rest = split(cause or UNEXPLAINED)
        if total > 1:
            first = Text(
                f"{failed:,} of {total:,} terminals failed: {first.en[:1].lower()}{first.en[1:]}",
                f"{total} 个终端中有 {failed} 个失败：{first.zh}",
            )
        return Headline(first, rest, "bad")
    if not total:
        return Headline(NOTHING, Text("", ""), "open")
    if outcomes.get("passed", 0) == total:
        return Headline(ALL_WELL if total > 1 else ONE_WELL, Text("", ""), "good")
    return Headline(*split(cause or UNFINISHED), "open")


def terminal_headline(terminal: Terminal) -> Headline | None:
    """The terminal's first finding."""
    if not terminal.findings:
        return None
    first = terminal.findings[0]
    tone = "bad" if first.severity is Severity.ERROR else "good" if terminal.outcome is Outcome.PASSED else "open"
    return Headline(*split(first.summary), tone)


def split(text: Text) -> tuple[Text, Text]:
    """The first sentence, and the others."""
    first_en, *rest_en = _END_OF_SENTENCE.split(text.en, maxsplit=1)
    first_zh, full_stop, rest_zh = text.zh.partition("。")
    return Text(first_en, first_zh + full_stop), Text("".join(rest_en), rest_zh)
