"""Tells, through a pipe, what an ingest is doing; so that a kill can be aimed, and located.

One line a step: ``>place`` when it is entered, ``<place`` when it is left. What was written
to a pipe outlives the writer, so after a kill the last lines say where it struck.
"""

from __future__ import annotations

import functools
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_FOREVER_S = 3600.0


class Trace:
    """``pause`` is a line, such as ``<commit``, and at which of its occurrences to stop for
    ever, so that a kill is sure to strike just there."""

    def __init__(self, descriptor: int, pause: tuple[str, int] | None) -> None:
        self._descriptor = descriptor
        self._pause, self._left = pause or ("", 0)

    def tell(self, line: str) -> None:
        if line == self._pause:
            self._left -= 1
            line += "" if self._left else "\n!"
        os.write(self._descriptor, f"{line}\n".encode())
        if line.endswith("!"):
            time.sleep(_FOREVER_S)

    def wrap(self, owner: Any, name: str, place: str | Callable[..., str]) -> None:
        """Tell of every call of ``owner.name``; ``place`` may depend on the arguments."""
        function = getattr(owner, name)

        @functools.wraps(function)
        def told(*args: Any, **options: Any) -> Any:
            where = place if isinstance(place, str) else place(*args)
            if not where:
                return function(*args, **options)
            self.tell(f">{where}")
            try:
                return function(*args, **options)
            finally:
                self.tell(f"<{where}")

        setattr(owner, name, told)


def watch_places(trace: Trace) -> None:
    """Have every step of an ingest that matters to its safety tell of itself."""
    from ingest import run, steps
    from rag_service.store import collection_writer
    from rag_service.store.catalog_writer import CatalogWriter
    from rag_service.store.collection_writer import CollectionWriter
    from rag_service.store.dense import SnapshotStore
    from rag_service.store.home import CollectionHome
    from rag_service.store.lexical_writer import LexicalWriter

    for name in (
        "add_vectors",
        "put_documents",
        "stage_part",
        "put_staged",
        "remove_documents",
        "move_documents",
        "touch_documents",
        "set_failures",
        "drop_unused_vectors",
    ):
        trace.wrap(CatalogWriter, name, f"catalog {name}")
    trace.wrap(run.Ingestor, "mirror", "run")
    trace.wrap(CatalogWriter, "__init__", "catalog open")
    trace.wrap(CollectionWriter, "_open", "open")
    trace.wrap(CollectionWriter, "finish", "finish")
    trace.wrap(LexicalWriter, "catch_up", "lexical commit")
    trace.wrap(LexicalWriter, "_recover", "lexical open")
    trace.wrap(SnapshotStore, "save", "snapshot")
    trace.wrap(CollectionHome, "use", "switch")
    trace.wrap(collection_writer, "drop_other_generations", "drop generations")
    trace.wrap(run, "compare", "compare")
    trace.wrap(steps.Embedder, "embed", "embed")
    for name in ("replace", "rename"):
        trace.wrap(Path, name, _renamed)
    trace.wrap(shutil, "rmtree", _removed)


def _renamed(_: Path, target: Path) -> str:
    """Renames in the collection's folder are the moments at which things come into use."""
    name = Path(target).name
    kinds = {"current": "rename current", "lexical": "rename lexical"}
    return "rename snapshot" if name.startswith("vec.") else kinds.get(name, "")


def _removed(path: Path, *_: object) -> str:
    name = Path(path).name
    if name.startswith("lexical"):
        return "remove lexical"
    return "remove generation" if name[1:].isdigit() else ""
