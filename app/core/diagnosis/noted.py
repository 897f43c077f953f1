"""Case findings that rest on what the network part noted of a source, a point or a leg."""

from __future__ import annotations

from collections.abc import Callable

from app.core.analysis import Evidence, Finding, Outcome, Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import Judgement, NotRun, found
from app.core.diagnosis.wording import joined
from app.core.network.traces import NetworkNote, NoteCode
from app.core.records import Confidence, Text

NO_CAPTURE = Text("a capture", "抓包")
MOST = 20


def is_anything_failing(case: CaseView) -> bool:
    """A flaw of a capture is worth a warning only where there is something to find out."""
    return any(terminal.outcome is not Outcome.PASSED for terminal in case.facts.terminals)


def place_of(note: NetworkNote) -> str:
    return note.point or note.source or ""


def findings_from(
    case: CaseView,
    code: NoteCode,
    severity: Severity,
    confidence: Confidence,
    meaning: Callable[[NetworkNote], Text],
    next_steps: Callable[[NetworkNote], tuple[Text, ...]] = lambda note: (),
    against: tuple[Text, ...] = (),
) -> Judgement:
    """One finding a note. `meaning` follows the note's own sentence."""
    network = case.facts.network
    if network is None or not network.points:
        return NotRun((NO_CAPTURE,))
    findings: list[Finding] = []
    for note in network.notes_of(code):
        evidence = note.evidence or _fallback(case, note)
        if evidence:
            findings.append(
                Finding(
                    code=str(code.value),
                    severity=severity,
                    confidence=confidence,
                    summary=joined(_sentence(_placed(note)), meaning(note)),
                    evidence=evidence[:24],
                    between=note.between,
                    counts=dict(note.counts),
                    against=against,
                    next_steps=next_steps(note),
                    details={**note.details, "point": note.point, "source": note.source},
                )
            )
    return found(*findings[:MOST])


def _placed(note: NetworkNote) -> Text:
    """The note's sentence, led by the file or point that it is about where it does not name it."""
    place = note.source or note.point
    if note.between:
        return Text(note.text.en[:1].upper() + note.text.en[1:], note.text.zh)
    if not place or place in note.text.en:
        return note.text
    return Text(f"{place}: {note.text.en}", f"{place}：{note.text.zh}")


def _sentence(text: Text) -> Text:
    """With its full stop; the note may come as a clause."""
    en, zh = text.en.strip(), text.zh.strip()
    return Text(
        (en + ("" if en.endswith((".", "!", "?")) else ".")) if en else "",
        (zh + ("" if zh.endswith(("。", "！", "？")) else "。")) if zh else "",
    )


def _fallback(case: CaseView, note: NetworkNote) -> tuple[Evidence, ...]:
    """The first frame of the capture that the note is about."""
    sources = [note.source] if note.source else []
    for name in (note.point, *(note.between or ())):
        if not sources and name in case.points:
            sources.extend(case.points[name].sources[:1])
    return tuple(Evidence(source, frame=1, text=note.text.en[:300]) for source in sources)
