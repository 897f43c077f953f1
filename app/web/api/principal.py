"""Who speaks: the one place where accounts and tokens come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a request is answered for. `name` also keeps idempotency keys of different people apart."""

    name: str


LOCAL = Principal("local")


def current_principal() -> Principal:
    """Without accounts everybody who can reach the service is the same person."""
    return LOCAL


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]
