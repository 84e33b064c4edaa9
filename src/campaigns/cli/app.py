"""Every command of `campaigns`, in the order in which the help shows them."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from campaigns import __version__
from campaigns.cli.commands.books import events, explain, purge, status
from campaigns.cli.commands.checking import doctor, verify
from campaigns.cli.commands.experimenting import analyze, assignments, holdouts, power
from campaigns.cli.commands.launching import cancel, launch, pause, promote, resume
from campaigns.cli.commands.looking import plan, preview, schema, validate
from campaigns.cli.commands.starting import demo, generate, init
from campaigns.cli.commands.streaming import stream
from campaigns.cli.exits import DONE
from campaigns.cli.failures import tell


class Commands(TyperGroup):
    """Whatever a command raises becomes a message and an exit code; no traceback reaches a user."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the arguments name. Raises typer.Exit."""
        as_json = "--json" in ctx.args
        for output in (sys.stdout, sys.stderr):
            if isinstance(output, TextIOWrapper):  # a character the terminal cannot show must not end a command
                output.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            raise typer.Exit(tell(error, as_json=as_json)) from error


app = typer.Typer(
    name="campaigns",
    cls=Commands,
    help="Turn a campaign launch into one event per customer, with the books closed.",
    epilog="Start with `campaigns demo DIR`, or with `campaigns init DIR`.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"campaigns {__version__}")
        raise typer.Exit(DONE)


@app.callback()
def _front(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options that need no command."""


for command in (
    *(init, validate, preview, plan, launch, promote, resume, pause, cancel, status),
    *(power, analyze, assignments, holdouts),
    *(explain, events, verify, purge, doctor, schema, generate, demo),
):
    app.command()(command)
app.add_typer(stream)
