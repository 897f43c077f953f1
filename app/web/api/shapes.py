"""What the API takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from sqlalchemy import Row

from app.db.models import Analysis, Case
from app.db.pages import Page

LARGEST_ID = 2**31 - 1
Item = TypeVar("Item")


def storable(text: str) -> str:
    """PostgreSQL stores every character but this one."""
    if "\x00" in text:
        raise ValueError("the character U+0000 cannot be stored")
    return text


def _schema(most: int, least: int = 0) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "maxLength": most, "minLength": least, "pattern": "^[^\\x00]*$"})


_STORABLE = AfterValidator(storable)
Title = Annotated[str, StringConstraints(max_length=200, min_length=1), _STORABLE, _schema(200, 1)]
Site = Annotated[str, StringConstraints(max_length=200), _STORABLE, _schema(200)]
Remark = Annotated[str, StringConstraints(max_length=4000), _STORABLE, _schema(4000)]
Words = Annotated[str, StringConstraints(max_length=200), _STORABLE, _schema(200)]


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("nothing but blanks")
    return text


def _named(most: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "maxLength": most, "minLength": 1, "pattern": "^[^\\x00]*\\S[^\\x00]*$"})


GroupName = Annotated[
    str, StringConstraints(max_length=100, min_length=1), AfterValidator(_said), _STORABLE, _named(100)
]
FilterName = Annotated[
    str, StringConstraints(max_length=60, min_length=1), AfterValidator(_said), _STORABLE, _named(60)
]
FilterQuery = Annotated[str, StringConstraints(max_length=2000), _STORABLE, _schema(2000)]
CaseId = Annotated[int, Path(ge=1, le=LARGEST_ID, examples=[1])]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000, description="Pages count from 1.")]
LONGEST_WAIT_S = 60
WaitSeconds = Annotated[
    int, Query(ge=0, le=LONGEST_WAIT_S, description="Seconds to wait for its end; answered earlier where it ends.")
]


class BothLanguages(BaseModel):
    en: str
    zh: str


class NewCase(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"title": "Ticket 4711", "site": "Building 7", "language": "en"}}
    )

    title: Title
    site: Site = ""
    language: Literal["en", "zh"] = "en"


class NewTitle(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"title": "Ticket 4711"}})

    title: Title


class CaseChange(BaseModel):
    """Only what is given changes."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"state": "solved", "note": "The firewall dropped fragments."}}
    )

    title: Title | None = None
    site: Site | None = None
    state: Literal["open", "solved"] | None = None
    note: Remark | None = Field(default=None, description="What the cause was in the end.")


class AnalysisState(BaseModel):
    """One run over a case."""

    id: int = Field(examples=[3])
    state: Literal["queued", "running", "done", "failed", "canceled"]
    step: str = Field(description="unpack, logs, captures, matching, diagnosis or save.", examples=["captures"])
    fraction: float = Field(description="Of this step, 0 to 1.", examples=[0.5])
    error: BothLanguages | None = Field(description="Why it failed.")
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    terminals: int = Field(examples=[14])
    failed_terminals: int = Field(examples=[11])
    main_finding: str | None = Field(examples=["later-later-fragments-lost"])

    @classmethod
    def of(cls, run: Analysis) -> AnalysisState:
        error = BothLanguages(en=run.error_en, zh=run.error_zh) if run.error_en else None
        return cls.model_validate(
            {
                "id": run.id, "state": run.state, "step": run.step, "fraction": run.fraction, "error": error,
                "requested_at": run.requested_at, "started_at": run.started_at, "finished_at": run.finished_at,
                "terminals": run.terminal_count, "failed_terminals": run.failed_count,
                "main_finding": run.main_finding,
            }
        )  # fmt: skip


