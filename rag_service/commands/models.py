"""`rag models`: which there are, fetching them, trying them out, changing to another."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from rag_service.commands.parts import EXIT_FAILED, Collection, Json, Parts, library, print_json
from rag_service.errors import RagError

if TYPE_CHECKING:
    from rag_service.api.ports import Library
    from rag_service.model_checks import ModelCheck
    from rag_service.models.inventory import ListedModel

app = typer.Typer(
    help="Models: which there are, fetch one, try one out, change a collection to another.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_HEADINGS = (
    "model",
    "kind",
    "languages",
    "MB",
    "dimension",
    "tokens",
    "licence",
    "here",
    "used by",
)
_CHAT_HEADINGS = ("chat model", "languages", "MB", "context", "licence", "here", "used by")


@app.command("list")
def list_models(ctx: typer.Context, as_json: Json = False) -> None:
    """Show the recommended models, which of them are on this machine, and which are in use."""
    from rag_service.console import say, show_table
    from rag_service.models.inventory import inventory
    from rag_service.settings import load_settings

    listed = inventory(load_settings(), _in_collections(library(ctx)))
    if as_json:
        print_json({"models": [asdict(model) for model in listed]})
        return
    show_table(_HEADINGS, [_row(model) for model in listed if model.kind != "chat"])
    say("\nFetch one: rag models pull NAME. Change a collection to it: rag models use NAME.\n")
    show_table(_CHAT_HEADINGS, [_chat_row(model) for model in listed if model.kind == "chat"])
    say("\nFetch one: rag models pull NAME. Let it answer: RAG_CHAT__MODEL=NAME.")


def _row(model: ListedModel) -> tuple[object, ...]:
    return (
        model.name,
        model.kind,
        model.languages,
        model.megabytes or None,
        model.dimension or None,
        model.max_tokens or None,
        model.licence,
        model.where or "-",
        ", ".join(model.used_by) or None,
    )


def _chat_row(model: ListedModel) -> tuple[object, ...]:
    return (
        model.reference,
        model.languages,
        model.megabytes or None,
        model.max_tokens or None,
        model.licence,
        model.where or "-",
        ", ".join(model.used_by) or None,
    )


def _in_collections(opened: Library) -> dict[str, str]:
    """The embedding model of every collection that can be opened."""
    found: dict[str, str] = {}
    for name in opened.names():
        try:
            found[name] = opened.info(name).embedding_model
        except RagError:  # `rag status` says what is wrong with it
            continue
    return found


@app.command("pull")
def pull_model(
    name: Annotated[
        str,
        typer.Argument(
            help="The model, as organisation/name; one of several GGUF files as "
            "organisation/name:Q4_K_M or organisation/name/file.gguf."
        ),
    ],
    revision: Annotated[
        str | None, typer.Option("--revision", help="Branch, tag or commit. [default: the newest]")
    ] = None,
    file: Annotated[str | None, typer.Option("--file", help="Which of several GGUF files.")] = None,
    as_json: Json = False,
) -> None:
    """Fetch a model from Hugging Face into the data folder: the only command that downloads.

    The settings take its name afterwards. Cut off, it goes on where it stopped. HF_ENDPOINT
    names a mirror, as in HF_ENDPOINT=https://hf-mirror.com.
    """
    from rich.console import Console

    from rag_service.console import say
    from rag_service.models.local import models_folder
    from rag_service.models.pull import pull
    from rag_service.settings import load_settings

    models = models_folder(load_settings().data_dir)
    console = Console(stderr=True, quiet=as_json)
    found = pull(name, models, revision=revision, file=file, console=console)
    if as_json:
        print_json({**asdict(found), "folder": str(found.folder)})
    else:
        say(f"{found.name} is in {found.folder} ({found.megabytes} MB, {found.revision}).")


@app.command("check")
def check_models(
    name: Annotated[
        str | None,
        typer.Argument(help="Name, folder or GGUF file. [default: those of the settings]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try a model out: languages, vectors, speed, memory. Exit 0 only if all is well."""
    from rag_service.model_checks import check_model, configured_models
    from rag_service.settings import load_settings

    settings = load_settings()
    names = configured_models(settings) if name is None else [name]
    checks = [check_model(settings, one) for one in names]
    if as_json:
        print_json({"models": [asdict(check) for check in checks]})
    for check in [] if as_json else checks:
        _show_check(check)
    if any(check.problems for check in checks):
        raise typer.Exit(EXIT_FAILED)


def _show_check(check: ModelCheck) -> None:
    from rag_service.console import say

    say(f"{check.name} ({check.kind})")
    for what, fact in check.facts.items():
        say(f"  {what}: {fact}")
    for problem in check.problems:
        say(f"  problem: {problem}")


@app.command("use")
def use_model(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(help="Name or folder of an embedding model. [default: the settings' own]"),
    ] = None,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Re-embed a collection with another model, from what is stored, and change over to it.

    It is searched and added to as before until that is done; a running service follows by
    itself. Cut off, the command goes on where it stopped when it is run again.
    """
    from rich.console import Console

    from rag_service.console import say
    from rag_service.settings import load_settings

    parts: Parts = ctx.obj
    console = Console(stderr=True, quiet=as_json)
    report = parts.reembed(load_settings(), collection, name, console)
    if as_json:
        print_json(asdict(report))
    elif report.model_before == report.model and not report.embedded:
        say(f"Collection {collection!r} is embedded with {report.model} already.")
    else:
        say(
            f"Collection {collection!r} is now embedded with {report.model}: "
            f"{report.chunks} chunks of {report.documents} documents, {report.embedded} texts "
            f"embedded in {report.seconds:.0f} s, {report.reused} before."
        )
