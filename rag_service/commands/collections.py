"""`rag status` and `rag verify`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag_service.commands.parts import EXIT_FAILED, Json, library, print_json
from rag_service.errors import InvalidRequest, NotFound, RagError

if TYPE_CHECKING:
    from rag_service.api.ports import Library
    from rag_service.collection_types import CollectionInfo, VerifyReport


def status(
    ctx: typer.Context,
    failed: Annotated[
        bool, typer.Option("--failed", help="List the files that could not be read, and why.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show all collections: size, revision, model, changes not yet indexed."""
    from rag_service.console import say, show_collections, show_failed

    opened = library(ctx)
    infos, broken = _infos(opened)
    files = [file for info in infos for file in opened.failed_files(info.name)] if failed else []
    if as_json:
        problems = {name: str(error) for name, error in broken.items()}
        shown: dict[str, Any] = {"collections": [asdict(info) for info in infos]}
        shown |= {"failed": [asdict(file) for file in files]} if failed else {}
        print_json(shown | {"problems": problems})
    elif failed:
        show_failed(files)
    elif infos:
        show_collections(infos)
    elif not broken:
        say("No collections yet; `rag ingest DIR` makes one.")
    for name, error in broken.items():
        typer.echo(f"error: {name}: {' '.join(str(error).split())}", err=True)
    if broken:
        raise typer.Exit(EXIT_FAILED)


def _infos(library: Library) -> tuple[list[CollectionInfo], dict[str, RagError]]:
    """What is known of each collection; one that cannot be opened does not hide the others."""
    infos: list[CollectionInfo] = []
    broken: dict[str, RagError] = {}
    for name in library.names():
        try:
            infos.append(library.info(name))
        except RagError as error:
            broken[name] = error
    return infos, broken


def verify(
    ctx: typer.Context,
    collection: Annotated[
        str | None,
        typer.Option("--collection", "-c", help="Collection to check. [default: all]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check stored files and indexes against each other; exit 0 only when clean."""
    from rag_service.console import say, show_report

    opened = library(ctx)
    names = opened.names() if collection is None else [collection]
    reports = [_verify(opened, name) for name in names]
    clean = not any(report.problems for report in reports)
    if as_json:
        print_json({"clean": clean, "collections": [asdict(report) for report in reports]})
    for report in [] if as_json else reports:
        show_report(report)
    if not reports and not as_json:
        say("No collections to check.")
    if not clean:
        raise typer.Exit(EXIT_FAILED)


def _verify(library: Library, name: str) -> VerifyReport:
    """The report on one collection; one that cannot even be opened has that as its problem."""
    from rag_service.collection_types import VerifyReport

    try:
        return library.verify(name)
    except (InvalidRequest, NotFound):
        raise
    except RagError as error:
        return VerifyReport(name, (str(error),), documents=0, chunks=0, vectors=0, revision=0)
