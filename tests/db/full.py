"""A database with at least one row in every table, those of tomorrow too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Connection, DateTime, Engine, Table, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session

from app.db import accounts, handover, results
from app.db.base import Base
from app.db.models import Case
from app.db.save import save_analysis
from tests.db.analyses import analysis

assert accounts and handover and results, "imported so that every table is known"

# What a rule of the table wants, where any value of the type will not do.
WANTED: dict[str, dict[str, Any]] = {
    "users": {"role": "ops"},
    "web_sessions": {"user_id": 1},
    "bundle_files": {"sha256": "x"},
    "documents": {"kind": "report"},
    "finding_judgements": {"state": "confirmed"},
}


def fill(engine: Engine) -> None:
    with Session(engine) as session:
        case = Case(title="full")
        session.add(case)
        session.flush()
        save_analysis(session, case.id, analysis())
        session.commit()
    with engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            if not connection.scalar(select(func.count()).select_from(table)):
                connection.execute(insert(table).values(_row(connection, table)))


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def _row(connection: Connection, table: Table) -> dict[str, Any]:
    wanted = WANTED.get(table.name, {})
    needed = [
        column
        for column in table.columns
        if not column.nullable and column.server_default is None and column.identity is None
    ]
    return {**{column.name: _value(connection, column) for column in needed}, **wanted}


def _value(connection: Connection, column: Column[Any]) -> Any:
    for key in column.foreign_keys:
        return connection.scalar(select(func.min(key.column)))
    if isinstance(column.type, DateTime):
        return datetime.now(UTC)
    if isinstance(column.type, JSONB | ARRAY):
        return []
    return {int: 1, bytes: b"x"}.get(column.type.python_type, "x")
