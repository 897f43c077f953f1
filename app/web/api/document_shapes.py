"""What the API takes and gives about documents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.db.handover import EVIDENCE, Document
from app.db.models import DONE, Case
from app.jobs.documents import DocumentOptions, options_of
from app.web.api.shapes import BothLanguages, Words

MOST_TERMINALS = 500


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError) as error:  # malformed, a directory, not in the database
        raise ValueError("not a name of the time zone database, such as Asia/Shanghai") from error


Zone = Annotated[str, Field(max_length=60, examples=["Asia/Shanghai"]), AfterValidator(_zone)]


class WantedReport(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"language": "en", "author": "N. Engineer"}}
    )

    language: Literal["en", "zh"] = "en"
    author: Words = ""
    zone: Zone = Field(default="UTC", description="The zone that times are printed in.")

    def options(self, kind: str, case: Case) -> DocumentOptions:
        """Title and site are part of the document, so they are part of what it is known by."""
        return DocumentOptions(kind, self.language, case.title, case.site, self.author, self.zone)


class WantedEvidence(WantedReport):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"language": "en", "terminals": ["t1"], "anonymise": True}}
    )

    terminals: list[Words] = Field(
        default=[],
        max_length=MOST_TERMINALS,
        description="Key, user, MAC or address of each; all terminals where none is given.",
    )
    anonymise: bool = Field(default=False, description="Replace everything that names somebody or something.")

    def options(self, kind: str, case: Case) -> DocumentOptions:
        title, site = ("", "") if self.anonymise else (case.title, case.site)  # they name the customer
        return DocumentOptions(
            kind, self.language, title, site, self.author, self.zone,
            tuple(dict.fromkeys(self.terminals)), self.anonymise,
        )  # fmt: skip


class DocumentState(BaseModel):
    """A document that was asked for."""

    id: int = Field(examples=[5])
    kind: Literal["report", "evidence"]
    state: Literal["queued", "running", "done", "failed", "canceled"]
    step: str = Field(description="extract, analyse or report.", examples=["report"])
    fraction: float = Field(description="Of the whole, 0 to 1.", examples=[0.5])
    language: Literal["en", "zh"]
    terminals: list[str]
    anonymise: bool
    error: BothLanguages | None = Field(description="Why it failed.")
    notes: list[BothLanguages] = Field(description="What its reader should know.")
    size_bytes: int = Field(examples=[438112])
    sha256: str | None = Field(description="Of its content.", examples=["ab" * 32])
    content: str | None = Field(
        description="Where it is fetched, once it is done.", examples=["/api/v1/cases/1/documents/5/content"]
    )
    requested_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, document: Document) -> DocumentState:
        options = options_of(document)
        place = f"/api/v1/cases/{document.case_id}/documents/{document.id}/content"
        is_evidence = document.kind == EVIDENCE
        error = BothLanguages(en=document.error_en, zh=document.error_zh) if document.error_en else None
        return cls.model_validate(
            {
                "id": document.id, "kind": document.kind, "state": document.state, "step": document.step,
                "fraction": document.fraction, "language": options.language,
                "terminals": list(options.terminals) if is_evidence else [], "anonymise": options.anonymise,
                "error": error, "notes": document.notes, "size_bytes": document.size_bytes,
                "sha256": document.sha256, "content": place if document.state == DONE else None,
                "requested_at": document.requested_at, "finished_at": document.finished_at,
            }
        )  # fmt: skip