class CaseState(BaseModel):
    id: int = Field(examples=[1])
    title: str = Field(examples=["Ticket 4711"])
    site: str = Field(examples=["Building 7"])
    state: Literal["open", "solved"]
    note: str
    language: str
    created_at: datetime
    updated_at: datetime
    current: AnalysisState | None = Field(description="The analysis that everybody reads; absent before the first.")
    latest: AnalysisState | None = Field(default=None, description="The newest run, in the answer about one case only.")

    @classmethod
    def of(cls, case: Case, current: Analysis | None, latest: Analysis | None = None) -> CaseState:
        return cls.model_validate(
            {
                "id": case.id, "title": case.title, "site": case.site, "state": case.state, "note": case.note,
                "language": case.language, "created_at": case.created_at, "updated_at": case.updated_at,
                "current": AnalysisState.of(current) if current else None,
                "latest": AnalysisState.of(latest) if latest else None,
            }
        )  # fmt: skip


class Listed(BaseModel, Generic[Item]):
    """One page of a list. The `Link` header leads to the next one."""

    items: list[Item]
    page: int = Field(examples=[1])
    pages: int = Field(examples=[1])
    total: int = Field(examples=[1])
    is_total_exact: bool = Field(True, description="False where there are more: then the last page is not known.")

    @classmethod
    def of(cls, page: Page[Any], items: list[Item]) -> Listed[Item]:
        return cls(items=items, page=page.number, pages=page.last, total=page.total, is_total_exact=page.is_total_exact)


class TerminalState(BaseModel):
    key: str = Field(examples=["t1"])
    user: str | None = Field(examples=["9310042@QSD"])
    mac: str | None = Field(examples=["00:25:11:E9:55:B9"])
    ip: list[str] = Field(examples=[["10.1.1.1"]])
    outcome: str = Field(examples=["failed"])
    sessions: int = Field(examples=[1])
    failed_sessions: int = Field(examples=[1])
    message3_plain_bytes: int | None = Field(examples=[2649])
    lost_between: list[str] | None = Field(examples=[["fw-outside", "fw-inside"]])
    main_finding: str | None = Field(examples=["later-later-fragments-lost"])

    @classmethod
    def of(cls, row: Row[Any]) -> TerminalState:
        lost = [row.lost_from, row.lost_to] if row.lost_from is not None and row.lost_to is not None else None
        return cls(
            key=row.key, user=row.user, mac=row.mac, ip=row.ip, outcome=row.outcome, sessions=row.session_count,
            failed_sessions=row.failed_count, message3_plain_bytes=row.message3_plain_bytes, lost_between=lost,
            main_finding=row.main_finding,
        )  # fmt: skip


class FindingState(BaseModel):
    """A rule's claim, as in the verdict document; further members are described there."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(examples=["later-later-fragments-lost"])
    severity: Literal["error", "warning", "info"]
    confidence: Literal["certain", "likely", "possible"]
    message: int | None = Field(examples=[3])
    between: list[str] | None = Field(examples=[["fw-outside", "fw-inside"]])
    summary: BothLanguages


class FindingCount(BaseModel):
    code: str
    severity: str
    terminals: int


class Judgement(BaseModel):
    """What support thinks of a finding, in the whole case."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"state": "confirmed", "note": "The firewall dropped them."}}
    )

    state: Literal["open", "confirmed", "dismissed"]
    note: Remark = ""


class JudgementState(Judgement):
    model_config = ConfigDict(extra="forbid", from_attributes=True)

    code: str = Field(examples=["later-fragments-lost"])
    author: str = Field(examples=["support-anna"])
    changed_at: datetime


class Findings(BaseModel):
    findings: list[FindingState] = Field(description="Of the whole case, or of the one terminal that was asked for.")
    of_terminals: list[FindingCount] = Field(description="How many terminals have which finding.")
    judgements: list[JudgementState] = Field(description="What support thinks of them; not told to guests.")


class StoredFile(BaseModel):
    path: str = Field(examples=["client.pcap"])
    sha256: str = Field(examples=["ab" * 32])
    size_bytes: int = Field(examples=[1048576])
