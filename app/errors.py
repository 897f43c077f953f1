"""Errors that a person is told about: a sentence in both languages and whose fault it is, as an HTTP status."""

from __future__ import annotations

from app.core.records import Text


class AppError(Exception):
    """Something that the user or operator can do something about. Shown as a page, as JSON or on standard error."""

    status = 500

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class NotFound(AppError):
    status = 404


class Rejected(AppError):
    """The request itself is at fault: it cannot be used as it is."""

    status = 422


class Conflict(AppError):
    """The request is well formed, but the state of things forbids it now."""

    status = 409


class TooLarge(AppError):
    status = 413


class Unavailable(AppError):
    """Something that the service needs is away: database, storage, disk space. Trying again later may work."""

    status = 503
