"""`eadscope serve`: everything on this machine, one URL."""

from __future__ import annotations

import typer

from app.command_line import say_errors
from app.config import settings


def register(app: typer.Typer) -> None:
    @app.command("serve")
    def command() -> None:
        """Start database (unless DATABASE_URL names one), web and worker, and print the address to open."""
        with say_errors():
            from app.serve import serve

            serve(settings())
