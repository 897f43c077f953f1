"""What an object store says, as a sentence for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError

from app.storage.errors import away, missing

if TYPE_CHECKING:
    from obstore.store import S3Store


@contextmanager
def store_errors(sha256: str | None = None) -> Iterator[None]:
    """BaseError becomes Unavailable; FileNotFoundError becomes NotFound where a content of ours was asked for."""
    try:
        yield
    except FileNotFoundError as error:
        if sha256 is None:
            raise
        raise missing(sha256) from error
    except (BaseError, OSError) as error:
        # The first line: the rest repeats the request, with addresses that are nobody's business.
        raise away(str(error).strip().partition("\n")[0][:200]) from error


def delete(store: S3Store, keys: Sequence[str]) -> None:
    """Delete the objects, whether they are there or not."""
    for key in keys:
        try:
            obstore.delete(store, key)
        except FileNotFoundError:
            continue
