"""The one sentence at the top of a case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.core.analysis import Finding, Severity
from app.core.records import Text


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict in one sentence. `tone` is "bad", "good" or "open"; `sign` says the same without colour."""

    sentence: Text
    tone: str
    sign: str


def headline(findings: Iterable[Finding], outcomes: Mapping[str, int], worst: Text | None) -> Headline:
    """`findings` are the case's own; `worst` is what the finding says that the most terminals have."""
    total, failed = sum(outcomes.values()), outcomes.get("failed", 0)
    own = next((finding for finding in findings if finding.severity is Severity.ERROR), None)
    if failed:
        cause = own.summary if own is not None else worst
        count = Text("", "") if total == 1 else Text(f"{failed:,} of {total:,} terminals failed. ", f"{total} 个终端中有 {failed} 个失败。")
        if cause is None:
            return Headline(
                Text(
                    f"{count.en or 'The terminal failed. '}The evidence does not say why.",
                    f"{count.zh or '该终端认证失败。'}现有证据还不能说明原因。",
                ),
                "bad", "✕",
            )
        return Headline(Text(count.en + cause.en, count.zh + cause.zh), "bad", "✕")
    if total and outcomes.get("passed", 0) == total:
        return Headline(Text("Every exchange finished well." if total > 1 else "The exchange finished well.", "所有安全认证均正常完成。" if total > 1 else "安全认证正常完成。"), "good", "✓")
    if not total:
        return Headline(
            Text("No EAD exchange was found in these files: see the sources below for what each of them is.",
                 "在这些文件中没有找到 EAD 报文交互：请看下面的来源列表，了解每个文件是什么。"), "open", "?"
        )
    cause = own.summary if own is not None else worst
    if cause is not None:
        return Headline(cause, "open", "?")
    return Headline(Text("No terminal failed, but not every exchange could be followed to its end.",
                         "没有终端失败，但并非每次交互都能跟踪到结束。"), "open", "?")
