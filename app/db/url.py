"""DATABASE_URL as SQLAlchemy and as PostgreSQL's own library want it."""

from __future__ import annotations

from app.core.records import Text
from app.errors import Rejected

DRIVER = "postgresql+psycopg://"


def driver_url(url: str) -> str:
    """The URL for SQLAlchemy, with the driver named; people and PaaS write `postgres://` or `postgresql://`."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgres", "postgresql"):
        raise Rejected(
            Text(
                f"DATABASE_URL must begin with postgresql://, not {scheme!r}.",
                f"DATABASE_URL 必须以 postgresql:// 开头，而不是 {scheme!r}。",
            )
        )
    return DRIVER + rest


def libpq_url(url: str) -> str:
    """The same URL for psycopg and libpq themselves."""
    return "postgresql://" + driver_url(url).removeprefix(DRIVER)
