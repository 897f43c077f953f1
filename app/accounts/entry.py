"""Letting in: sessions of browsers, tokens of programs, links. What is presented is looked up by its digest only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from app.access import NOBODY, Principal, Role, Scope
from app.accounts.secret import Keyring, new_token
from app.core.records import Text
from app.db.accounts import ApiToken, LoginLink, ShareLink, User, WebSession
from app.errors import Conflict

# How exactly "last seen" is kept: a row is not written for every request.
SEEN_EVERY = timedelta(minutes=1)
# A link may be opened again for a while: a preview, a probe or a double click must not use it up.
LINK_GRACE = timedelta(minutes=2)
LINK_LIFE = timedelta(hours=24)
# At the own machine nobody else can connect; the browser stays signed in.
OWN_MACHINE = timedelta(days=365)
TOKEN_PREFIX = "eads_"


@dataclass(frozen=True, slots=True)
class Stay:
    """How long a session lasts: unused, and at most."""

    idle: timedelta
    life: timedelta


@dataclass(frozen=True, slots=True)
class NewSession:
    """`token` goes into the cookie; it is not stored anywhere."""

    token: str
    row: WebSession


def begin_session(db: Session, keys: Keyring, stay: Stay, client: str, *, user_id: int) -> NewSession:
    return _begin(db, keys, stay, WebSession(user_id=user_id, client=client))


def begin_visit(db: Session, keys: Keyring, stay: Stay, link: ShareLink) -> NewSession:
    """A guest's session: it ends with the link at the latest."""
    made = _begin(db, keys, stay, WebSession(share_link_id=link.id))
    made.row.expires_at = min(made.row.expires_at, link.expires_at)
    return made


def _begin(db: Session, keys: Keyring, stay: Stay, row: WebSession) -> NewSession:
    """Old sessions go at the same time: nothing else has to clean up."""
    db.execute(delete(WebSession).where(~_is_alive()))
    token = new_token()
    row.digest = keys.digest("session", token)
    row.csrf = new_token()
    row.idle_s = int(stay.idle.total_seconds())
    row.expires_at = datetime.now(UTC) + stay.life
    db.add(row)
    db.flush()
    return NewSession(token, row)


def _is_alive() -> ColumnElement[bool]:
    idle_end = WebSession.seen_at + func.make_interval(0, 0, 0, 0, 0, 0, WebSession.idle_s)
    return (WebSession.expires_at > func.now()) & (idle_end > func.now())


# Whose session it is. Made once: every request begins with it.
_HOLDER = (
    select(
        WebSession.id.label("session_id"),
        WebSession.seen_at,
        WebSession.csrf,
        User.id.label("user_id"),
        User.name,
        User.role,
        User.group_id,
        User.is_disabled,
        ShareLink.id.label("link_id"),
        ShareLink.case_id,
    )
    .select_from(WebSession)
    .outerjoin(User, User.id == WebSession.user_id)
    .outerjoin(ShareLink, ShareLink.id == WebSession.share_link_id)
    .where(WebSession.digest == bindparam("digest"), _is_alive())
)


def end_session(db: Session, session_id: int) -> None:
    db.execute(delete(WebSession).where(WebSession.id == session_id))


def end_all_sessions(db: Session, user_id: int, *, but: int | None = None) -> None:
    """Sign out everywhere; `but` is the one session that stays."""
    conditions = [WebSession.user_id == user_id, *([WebSession.id != but] if but is not None else [])]
    db.execute(delete(WebSession).where(*conditions))


def who_has_session(db: Session, keys: Keyring, token: str) -> Principal:
    """The person or guest of a session's cookie. One statement, and one a minute to note that it was used."""
    row = db.execute(_HOLDER, {"digest": keys.digest("session", token)}).first()
    if row is None:
        return NOBODY
    if datetime.now(UTC) - row.seen_at > SEEN_EVERY:
        db.execute(update(WebSession).where(WebSession.id == row.session_id).values(seen_at=func.now()))
    if row.user_id is None:
        return Principal(name=f"guest {row.link_id}", shared_case=row.case_id, session_id=row.session_id)
    if row.is_disabled:
        return NOBODY
    return Principal(
        name=row.name,
        user_id=row.user_id,
        role=Role(row.role),
        group_id=row.group_id,
        session_id=row.session_id,
        csrf=row.csrf,
    )


def add_token(
    db: Session, keys: Keyring, user_id: int, name: str, scopes: frozenset[Scope], life: timedelta
) -> tuple[str, ApiToken]:
    """A new token, shown once, and its row."""
    token = TOKEN_PREFIX + new_token()
    row = ApiToken(
        user_id=user_id,
        name=name,
        hint=token[: len(TOKEN_PREFIX) + 4],
        digest=keys.digest("token", token),
        scopes=sorted(scopes),
        expires_at=datetime.now(UTC) + life,
    )
    db.add(row)
    db.flush()
    return token, row


def who_has_token(db: Session, keys: Keyring, token: str) -> Principal:
    row = db.execute(
        select(ApiToken, User)
        .join(User, User.id == ApiToken.user_id)
        .where(ApiToken.digest == keys.digest("token", token), ApiToken.expires_at > func.now(), ~User.is_disabled)
    ).first()
    if row is None:
        return NOBODY
    held, user = row
    if held.used_at is None or datetime.now(UTC) - held.used_at > SEEN_EVERY:
        db.execute(update(ApiToken).where(ApiToken.id == held.id).values(used_at=func.now()))
    return Principal(
        name=user.name,
        user_id=user.id,
        role=Role(user.role),
        group_id=user.group_id,
        scopes=frozenset(Scope(scope) for scope in held.scopes),
    )


def add_login_link(db: Session, keys: Keyring, user: User, target: str) -> str:
    """The token of a new one-time link. Raises Conflict for an account that may not sign in."""
    if user.is_disabled:
        raise Conflict(
            Text(
                f"The account {user.name!r} is disabled, so a link would let nobody in: an administrator can "
                f"enable it, or `eadscope admin disable {user.name} --undo`.",
                f"账号 {user.name!r} 已停用，登录链接不会生效：请先由管理员启用，"
                f"或执行 eadscope admin disable {user.name} --undo。",
            )
        )
    token = new_token()
    expires_at = datetime.now(UTC) + LINK_LIFE
    db.add(LoginLink(digest=keys.digest("link", token), user_id=user.id, target=target, expires_at=expires_at))
    db.flush()
    return token


def redeem_login_link(db: Session, keys: Keyring, token: str) -> LoginLink | None:
    """The link if it may be used now: never used, or within LINK_GRACE of its first use."""
    db.execute(delete(LoginLink).where(LoginLink.expires_at < func.now()))
    found = db.execute(
        select(LoginLink)
        .join(User, User.id == LoginLink.user_id)
        .where(LoginLink.digest == keys.digest("link", token), ~User.is_disabled)
        .with_for_update(of=LoginLink)
    ).scalar_one_or_none()
    if found is None:
        return None
    now = datetime.now(UTC)
    if found.used_at is not None and now - found.used_at > LINK_GRACE:
        return None
    found.used_at = found.used_at or now
    return found
