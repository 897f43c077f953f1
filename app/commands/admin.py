"""`eadscope admin`: accounts, tokens and links from the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from app.access import Role, Scope

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

HELP = """Accounts: who may sign in, as what, and how.

\b
Roles:
  ops      uploads, and sees the cases of the own group
  support  sees all cases, writes notes and states
  admin    also accounts, retention and the audit trail

\b
First steps on a server for a team:
  eadscope admin create-user anna --role admin
  eadscope admin create-user li --role ops --group "Campus North"
  eadscope admin token li --name tickets --scope read --scope upload

A password is asked for, or read from the first line of standard input where that is no terminal. On a machine of your
own nothing of this is needed: `eadscope admin link` prints a link that signs a browser in.
"""
NAME = typer.Argument(help="Name of the account.")


def register(app: typer.Typer) -> None:
    admin = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
    for name, command in COMMANDS.items():
        admin.command(name)(command)
    app.add_typer(admin, name="admin")


@contextmanager
def _database() -> Iterator[Session]:
    """One transaction on the installation's database, whether `serve` runs or not; errors as one line."""
    from app.command_line import say_errors
    from app.config import settings
    from app.db.session import make_engine, make_sessions
    from app.serve import reached_database

    with say_errors(), reached_database(settings()) as url:
        engine = make_engine(url, pool_size=1)
        try:
            with make_sessions(engine)() as db, db.begin():
                yield db
        finally:
            engine.dispose()


def _password(name: str) -> str:
    if sys.stdin.isatty():
        asked: str = typer.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True)
        return asked
    return sys.stdin.readline().rstrip("\r\n")


def _note(db: Session, action: str, subject: str) -> None:
    from app.accounts import audit

    audit.record(db, "command line", action, None, subject)


def create_user(
    name: str = NAME,
    role: Role = typer.Option(Role.OPS, help="What the account may do."),
    group: str = typer.Option("", help="Group whose cases it sees; made where there is none of this name."),
    no_password: bool = typer.Option(False, "--no-password", help="Let it sign in by `admin link` only."),
) -> None:
    """Make an account."""
    from app.accounts.people import add_user

    password = None if no_password else _password(name)
    with _database() as db:
        user = add_user(db, name, role, password, group or None)
        _note(db, "made an account", f"{user.name} {user.role}")
        print(f"{user.name}: {user.role}")


def list_users() -> None:
    """Every account with its role, group and how it signs in."""
    from sqlalchemy import select

    from app.db.accounts import Group, User

    with _database() as db:
        rows = db.execute(select(User, Group.name).outerjoin(Group, Group.id == User.group_id).order_by(User.name))
        for user, group in rows:
            way = "OpenID Connect" if user.issuer else "password" if user.password_hash else "link"
            print("\t".join((user.name, user.role, group or "-", way, "disabled" if user.is_disabled else "")).rstrip())


def set_password(name: str = NAME) -> None:
    """Give an account a new password; its browsers are signed out."""
    from app.accounts.entry import end_all_sessions
    from app.accounts.passwords import hash_password
    from app.accounts.people import user_named

    password = _password(name)
    with _database() as db:
        user = user_named(db, name)
        user.password_hash = hash_password(password, user.name)
        _note(db, "gave a password", user.name)
        end_all_sessions(db, user.id)
        print(f"{user.name}: new password")


def set_role(
    name: str = NAME,
    role: Role = typer.Argument(help="ops, support or admin."),
    group: str = typer.Option("", help="Its new group; `-` for none."),
) -> None:
    """Change what an account may do, from its next request on."""
    from app.accounts.people import group_named, user_named

    with _database() as db:
        user = user_named(db, name)
        user.role = role
        if group:
            user.group_id = None if group == "-" else group_named(db, group).id
        _note(db, "changed an account", f"{user.name} {user.role}")
        print(f"{user.name}: {user.role}")


def disable(name: str = NAME, undo: bool = typer.Option(False, "--undo", help="Let it in again.")) -> None:
    """Let an account in no more.

    Its browsers and tokens stop working at once. Its cases stay.
    """
    from app.accounts.entry import end_all_sessions
    from app.accounts.people import user_named

    with _database() as db:
        user = user_named(db, name)
        user.is_disabled = not undo
        _note(db, "changed an account", f"{user.name} {'enabled' if undo else 'disabled'}")
        end_all_sessions(db, user.id)
        print(f"{user.name}: {'enabled' if undo else 'disabled'}")


def link(
    name: str = typer.Argument("", help="Account to sign in as; left out: the administrator of this machine."),
) -> None:
    """Print a link that signs a browser in, once, within a day."""
    from app.accounts.start import ADDRESS, one_time_link
    from app.command_line import say_errors
    from app.config import settings
    from app.serve import reached_database

    options = settings()
    with say_errors(), reached_database(options) as url:
        address = options.var / ADDRESS
        base = options.public_url or (address.read_text() if address.exists() else "")
        if not base:
            base = f"http://{options.host}:{options.port}"
            print(f"eadscope: `serve` does not run on {options.var}; the link works once it does", file=sys.stderr)
        if not name and not options.is_loopback:
            raise typer.BadParameter("others can reach this installation: name the account to sign in as")
        print(one_time_link(options, url, base.rstrip("/"), "/cases", name or None))


def token(
    name: str = NAME,
    label: str = typer.Option(..., "--name", help="What the token is for."),
    scope: list[Scope] = typer.Option([Scope.READ], help="What it is good for; may be given several times."),
    days: int = typer.Option(90, min=1, max=365, help="How long it works."),
) -> None:
    """Make a token for programs, and print it.

    It is shown only now.
    """
    from app.accounts.entry import add_token
    from app.accounts.people import user_named
    from app.accounts.secret import keyring
    from app.config import settings

    with _database() as db:
        user = user_named(db, name)
        secret, row = add_token(db, keyring(settings()), user.id, label, frozenset(scope), timedelta(days=days))
        _note(db, "made a token", f"{user.name} {row.hint}… {' '.join(row.scopes)}")
        print(secret)


COMMANDS = {
    "create-user": create_user,
    "list": list_users,
    "set-password": set_password,
    "set-role": set_role,
    "disable": disable,
    "link": link,
    "token": token,
}
