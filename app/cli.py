"""`eadscope`: one command line over the same core that the pages show."""

from __future__ import annotations

import typer

from app import __version__
from app.commands import admin, analyze, demo, evidence, formats, fragments, migrate, report, serve, web, worker

# As --help lists them.
COMMANDS = (analyze, fragments, report, evidence, formats, demo, serve, web, worker, migrate, admin)

HELP = """Find out, from logs and captures, where an iNode/EAD security check was lost.

\b
First steps:
  eadscope demo example                 write an example bundle
  eadscope analyze example              say what happened, and where fragments were lost
  eadscope analyze case.zip --json      the same as a document for programs
  eadscope report case.zip -o case.pdf  the same for whoever must mend the device
  eadscope serve                        the pages, in a browser
"""


def build() -> typer.Typer:
    """The typer application with all commands."""
    app = typer.Typer(
        name="eadscope", help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
    )

    @app.callback(invoke_without_command=True)
    def version(show: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
        if show:
            typer.echo(__version__)
            raise typer.Exit

    for command in COMMANDS:
        command.register(app)
    return app


def main() -> None:
    build()(prog_name="eadscope")


if __name__ == "__main__":
    main()
