"""Accounts as administrators keep them: made, changed, closed."""

from __future__ import annotations

import re

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.access import Role
from app.accounts.entry import end_all_sessions
from app.accounts.passwords import hash_password
from app.core.records import Text
from app.db.accounts import Group, User
from app.errors import Conflict, NotFound, Rejected

LOCAL = "local"  # whoever sits at the machine that it runs on
_NAME = re.compile(r"[\w.@+-]{1,64}")


def clean_name(name: str) -> str:
    """In lower case. Raises Rejected for what is no name."""
    cleaned = name.strip().lower()
    if not _NAME.fullmatch(cleaned):
        raise Rejected(
            Text(
                "A name has 1 to 64 letters, digits or . @ + - _, and no blanks.",
                "用户名须为 1 至 64 个字母、数字或 . @ + - _，不能含空格。",
            )
        )
    return cleaned


def find_user(db: Session, name: str) -> User | None:
    return db.scalar(select(User).where(User.name == name.strip().lower()))


def user_named(db: Session, name: str) -> User:
    """Raises NotFound."""
    user = find_user(db, name)
    if user is None:
        raise NotFound(Text(f"There is no account {name[:64]!r}.", f"没有账号 {name[:64]!r}。"))
    return user


def add_user(db: Session, name: str, role: Role, password: str | None, group: str | None = None) -> User:
    """Raises Conflict for a name that is taken, Rejected for a bad name or password."""
    cleaned = clean_name(name)
    if find_user(db, cleaned) is not None:
        raise Conflict(Text(f"There is an account {cleaned!r} already.", f"账号 {cleaned!r} 已存在。"))
    user = User(
        name=cleaned,
        role=role,
        group_id=group_named(db, group).id if group else None,
        password_hash=None if password is None else hash_password(password, cleaned),
    )
    db.add(user)
    db.flush()
    return user


def group_named(db: Session, name: str) -> Group:
    """The group of this name, made where there is none."""
    cleaned = name.strip()[:100]
    if not cleaned:
        raise Rejected(Text("A group needs a name.", "用户组需要名称。"))
    db.execute(insert(Group).values(name=cleaned).on_conflict_do_nothing())
    return db.scalars(select(Group).where(Group.name == cleaned)).one()


def load_user(db: Session, user_id: int) -> User:
    """Raises NotFound."""
    user = db.get(User, user_id)
    if user is None:
        raise NotFound(Text("There is no such account.", "没有此账号。"))
    return user


def change_user(db: Session, user: User, by: int | None, role: Role, group: str | None, *, is_disabled: bool) -> None:
    """Whoever is closed out is signed out. Raises Conflict where somebody (`by`) takes the own rights away."""
    if user.id == by and (is_disabled or role is not Role.ADMIN):
        raise Conflict(
            Text(
                "Nobody takes the own rights away: ask another administrator.",
                "不能取消自己的管理权限，请由其他管理员操作。",
            )
        )
    user.role = role
    user.group_id = group_named(db, group).id if group and group.strip() else None
    if is_disabled and not user.is_disabled:
        end_all_sessions(db, user.id)
    user.is_disabled = is_disabled


def give_password(db: Session, user: User, password: str) -> None:
    """Whoever was signed in with the old one is signed out."""
    user.password_hash = hash_password(password, user.name)
    end_all_sessions(db, user.id)


def local_admin(db: Session) -> User:
    """The account of whoever sits at this machine; it has no password, so nobody signs in by it from elsewhere."""
    db.execute(insert(User).values(name=LOCAL, role=Role.ADMIN).on_conflict_do_nothing())
    return db.scalars(select(User).where(User.name == LOCAL)).one()


def has_admin(db: Session) -> bool:
    """Somebody can sign in and make accounts: by password, or by OpenID Connect."""
    can_sign_in = User.password_hash.is_not(None) | User.issuer.is_not(None)
    count = db.scalar(select(func.count()).where(User.role == Role.ADMIN, ~User.is_disabled, can_sign_in))
    return bool(count)
