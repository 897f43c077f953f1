"""Rows as one JSON value: so that one statement answers for several tables.

A page needs a few rows of each of a dozen tables. Asked one by one, the program spends more on the asking than on the
rows, and waits a dozen times for its turn on the processor.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, JSON, ColumnElement, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

Rows = Sequence[Any]  # with columns as attributes


def as_json(rows: CTE, *order: str) -> ColumnElement[Any]:
    """All rows as an array of arrays, in the order of these columns; null for none."""
    ordered: Any = aggregate_order_by(func.json_build_array(*rows.c), *(rows.c[name] for name in order))
    return select(func.json_agg(ordered, type_=JSON)).scalar_subquery()


def shape(name: str, columns: Sequence[str]) -> Any:
    """What makes rows of such arrays again: see `shaped`."""
    return namedtuple(name, columns)


def shaped(found: list[list[Any]] | None, row: Any) -> Rows:
    return [*map(row._make, found or ())]


def numbers_of(query: Any) -> ColumnElement[Any]:
    """As an array: looked up one by one in an index, whatever the planner thinks of how many there are."""
    return func.array(query.scalar_subquery())
