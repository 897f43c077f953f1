"""`eadscope migrate`: bring the database of DATABASE_URL to this version."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    @app.command("migrate", short_help="Bring the database to this version.")
    def command() -> None:
        """Bring the database that DATABASE_URL names to this version's schema; safe to run again."""
        # Imported where they are used, as in every command: the others should not wait for them.
        from app.command_line import database_url, say_errors
        from app.config import settings
        from app.db.migrate import migrate

        with say_errors():
            migrate(database_url(), owner_url=settings().owner_url or None)
        print("the database is up to date")
