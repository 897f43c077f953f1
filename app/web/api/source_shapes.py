"""What the API takes and gives about files, capture points and log formats."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.core.analysis import CapturePoint
from app.core.parsers.format_check import CheckedLine
from app.db.results import SourceRow
from app.web.api.shapes import BothLanguages, storable
from app.web.evidence import Drawer

MOST_TOML = 65_536
MOST_OFFSET_S = 1e9
MOST_LINES, MOST_CHARACTERS = 200, 4_000
Path = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(storable)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(storable)]


class SourceState(BaseModel):
    path: str = Field(examples=["terminal-1/iNode.log"])
    sha256: str = Field(description="Empty for a file that could not be taken out.", examples=["ab" * 32])
    size_bytes: int = Field(examples=[20480])
    kind: Literal["inode_log", "server_log", "capture", "device", "other"]
    capture_point: str | None = Field(examples=["fwin"])
    records: int
    rejected: int
    encoding: str | None
    log_format: str | None
    zone_offset_s: int | None = Field(description="Seconds east of UTC.", examples=[28800])
    clock_offset_s: float | None = Field(description="This clock minus the reference clock.")
    notes: list[BothLanguages]

    @classmethod
    def of(cls, row: SourceRow) -> SourceState:
        return cls.model_validate(row, from_attributes=True)


class SourceChange(BaseModel):
    """Only what is given changes; null leaves it to the analysis."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"zone_offset_s": 28800}})

    encoding: str | None = Field(default=None, max_length=40, examples=["gb18030"])
    zone_offset_s: int | None = Field(default=None, ge=-43200, le=50400, examples=[28800])
    log_format: Name | None = None
    clock_offset_s: float | None = Field(default=None, ge=-MOST_OFFSET_S, le=MOST_OFFSET_S, examples=[12.5])
    capture_point: Name | None = None


class WantedPair(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"line": 31, "other": "mirror/fwin.pcap", "other_number": 26}}
    )

    line: int = Field(ge=1, le=10**12, description="Of this log.")
    other: Path = Field(description="Path of another log or capture of the case.")
    other_number: int = Field(ge=1, le=10**12, description="Its line, or its frame.")
    zone_offset_s: int | None = Field(
        default=None, ge=-43200, le=50400, description="This log's zone where it is known.", examples=[28800]
    )


class PairedState(BaseModel):
    """What the two say of the log's clock."""

    zone_offset_s: int | None = Field(description="null: it cannot be told from the error.", examples=[28800])
    clock_offset_s: float = Field(description="This clock minus the reference clock.", examples=[12.5])


class LineState(BaseModel):
    number: int = Field(examples=[31])
    text: str


class LinesState(BaseModel):
    encoding: str = Field(examples=["utf-8"])
    lines: list[LineState]

    @classmethod
    def of(cls, drawer: Drawer) -> LinesState:
        lines = [LineState(number=line.number, text=line.text) for line in drawer.lines or []]
        return cls(encoding=drawer.encoding, lines=lines)


class FieldState(BaseModel):
    text: str
    depth: int


class LayerState(BaseModel):
    title: str = Field(examples=["User Datagram Protocol"])
    fields: list[FieldState]


class FrameState(BaseModel):
    frame: int = Field(examples=[23])
    hex: str = Field(description="The first bytes.", examples=["005056c00008"])
    hidden_bytes: int = Field(description="How many follow that are not given.")
    layers: list[LayerState]

    @classmethod
    def of(cls, drawer: Drawer) -> FrameState:
        layers = [
            LayerState(title=layer.title, fields=[FieldState(text=f.text, depth=f.depth) for f in layer.fields])
            for layer in drawer.layers
        ]
        octets = "".join(row.hex.replace(" ", "") for row in drawer.hex)
        return cls(frame=drawer.frame or 0, hex=octets, hidden_bytes=drawer.hidden_bytes, layers=layers)


class PointState(BaseModel):
    name: str = Field(examples=["fwin"])
    role: Literal["client", "middle", "server"]
    order: int = Field(examples=[3])
    order_by: str = Field(description="named, ttl, clock or given.", examples=["ttl"])
    sources: list[str] = Field(examples=[["mirror/fwin.pcap"]])

    @classmethod
    def of(cls, point: CapturePoint) -> PointState:
        return cls.model_validate(
            {
                "name": point.name, "role": point.role.value, "order": point.order, "order_by": point.order_by,
                "sources": list(point.sources),
            }
        )  # fmt: skip


class WantedPoint(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "fwin", "new_name": "firewall-inside"}}
    )

    name: Name
    new_name: Name | None = None


class FormatText(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "our-server", "toml": 'name = "our-server"'}}
    )

    name: Name
    toml: str = Field(max_length=MOST_TOML)


class WantedCheck(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"toml": 'name = "our-server"', "lines": ["2026-07-14 11:14:20 …"]}},
    )

    toml: str = Field(max_length=MOST_TOML)
    lines: list[Annotated[str, Field(max_length=MOST_CHARACTERS)]] = Field(default=[], max_length=MOST_LINES)


class LineCheck(BaseModel):
    line: int = Field(examples=[1])
    is_record: bool
    result: BothLanguages
    found: dict[str, str] = Field(examples=[{"time": "2026-07-14T11:14:20", "number": "3"}])

    @classmethod
    def of(cls, checked: CheckedLine) -> LineCheck:
        result = BothLanguages(en=checked.result.en, zh=checked.result.zh)
        return cls(line=checked.line, is_record=checked.is_match, result=result, found=dict(checked.found))


class CheckedFormat(BaseModel):
    name: str = Field(examples=["our-server"])
    lines: list[LineCheck]
    wrong_samples: list[str] = Field(description="Samples of the format itself that came out otherwise than it says.")
