"""Tables of accounts: people and groups, and everything that lets somebody in. Secrets are stored as digests only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Integer, String, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.access import Role
from app.db.base import Base, one_of


class Group(Base):
    """People who see each other's cases."""

    __tablename__ = "groups"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class User(Base):
    """An account. Without a password it signs in by `issuer` and `subject` of OpenID Connect, or by a one-time link."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("name"),
        UniqueConstraint("issuer", "subject"),
        one_of("role", tuple(Role)),
        CheckConstraint("(issuer IS NULL) = (subject IS NULL)", name="identity"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    name: Mapped[str]  # in lower case
    role: Mapped[str]
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", ondelete="SET NULL"), index=True)
    password_hash: Mapped[str | None]
    issuer: Mapped[str | None]
    subject: Mapped[str | None]
    is_disabled: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WebSession(Base):
    """A browser that is let in: as a person, or as a guest of one share link.

    It ends at `expires_at`, or `idle_s` seconds after it was last seen.
    """

    __tablename__ = "web_sessions"
    __table_args__ = (
        UniqueConstraint("digest"),
        CheckConstraint("(user_id IS NULL) <> (share_link_id IS NULL)", name="one_reason"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    share_link_id: Mapped[int | None] = mapped_column(ForeignKey("share_links.id", ondelete="CASCADE"), index=True)
    csrf: Mapped[str]
    client: Mapped[str] = mapped_column(server_default="")  # such as "Firefox, Linux", to know it again in the list
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    idle_s: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ApiToken(Base):
    """A token for programs; `hint` is its beginning, to tell several apart."""

    __tablename__ = "api_tokens"
    __table_args__ = (UniqueConstraint("digest"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    hint: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]


class ShareLink(Base):
    """Shows one case, read-only, to whoever has the link."""

    __tablename__ = "share_links"
    __table_args__ = (UniqueConstraint("digest"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    made_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    note: Mapped[str] = mapped_column(server_default="")  # for whom it is
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]


class LoginLink(Base):
    """A one-time link: signs a browser in as its account, and leads to `target`."""

    __tablename__ = "login_links"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    target: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    used_at: Mapped[datetime | None]  # for the first time
    expires_at: Mapped[datetime]


class FailedLogin(Base):
    """Wrong passwords for one account or from one address; `subject` is a digest, so that the row names neither."""

    __tablename__ = "failed_logins"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    closed_until: Mapped[datetime] = mapped_column(server_default=func.now())
