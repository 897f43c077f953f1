"""Errors that a person is told about: a sentence in both languages and whose fault it is, as an HTTP status."""

from __future__ import annotations

from app.core.records import Text


class AppError(Exception):
    """Something that the user or operator can do something about. Shown as a page, as JSON or on standard error."""

    status = 500

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class NotSignedIn(AppError):
    """Nobody is told what lies behind the door, not even whether there is something."""

    status = 401


class Forbidden(AppError):
    """Somebody, but not somebody who may."""

    status = 403


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


class TooMany(AppError):
    """Too often; `wait_s` seconds later it may work."""

    status = 429

    def __init__(self, text: Text, wait_s: int) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class Unavailable(AppError):
    """Something that the service needs is away: database, storage, disk space. Trying again later may work."""

    status = 503
