"""Which files are documents known under another name: they need no parsing.

The same content read by the same loader is the same document. The suffix must agree too:
a loader may go by it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ingest.found import FoundFile
from ingest.loaders.formats import loader_version
from rag_service.store.catalog_schema import KnownDocument


@dataclass(frozen=True, slots=True)
class Move:
    """A document, and the file it is now."""

    known: KnownDocument
    file: FoundFile


@dataclass(frozen=True, slots=True)
class Content:
    """A file and the SHA-256 of its content."""

    file: FoundFile
    content_hash: str


Key = Callable[[str, str, str], Hashable]  # of source, content hash, loader


def renames(new: Sequence[Content], missing: Sequence[KnownDocument]) -> list[Move]:
    """Pair files under new names with documents whose names went away.

    Of several with the same content, those of the same base name belong together: a folder
    of them was renamed.
    """
    moves = _paired(new, missing, _content_and_name)
    taken = {move.file.source for move in moves}, {move.known.source for move in moves}
    rest = [item for item in new if item.file.source not in taken[0]]
    return moves + _paired(rest, [doc for doc in missing if doc.source not in taken[1]], _content)


def exchanges(changed: Sequence[Content], known: Mapping[str, KnownDocument]) -> list[Move]:
    """Find documents that changed names among themselves: a for b and b for a, or in a ring.

    ``changed`` are files whose names held another content before, ``known[source]``.
    """
    displaced = [known[item.file.source] for item in changed]
    moves = {move.file.source: move for move in _paired(changed, displaced, _content)}
    leaving = {move.known.source for move in moves.values()}
    # A document may move only to a name whose own document moves too, and so on around.
    stuck = [source for source in moves if source not in leaving]
    while stuck:
        origin = moves.pop(stuck.pop()).known.source
        if origin in moves:
            stuck.append(origin)
    return list(moves.values())


def _paired(items: Iterable[Content], documents: Iterable[KnownDocument], key: Key) -> list[Move]:
    """Each file with a document of the same key, each document once, both in their order."""
    waiting: defaultdict[Hashable, deque[KnownDocument]] = defaultdict(deque)
    for doc in documents:
        waiting[key(doc.source, doc.content_hash, doc.loader)].append(doc)
    moves = []
    for item in items:
        source = item.file.source
        same = waiting.get(key(source, item.content_hash, loader_version(source)))
        if same:
            moves.append(Move(same.popleft(), item.file))
    return moves


def _content(source: str, content_hash: str, loader: str) -> Hashable:
    return (content_hash, PurePosixPath(source).suffix.lower(), loader)


def _content_and_name(source: str, content_hash: str, loader: str) -> Hashable:
    return (content_hash, PurePosixPath(source).name, loader)
