"""`eadscope serve`: everything on this machine, one URL."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    @app.command("serve", short_help="Everything on this machine; prints the address to open.")
    def command() -> None:
        """Start database (unless DATABASE_URL names one), web and worker, and print the address to open."""
        from app.command_line import say_errors
        from app.config import settings
        from app.serve import serve

        with say_errors():
            serve(settings())
