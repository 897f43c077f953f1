"""The OpenAPI document against the service: made-up requests find no fault and no answer that is not told there."""

from __future__ import annotations

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.api.conftest import Api

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@schemathesis.serializer("application/offset+octet-stream")
def piece(_context: schemathesis.SerializationContext, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def token(api: Api) -> dict[str, str]:
    return {"Authorization": api.client.headers["Authorization"]}


MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def test_every_answer_is_one_of_the_document(api: Api) -> None:
    schema = schemathesis.openapi.from_url(f"{api.client.base_url}/api/v1/openapi.json", headers=token(api))
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in MODES:
            tried += _try(operation, mode, api)
    assert tried > 300
    # Limits that were made up would hold for the tests that follow.
    api.client.put("/api/v1/keeping", json={"retention_days": None, "quota_bytes": None}).raise_for_status()


def _try(operation, mode: GenerationMode, api: Api) -> int:  # type: ignore[no-untyped-def]
    tried = 0

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=12,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: schemathesis.Case) -> None:
        nonlocal tried
        tried += 1
        if isinstance(case.query.get("wait"), int):
            case.query["wait"] = min(case.query["wait"], 1)
        case.call_and_validate(checks=CHECKS, headers=token(api))

    try:
        ask()
    except Unsatisfiable:
        # An operation that takes nothing cannot be asked wrongly.
        assert mode is GenerationMode.NEGATIVE, operation.label
    except Exception as error:
        error.add_note(f"{operation.label}, {mode}")
        raise
    return tried
