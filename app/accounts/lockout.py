"""Back-off after wrong passwords, for a name (known or not) and for an address alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address

from sqlalchemy import case, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.secret import Keyring
from app.db.accounts import FailedLogin

FREE = {"name": 5, "address": 20}  # mistakes that cost nothing
FIRST_WAIT_S, LONGEST_WAIT_S = 15, 900
FORGOTTEN_AFTER = timedelta(hours=24)


def subjects(keys: Keyring, name: str, address: str) -> dict[str, str]:
    """What an attempt counts for: digest → "name" or "address"."""
    return {
        keys.digest("failed name", name.strip().lower()): "name",
        keys.digest("failed address", _network(address)): "address",
    }


def _network(address: str) -> str:
    """One customer of IPv6 has a whole /64."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) else str(parsed)


def count_attempt(db: Session, of: dict[str, str]) -> int:
    """Count one attempt before its password is looked at, so that a thousand at once are a thousand attempts.

    Seconds to wait where it is not allowed now, else 0. The caller commits at once.
    """
    db.execute(delete(FailedLogin).where(FailedLogin.last_at < func.now() - FORGOTTEN_AFTER))
    closed = db.scalar(select(func.max(FailedLogin.closed_until)).where(FailedLogin.subject.in_(of)))
    now = datetime.now(UTC)
    if closed is not None and closed > now:
        return int((closed - now).total_seconds()) + 1
    for subject, kind in sorted(of.items()):
        beyond = FailedLogin.count + 1 - FREE[kind]
        wait_s = func.least(LONGEST_WAIT_S, FIRST_WAIT_S * func.power(2, func.least(beyond - 1, 10)))
        until = func.now() + case((beyond > 0, wait_s), else_=0) * literal(timedelta(seconds=1))
        values = insert(FailedLogin).values(subject=subject, count=1)
        db.execute(
            values.on_conflict_do_update(
                index_elements=["subject"],
                set_={"count": FailedLogin.count + 1, "last_at": func.now(), "closed_until": until},
            )
        )
    return 0


def forgive(db: Session, of: dict[str, str]) -> None:
    """After a right password its name starts anew, and the address is given this one attempt back: no more, or a
    single account of one's own would make guesses at others free."""
    for subject, kind in sorted(of.items()):
        if kind == "name":
            db.execute(delete(FailedLogin).where(FailedLogin.subject == subject))
        else:
            fewer = {"count": func.greatest(FailedLogin.count - 1, 0), "closed_until": func.now()}
            db.execute(update(FailedLogin).where(FailedLogin.subject == subject).values(fewer))
