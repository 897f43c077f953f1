"""Two roles of the database: one that the application signs in as, and one that nobody does, to whom the audit trail
belongs. Done by somebody who may make roles: the superuser of our own server, or of EADSCOPE_OWNER_URL.

Without that the application's role owns the audit trail, and triggers are what guards it.
"""

from __future__ import annotations

from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict

from app.core.records import Text
from app.db.url import libpq_url
from app.errors import Rejected

KEEPER = "eadscope_audit"  # owns the trail; cannot sign in
_LOCK = 0x45414454

_OF_EXTENSION = "EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"
# Everything in `public` that belongs to somebody else, as a statement that gives it away.
_FOREIGN = """
SELECT format('ALTER TABLE %%s OWNER TO %%I', c.oid::regclass, %(role)s::text) FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
   AND pg_get_userbyid(c.relowner) <> %(role)s::text AND NOT {extension}
UNION ALL
SELECT format('ALTER SEQUENCE %%s OWNER TO %%I', c.oid::regclass, %(role)s::text) FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S' AND pg_get_userbyid(c.relowner) <> %(role)s::text
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i'))
UNION ALL
SELECT format('ALTER ROUTINE %%s OWNER TO %%I', c.oid::regprocedure, %(role)s::text) FROM pg_proc c
 WHERE c.pronamespace = 'public'::regnamespace AND pg_get_userbyid(c.proowner) <> %(role)s::text AND NOT {extension}
UNION ALL
SELECT format('ALTER TYPE %%s OWNER TO %%I', c.oid::regtype, %(role)s::text) FROM pg_type c
 WHERE c.typnamespace = 'public'::regnamespace AND c.typtype IN ('e', 'd')
   AND pg_get_userbyid(c.typowner) <> %(role)s::text AND NOT {extension}
""".replace("{extension}", _OF_EXTENSION)


def make_application_role(owner: Connection[tuple[object, ...]], application_url: str) -> None:
    """The role that `application_url` signs in as: made if need be, owner of the tables, of nothing else.

    Raises Rejected for one that is a superuser: no wall holds it.
    """
    wanted = conninfo_to_dict(libpq_url(application_url))
    role, password = str(wanted["user"]), wanted.get("password")
    name = sql.Identifier(role)
    with owner.transaction():
        owner.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        known = owner.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        if known is None:
            owner.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE").format(name))
        elif known[0]:
            raise Rejected(
                Text(
                    f"DATABASE_URL signs in as {role}, a superuser, whom nothing keeps from the audit trail: "
                    "name another role there; it is made if there is none.",
                    f"DATABASE_URL 使用的角色 {role} 是超级用户，无法阻止其改动审计记录："
                    "请换用其他角色名，不存在时会自动创建。",
                )
            )
        if password is not None:
            owner.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)))
        database = sql.Identifier(owner.info.dbname)
        # CREATE for the schema of the trail and for extensions that every database may have.
        owner.execute(sql.SQL("GRANT CREATE, CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, name))
        owner.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(name))
        for (statement,) in owner.execute(_FOREIGN, {"role": role}).fetchall():
            owner.execute(str(statement).encode())


def seal_audit(owner: Connection[tuple[object, ...]], application_url: str) -> None:
    """Give the trail to its keeper: the application may add to it and read it, and nothing more."""
    role = sql.Identifier(str(conninfo_to_dict(libpq_url(application_url))["user"]))
    keeper = sql.Identifier(KEEPER)
    with owner.transaction():
        owner.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if owner.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [KEEPER]).fetchone() is None:
            owner.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOSUPERUSER").format(keeper))
        for statement in (
            "ALTER SCHEMA audit OWNER TO {keeper}",
            "ALTER TABLE audit.entries OWNER TO {keeper}",
            "ALTER FUNCTION audit.record(text, text, integer, text) OWNER TO {keeper}",
            "ALTER FUNCTION audit.refuse() OWNER TO {keeper}",
            "REVOKE ALL ON SCHEMA audit FROM {role}",
            "REVOKE ALL ON audit.entries FROM {role}",
            "GRANT USAGE ON SCHEMA audit TO {role}",
            "GRANT SELECT ON audit.entries TO {role}",
            "GRANT SELECT ON SEQUENCE audit.entries_id_seq TO {role}",  # a backup by this role asks for it
            "REVOKE ALL ON FUNCTION audit.record(text, text, integer, text) FROM PUBLIC",  # a restored one lacks that
            "GRANT EXECUTE ON FUNCTION audit.record(text, text, integer, text) TO {role}",
        ):
            owner.execute(sql.SQL(statement).format(keeper=keeper, role=role))
