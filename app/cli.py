"""`eadscope`: one command line over the same core that the pages show."""

from __future__ import annotations

import importlib
import pkgutil

import typer

from app import __version__, commands


def build() -> typer.Typer:
    """The typer application with every command of `app.commands`."""
    app = typer.Typer(
        name="eadscope",
        help="Finds out, from logs and captures, where an iNode/EAD security check was lost.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @app.callback(invoke_without_command=True)
    def version(show: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
        if show:
            typer.echo(__version__)
            raise typer.Exit

    for module in pkgutil.iter_modules(commands.__path__):
        importlib.import_module(f"app.commands.{module.name}").register(app)
    return app


def main() -> None:
    build()()


if __name__ == "__main__":
    main()
