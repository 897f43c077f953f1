"""What must be in place before anybody is let in, and the link that lets in whoever sits at the machine."""

from __future__ import annotations

import psycopg

from app.config import Settings
from app.core.records import Text
from app.db.url import libpq_url
from app.errors import Unavailable

ADDRESS = "address"  # in `var`, while `serve` runs: where it is reached


def check_secret(options: Settings) -> None:
    """Raises Unavailable where others can connect and no secret is set."""
    if not options.is_loopback and options.secret is None:
        raise Unavailable(
            Text(
                f"Others can reach {options.host}: set EADSCOPE_SECRET to 32 characters or more that nobody knows, "
                "such as `openssl rand -hex 32` prints.",
                f"{options.host} 可被其他机器访问：请把 EADSCOPE_SECRET 设为至少 32 个字符的保密字符串，"
                "例如 openssl rand -hex 32 的输出。",
            )
        )


def check_before_start(options: Settings, url: str | None = None) -> None:
    """Raises Unavailable where others can connect and there is no secret, or nobody who could let people in."""
    check_secret(options)
    address = url or options.database_url
    if options.is_loopback or address is None:
        return
    try:
        with psycopg.connect(libpq_url(address), connect_timeout=10) as connection:
            found = connection.execute(
                "SELECT 1 FROM users WHERE role = 'admin' AND NOT is_disabled"
                " AND (password_hash IS NOT NULL OR issuer IS NOT NULL)"
            ).fetchone()
    except psycopg.errors.UndefinedTable:
        found = None
    except psycopg.OperationalError as error:
        reason = str(error).strip().replace("\n", " ")
        raise Unavailable(Text(f"The database does not answer: {reason}", f"数据库没有响应：{reason}")) from error
    if found is None:
        raise Unavailable(
            Text(
                f"Others can reach {options.host} and there is no administrator yet: "
                "`eadscope admin create-user NAME --role admin` makes one.",
                f"{options.host} 可被其他机器访问，但还没有管理员账号："
                "请先执行 eadscope admin create-user NAME --role admin。",
            )
        )


def one_time_link(options: Settings, url: str, base: str, target: str, name: str | None = None) -> str:
    """An address that signs a browser in, once: as `name`, or as the administrator of this machine. Raises Conflict for
    an account that may not sign in."""
    from app.accounts import audit
    from app.accounts.entry import add_login_link
    from app.accounts.people import local_admin, user_named
    from app.accounts.secret import keyring
    from app.db.session import make_engine, make_sessions

    engine = make_engine(url, pool_size=1)
    try:
        with make_sessions(engine)() as db, db.begin():
            user = local_admin(db) if name is None else user_named(db, name)
            token = add_login_link(db, keyring(options), user, target)
            audit.record(db, "command line", "gave a link", None, user.name)
    finally:
        engine.dispose()
    return f"{base}/open/{token}"
