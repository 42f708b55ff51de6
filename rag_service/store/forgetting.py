"""Taking documents out of a collection, whatever becomes of their files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path

from rag_service.collection_types import ForgottenDocument
from rag_service.errors import DocumentNotFound, InvalidRequest, PathNotFound
from rag_service.filters import Filters
from rag_service.store.catalog import Catalog
from rag_service.store.catalog_schema import KnownDocument
from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.home import CollectionHome
from rag_service.store.uploads import remove_upload, uploads_root


def to_forget(
    home: CollectionHome, sources: Sequence[str] = (), folders: Sequence[Path] = ()
) -> list[ForgottenDocument]:
    """What `forget` would take out. Only reads.

    Raises: as `forget`, but for CollectionBusy and StorageError.
    """
    with closing(_live(home)) as catalog:
        return _chosen(home, catalog, sources, folders)


def forget(
    home: CollectionHome,
    sources: Sequence[str] = (),
    folders: Sequence[Path] = (),
    agreed: Collection[ForgottenDocument] | None = None,
) -> tuple[list[ForgottenDocument], int]:
    """Take documents out; returns them, and the collection's revision afterwards.

    Uploaded files are deleted, files of a mirrored folder are not.

    Args:
        sources: paths relative to the folder a document came from, or globs over them.
        folders: all that came from these, also what is remembered of files that failed.
        agreed: what `to_forget` announced, and nothing beside it; None: whatever there is.

    Raises:
        CollectionNotFound, DocumentNotFound, PathNotFound: there is nothing of this name.
        InvalidRequest: not a path within a folder, nor a glob; or it means more than ``agreed``.
        CollectionBusy: another process is writing to it.
        StorageError: an uploaded file cannot be deleted.
    """
    with closing(_live(home)) as live:
        fingerprint = live.fingerprint
    with CollectionWriter(home, fingerprint, create=False) as writer:
        chosen = _chosen(home, writer.catalog, sources, folders)
        if agreed is not None:
            _require_agreed(chosen, agreed)
        for document in chosen:  # first: a file that is left would be taken in again
            if document.is_uploaded:
                remove_upload(home, document.source)
        writer.catalog.remove_documents([document.doc_id for document in chosen])
        for folder in folders:
            writer.catalog.drop_root(str(folder.resolve()))
        writer.finish()
        return chosen, writer.catalog.revision()


def _require_agreed(
    chosen: Sequence[ForgottenDocument], agreed: Collection[ForgottenDocument]
) -> None:
    told = {document.doc_id for document in agreed}
    new = [document.source for document in chosen if document.doc_id not in told]
    if new:
        raise InvalidRequest(
            f"Nothing is removed: meanwhile the collection took in {new[0]!r}"
            f"{f' and {len(new) - 1} more' if new[1:] else ''}, which would go too. Ask again."
        )


def mirrored_folders(home: CollectionHome) -> list[str]:
    """The folders that a collection knows, but for that of its uploads."""
    with closing(_live(home)) as catalog:
        return _mirrored(home, catalog)


def _live(home: CollectionHome) -> Catalog:
    return Catalog(home.generation() / "catalog.sqlite")


def _roots(catalog: Catalog) -> set[str]:
    """The folders that gave documents, or only files that failed."""
    return {*catalog.roots(), *(folder for folder, *_ in catalog.failures())}


def _mirrored(home: CollectionHome, catalog: Catalog) -> list[str]:
    return sorted(_roots(catalog) - {uploads_root(home)})


def _chosen(
    home: CollectionHome, catalog: Catalog, sources: Sequence[str], folders: Sequence[Path]
) -> list[ForgottenDocument]:
    named = _named(catalog, sources)
    whole = _whole(home, catalog, folders)
    chosen = [
        _forgotten(home, root, document, whole=root in whole)
        for root in catalog.roots()
        for document in catalog.known_documents(root).values()
        if root in whole or document.doc_id in named
    ]
    return sorted(chosen, key=lambda document: (document.source, document.folder))


def _whole(home: CollectionHome, catalog: Catalog, folders: Sequence[Path]) -> set[str]:
    whole = {str(folder.resolve()) for folder in folders}
    for folder in sorted(whole - _roots(catalog)):
        known = ", ".join(_mirrored(home, catalog)) or "none"
        raise PathNotFound(
            f"Collection {home.name!r} holds nothing from the folder {folder}. Its folders: "
            f"{known}."
        )
    return whole


def _named(catalog: Catalog, sources: Sequence[str]) -> set[int]:
    """The documents of these names; what is no name of any counts as a glob."""
    by_source: dict[str, set[int]] = {}
    for root in catalog.roots() if sources else ():
        for source, document in catalog.known_documents(root).items():
            by_source.setdefault(source, set()).add(document.doc_id)
    named: set[int] = set()
    for source in sources:
        found = by_source.get(source) or _matching(catalog, source)
        if not found:
            raise DocumentNotFound(
                f"No document is called {source!r}, or matches it. Documents are named by their "
                "path within the ingested folder, as search results show it."
            )
        named |= found
    return named


def _matching(catalog: Catalog, glob: str) -> set[int]:
    try:
        allowed = catalog.allowed(Filters(sources=(glob,)))
    except ValueError as error:
        raise InvalidRequest(f"{glob!r} names no document: {error}.") from error
    return set() if allowed.doc_ids is None else set(allowed.doc_ids.tolist())


def _forgotten(
    home: CollectionHome, root: str, document: KnownDocument, *, whole: bool
) -> ForgottenDocument:
    is_uploaded = root == uploads_root(home)
    stays = not (whole or is_uploaded) and (Path(root) / document.source).is_file()
    return ForgottenDocument(document.doc_id, document.source, root, is_uploaded, stays)
