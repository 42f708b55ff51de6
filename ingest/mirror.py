"""Compares a folder with a collection and says what has to be done.

Content decides, by SHA-256. A file whose size and time stamps are the ones remembered
is taken as unchanged without being read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.discover import FoundFile, LeftOut, discover
from ingest.progress import Progress
from rag_service.errors import PathNotFound
from rag_service.store.catalog_schema import FileStat, KnownDocument

# A file written less than this before it is read may change again without its time
# stamp moving (clocks tick in milliseconds, some file systems in seconds).
_SETTLING_NS = 2_000_000_000
KEPT = "The last good version stays in the collection."


@dataclass(frozen=True, slots=True)
class ToLoad:
    """A file whose content is new; ``known`` is what its name held before."""

    file: FoundFile
    content_hash: str
    known: KnownDocument | None


@dataclass(frozen=True, slots=True)
class Move:
    known: KnownDocument
    file: FoundFile


@dataclass(frozen=True, slots=True)
class Removal:
    """``why`` is set when the name is still there but may no longer be read."""

    known: KnownDocument
    why: LeftOut | None = None


@dataclass(slots=True)
class Plan:
    """What makes the collection a mirror of the folder."""

    load: list[ToLoad] = field(default_factory=list)
    move: list[Move] = field(default_factory=list)
    touch: list[Move] = field(default_factory=list)  # same name and content, new time stamp
    unchanged: list[KnownDocument] = field(default_factory=list)
    delete: list[Removal] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def compare(
    root: Path,
    known: Mapping[str, KnownDocument],
    *,
    loader_version: str,
    max_file_bytes: int,
    prune: bool,
    progress: Progress,
) -> Plan:
    """Compare a folder with what a collection knows of it.

    Raises:
        PathNotFound: no such folder, or it is empty and the collection is not (unless
            ``prune``): an unmounted disk must not be taken for a deletion of everything.
    """
    found = discover(root, max_file_bytes=max_file_bytes)
    if known and not found.files and not prune:
        raise PathNotFound(
            f"{root} holds no documents, but {len(known)} were ingested from it. Is the disk "
            "mounted? To remove them from the collection, run again with --prune."
        )
    progress.start("Comparing", len(found.files))
    return plan_mirror(
        found.files,
        known,
        left_out=found.left_out,
        loader_version=loader_version,
        on_file=progress.advance,
    )


def plan_mirror(
    files: Sequence[FoundFile],
    known: Mapping[str, KnownDocument],
    *,
    left_out: Sequence[LeftOut] = (),
    loader_version: str,
    on_file: Callable[[], None] = lambda: None,
) -> Plan:
    """Work out the plan; reads only files whose time stamps or size are new.

    ``on_file`` is called once for every file looked at.
    """
    known, kept = _set_aside(known, left_out)
    plan = Plan(left_out=kept)
    changed: list[ToLoad] = []
    for file in files:
        _sort_in(file, known.get(file.source), loader_version, plan, changed)
        on_file()
    present = {file.source for file in files}
    _match_moves(plan, changed, {s: doc for s, doc in known.items() if s not in present})
    _explain_removals(plan)
    return plan


def _set_aside(
    known: Mapping[str, KnownDocument], left_out: Sequence[LeftOut]
) -> tuple[Mapping[str, KnownDocument], list[LeftOut]]:
    """What cannot be read now is not gone: its documents take no part in the comparison."""
    mirrored = dict(known)
    told: list[LeftOut] = []
    for item in left_out:
        kept = [s for s in mirrored if _is_within(s, item.source)] if item.failed else []
        for source in kept:
            del mirrored[source]
        told.append(replace(item, reason=f"{item.reason}. {KEPT}") if kept else item)
    return mirrored, told


def _is_within(source: str, place: str) -> bool:
    return source == place or source.startswith(f"{place}/")


def _explain_removals(plan: Plan) -> None:
    """A document that goes because its file was left out is one line of the report."""
    left_out = {item.source: item for item in plan.left_out}
    plan.delete = [replace(r, why=left_out.pop(r.known.source, None)) for r in plan.delete]
    plan.left_out = list(left_out.values())


def _sort_in(
    file: FoundFile,
    held: KnownDocument | None,
    loader_version: str,
    plan: Plan,
    changed: list[ToLoad],
) -> None:
    current = held is not None and held.loader == loader_version
    if held is not None and current and held.stat == file.stat:
        plan.unchanged.append(held)
        return
    try:
        content_hash = hash_file(file.path)
    except OSError as error:
        reason = f"{error.strerror or error}; check its permissions"
        reason += f". {KEPT}" if held else ""
        plan.left_out.append(LeftOut(file.source, "unreadable_file", reason, failed=True))
        return
    if held is not None and current and held.content_hash == content_hash:
        plan.touch.append(Move(held, file))
    else:
        changed.append(ToLoad(file, content_hash, held))


def _match_moves(
    plan: Plan, changed: Sequence[ToLoad], missing: Mapping[str, KnownDocument]
) -> None:
    """A new name with the content of a name that went away is the same document.

    The suffix must be the same too: it decides how the content is read.
    """
    by_content = {
        (doc.content_hash, Path(doc.source).suffix.lower()): doc
        for doc in reversed(list(missing.values()))
    }
    moved: set[str] = set()
    for item in changed:
        content = (item.content_hash, item.file.path.suffix.lower())
        origin = by_content.pop(content, None) if item.known is None else None
        if origin is None:
            plan.load.append(item)
        else:
            plan.move.append(Move(origin, item.file))
            moved.add(origin.source)
    plan.delete.extend(Removal(doc) for source, doc in missing.items() if source not in moved)


def hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def settled(stat: FileStat, read_ns: int) -> FileStat:
    """The stat to remember of a file read at ``read_ns`` (Unix time, or a little before)."""
    if read_ns - max(stat.mtime_ns, stat.ctime_ns) < _SETTLING_NS:
        return unsettled(stat)
    return stat


def unsettled(stat: FileStat) -> FileStat:
    """A stat that matches no file, so that the next run reads the content again."""
    return FileStat(stat.size_bytes, 0, 0)


def stat_of(path: Path) -> FileStat | None:
    """The file's stat now; None when it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns)
