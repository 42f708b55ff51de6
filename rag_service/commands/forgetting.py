"""`rag forget`: taking documents, folders or a whole collection out again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag_service.commands.parts import Collection, Json, print_json
from rag_service.errors import InvalidRequest

if TYPE_CHECKING:
    from rag_service.collection_types import ForgottenDocument
    from rag_service.store.home import CollectionHome

_SHOWN = 10  # documents; of more, how many there are


def forget(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Documents, by their path as results show it, or by a glob over it."),
    ] = None,
    folder: Annotated[
        list[Path] | None,
        typer.Option("--folder", help="All that came from this folder; repeat it for others."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Delete the whole collection, uploaded files included.")
    ] = False,
    collection: Collection = "default",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    as_json: Json = False,
) -> None:
    """Take documents out of a collection. Files in your folders stay as they are; uploaded ones
    are deleted.

    Exit codes: 0 done; 1 an error, or you said no; 2 there is nothing of this name.
    """
    from rag_service.settings import load_settings
    from rag_service.store.library import Library

    if as_json and not yes:
        raise InvalidRequest("--json asks nothing, so it needs --yes.")
    if everything and (sources or folder):
        raise InvalidRequest("--all leaves nothing to name; give it alone.")
    with closing(Library(load_settings().data_dir)) as library:
        home = library.home(collection)
        home.generation()
        if everything:
            _ask(f"Collection {collection!r} is to be deleted, uploaded files included.", yes)
            library.delete(collection)
            _tell([], f"Collection {collection!r} is deleted.", collection, None, as_json)
            return
    _forget(home, sources or [], folder or [], yes, as_json)


def _forget(
    home: CollectionHome, sources: Sequence[str], folders: Sequence[Path], yes: bool, as_json: bool
) -> None:
    from rag_service.store.forgetting import forget as take_out
    from rag_service.store.forgetting import mirrored_folders, to_forget

    if not sources and not folders:
        known = ", ".join(mirrored_folders(home)) or "none"
        raise InvalidRequest(
            "Name documents, a folder (--folder), or --all. "
            f"Folders of collection {home.name!r}: {known}."
        )
    chosen = to_forget(home, sources, folders)
    _ask(_announced(chosen, home.name), yes)
    gone, revision = take_out(home, sources, folders, agreed=None if yes else chosen)
    done = f"{_count(gone)} removed from collection {home.name!r}; revision {revision}."
    _tell(gone, done, home.name, revision, as_json)


def _announced(documents: Sequence[ForgottenDocument], collection: str) -> str:
    lines = [f"- {document.source}  ({_origin(document)})" for document in documents[:_SHOWN]]
    if len(documents) > _SHOWN:
        lines.append(f"… and {len(documents) - _SHOWN} more")
    return "\n".join([f"{_count(documents)} to be removed from collection {collection!r}:", *lines])


def _origin(document: ForgottenDocument) -> str:
    return "uploaded; the file is deleted too" if document.is_uploaded else document.folder


def _ask(announced: str, yes: bool) -> None:
    """Go on only if the user agrees."""
    from rag_service.console import visible

    if not yes:
        typer.echo(visible(announced), err=True)
        typer.confirm("Go on?", abort=True, err=True)


def _tell(
    gone: Sequence[ForgottenDocument],
    done: str,
    collection: str,
    revision: int | None,
    as_json: bool,
) -> None:
    from rag_service.console import note, say

    if as_json:
        documents = [asdict(document) for document in gone]
        print_json({"collection": collection, "removed": documents, "revision": revision})
        return
    say(done)
    back = sum(document.comes_back for document in gone)
    if back:
        note(
            f"the next rag ingest of their folders takes in {_count(gone[:back])} again; delete "
            "the files there, or name them in a .ragignore file"
        )


def _count(documents: Sequence[ForgottenDocument]) -> str:
    return f"{len(documents)} {'document' if len(documents) == 1 else 'documents'}"
