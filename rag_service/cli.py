"""The `rag` command: puts the commands together.

Exit codes: 0 done, 2 the command was wrong (usage, or the thing named does not exist),
1 anything else, 130 interrupted. `rag ingest` has its own, see its --help.
"""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from rag_service.commands.collections import status, verify
from rag_service.commands.evaluation import evaluate
from rag_service.commands.forgetting import forget
from rag_service.commands.models import app as models
from rag_service.commands.parts import EXIT_FAILED, EXIT_USAGE, REAL_PARTS, Parts
from rag_service.commands.questions import ask, search
from rag_service.commands.serving import serve
from rag_service.errors import InvalidRequest, NotFound, RagError


class _Commands(TyperGroup):
    """Turns the service's errors into one line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        ctx.obj = ctx.obj or REAL_PARTS
        try:
            return super().invoke(ctx)
        except RagError as error:
            _fail(error)


class _HandedOver(TyperCommand):
    """A command whose arguments, --help included, belong to another program."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.args = list(args)
        return list(args)


def _fail(error: RagError) -> NoReturn:
    typer.echo(f"error: {' '.join(str(error).split())}", err=True)
    wrong_command = isinstance(error, InvalidRequest | NotFound)
    raise typer.Exit(EXIT_USAGE if wrong_command else EXIT_FAILED) from error


app = typer.Typer(
    cls=_Commands,
    help="Ask questions of your own documents, on your own machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command(
    cls=_HandedOver,
    add_help_option=False,
    help="Mirror a folder of documents into a collection; see `rag ingest --help`.",
)
def ingest(ctx: typer.Context) -> None:
    parts: Parts = ctx.obj
    raise typer.Exit(parts.ingest(ctx.args))


@app.command(
    cls=_HandedOver,
    add_help_option=False,
    help="Take in what is uploaded to the service; see `rag worker --help`.",
)
def worker(ctx: typer.Context) -> None:
    parts: Parts = ctx.obj
    raise typer.Exit(parts.work(ctx.args))


for command in (ask, forget, search, serve, status, verify):
    app.command()(command)
app.command("eval")(evaluate)
app.add_typer(models, name="models")


def main() -> None:
    """Entry point of the `rag` command."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a "?" rather than a crash.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="rag")


if __name__ == "__main__":
    main()
