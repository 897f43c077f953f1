"""Errors as problem details (RFC 9457), and how they are told in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from app.core.records import Text
from app.web.request_log import request_id

MEDIA_TYPE = "application/problem+json"
NUMBER = "4bf92f3577b34da6a3ce929d0e0e4736"
WRONG = Text("What went wrong, in a sentence.", "以一句话说明问题。")
CHECKSUM_MISMATCH = 460  # of the tus protocol


class Fault(BaseModel):
    """One value of a request that cannot be used."""

    where: str = Field(description="Where it stands, such as `query.page`.", examples=["query.page"])
    what: str = Field(description="What is wrong with it.", examples=["Input should be greater than or equal to 1"])


class Problem(BaseModel):
    """What went wrong, in English and Chinese."""

    type: str = Field(default="about:blank", examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no case 7."])
    detail_zh: str = Field(examples=["没有编号为 7 的案例。"])
    request_id: str = Field(description="Also in the header `X-Request-ID` and in the log.", examples=[NUMBER])
    errors: list[Fault] = Field(default=[], description="Only where values of the request are at fault.")


def is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def phrase(status: int) -> str:
    return "Checksum Mismatch" if status == CHECKSUM_MISMATCH else HTTPStatus(status).phrase


def problem(status: int, text: Text, errors: list[Fault] | None = None) -> Response:
    told = Problem(
        title=phrase(status),
        status=status,
        detail=text.en,
        detail_zh=text.zh,
        request_id=request_id(),
        errors=errors or [],
    )
    exclude = set() if errors else {"errors"}
    return JSONResponse(told.model_dump(exclude=exclude), status, media_type=MEDIA_TYPE)


def faults(errors: Any) -> list[Fault]:
    """What validation says, without the values: they may be secrets."""
    return [Fault(where=".".join(map(str, error["loc"])), what=str(error["msg"])) for error in errors][:20]


def problems(*statuses: int, details: Mapping[int, Text] = MappingProxyType({})) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`; what every route can answer is in it. `details` of a status are for its example."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    # A schema of its own in each answer: the document stays readable without a resolver.
    schema["properties"]["errors"]["items"] = Fault.model_json_schema()
    return {
        status: {
            "description": phrase(status),
            "content": {MEDIA_TYPE: {"schema": schema, "example": _example(status, details.get(status, WRONG))}},
        }
        for status in sorted({*statuses, 400, 401, 403, 422, 503})
    }


def _example(status: int, detail: Text) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": phrase(status),
        "status": status,
        "detail": detail.en,
        "detail_zh": detail.zh,
        "request_id": NUMBER,
    }
