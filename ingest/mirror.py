"""Compares a folder with a collection and says what has to be done.

Content decides, by SHA-256. A file whose size and time stamps are the ones remembered
is taken as unchanged without being read, if its time stamps can be trusted (`settled`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from ingest.discover import DiscoveryRules, discover
from ingest.file_state import hash_file, settled
from ingest.found import Discovery, FoundFile, LeftOut
from ingest.loaders.formats import loader_version
from ingest.plan import Plan, Removal, ToLoad
from ingest.progress import Progress
from ingest.renames import Content, Move, exchanges, renames
from rag_service.errors import ParserFailed, PathNotFound
from rag_service.store.catalog_schema import FileStat, KnownDocument, KnownFailure

# A document whose file changes names again and again looks deleted while the new name is one
# that is already gone. Then the folder is looked at again, at most so many times in all.
_LOOKS = 3
WORKER_DIED = "worker_died"
_DANGEROUS = (
    "The worker died again and again when this file was among those to be read. Upload it again "
    "by itself to try once more."
)
KEPT = "The last good version stays in the collection."
# Failures that come from the surroundings of a file: it may be readable now, unchanged.
_RETRIED_AFTER_S = 24 * 3600  # a parser that met its limits: on a busy machine, perhaps
_ALWAYS_RETRIED = frozenset({"unreadable_file", "encrypted_file"})


def compare(
    root: Path,
    known: Mapping[str, KnownDocument],
    *,
    rules: DiscoveryRules,
    known_failures: Mapping[str, KnownFailure],
    prune: bool,
    retry_failed: bool,
    progress: Progress,
    dangerous: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """Compare a folder with what a collection knows of it.

    ``dangerous`` names contents, SHA-256 by source, that are not to be read again: they are
    thought to have ended the process that did.

    Raises:
        PathNotFound: no such folder, or no document is left in it although the collection
            has some (unless ``prune``): an unmounted disk is no deletion of everything.
        ConfigError: a pattern is not valid.
    """
    for _ in range(_LOOKS):
        now_ns = time.time_ns()
        found = Discovery((), ()) if prune and not root.exists() else discover(root, rules)
        if not found.files and not prune:
            _refuse_to_empty(root, known, found.left_out)
        progress.start("Comparing", len(found.files))
        plan = plan_mirror(
            found.files,
            known,
            left_out=found.left_out,
            known_failures={} if retry_failed else known_failures,
            now_ns=now_ns,
            on_file=progress.advance,
            dangerous=dangerous,
        )
        if not (plan.came_and_went and plan.delete):
            break
    return plan


def _refuse_to_empty(
    root: Path, known: Mapping[str, KnownDocument], left_out: Sequence[LeftOut]
) -> None:
    gone, _, _ = _set_aside(known, left_out)
    if not gone:
        return
    files = sum(item.files for item in left_out)
    why = f"All {files} files in it are left out." if files else "Is the disk mounted?"
    raise PathNotFound(
        f"{root} holds no documents, but {len(gone)} were ingested from it. {why} "
        "To remove them from the collection, run again with --prune."
    )


def plan_mirror(
    files: Sequence[FoundFile],
    known: Mapping[str, KnownDocument],
    *,
    left_out: Sequence[LeftOut] = (),
    known_failures: Mapping[str, KnownFailure] | None = None,
    now_ns: int,
    on_file: Callable[[], None] = lambda: None,
    dangerous: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """Work out the plan; reads only files whose time stamps or size are new.

    ``now_ns`` is a time before the files were looked at (Unix). ``on_file`` is called once
    for every file compared.
    """
    known, told, kept = _set_aside(known, left_out)
    plan = Plan(left_out=told, kept=kept)
    comparison = _Comparison(known, known_failures or {}, now_ns, plan, dangerous)
    for file in files:
        comparison.sort_in(file)
        on_file()
    return comparison.finish({file.source for file in files})


def _set_aside(
    known: Mapping[str, KnownDocument], left_out: Sequence[LeftOut]
) -> tuple[Mapping[str, KnownDocument], list[LeftOut], list[KnownDocument]]:
    """What cannot be read now is not gone: its documents take no part in the comparison.

    Returns the documents that do, what to tell of ``left_out``, and the documents kept.
    """
    failed = {item.source for item in left_out if item.failed}
    places = {source: _covering(source, failed) for source in known} if failed else {}
    keeping = {place for place in places.values() if place}
    told = [
        replace(item, reason=f"{item.reason}. {KEPT}") if item.source in keeping else item
        for item in left_out
    ]
    kept = [doc for source, doc in known.items() if places.get(source)]
    return {s: doc for s, doc in known.items() if not places.get(s)}, told, kept


def _covering(source: str, places: set[str]) -> str:
    """The place that the source is, or lies in; "" for none."""
    while source and source not in places:
        source = source.rpartition("/")[0]
    return source


class _Comparison:
    """Sorts the files of a folder, one by one, into a plan."""

    def __init__(
        self,
        known: Mapping[str, KnownDocument],
        failures: Mapping[str, KnownFailure],
        now_ns: int,
        plan: Plan,
        dangerous: Mapping[str, str],
    ) -> None:
        self._dangerous = dangerous
        self._known = known
        self._failures = failures
        self._now_ns = now_ns
        self._plan = plan
        self._changed: list[ToLoad] = []

    def sort_in(self, file: FoundFile) -> None:
        plan, held = self._plan, self._known.get(file.source)
        version = loader_version(file.source)
        current = held is not None and held.loader == version
        if held is not None and current and self._is_same(held.stat, file.stat):
            plan.unchanged.append(held)
            return
        failure = self._failures.get(file.source)
        if failure is not None and self._is_hopeless(failure, file, version):
            plan.quarantined.append(failure)
            plan.kept.extend([held] if held else [])
            return
        content_hash = self._hash(file, held)
        if content_hash is None:
            return
        if self._dangerous.get(file.source) == content_hash:
            plan.quarantined.append(_dangerous(file, version))
            plan.kept.extend([held] if held else [])
            return
        if held is None or not current or held.content_hash != content_hash:
            self._changed.append(ToLoad(file, content_hash, held))
        elif settled(file.stat, self._now_ns) == held.stat:
            plan.unchanged.append(held)
        else:
            plan.touch.append(Move(held, file))

    def _is_same(self, remembered: FileStat, stat: FileStat) -> bool:
        # After a clock was set back, a change may bring a time stamp back that was seen
        # before; only a time stamp in the past tells anything.
        return remembered == stat and settled(stat, self._now_ns) == stat

    def _is_hopeless(self, failure: KnownFailure, file: FoundFile, version: str) -> bool:
        if failure.code == ParserFailed.code and self._is_old(failure):
            return False
        return (
            failure.code not in _ALWAYS_RETRIED
            and failure.loader == version
            and self._is_same(failure.stat, file.stat)
        )

    def _is_old(self, failure: KnownFailure) -> bool:
        failed_at = datetime.fromisoformat(failure.at).timestamp()
        return self._now_ns / 1e9 - failed_at > _RETRIED_AFTER_S

    def _hash(self, file: FoundFile, held: KnownDocument | None) -> str | None:
        """The hash of the file's content; None, and told in the plan, if it cannot be read."""
        try:
            return hash_file(file.path)
        except FileNotFoundError:
            if held is None:
                self._plan.came_and_went = True  # there is nothing to tell
                return None
            reason = f"vanished while the folder was being read; run again. {KEPT}"
        except OSError as error:
            reason = f"{error.strerror or error}; check its permissions"
            reason += f". {KEPT}" if held else ""
        self._plan.left_out.append(LeftOut(file.source, "unreadable_file", reason, failed=True))
        self._plan.kept.extend([held] if held else [])
        return None

    def finish(self, present: set[str]) -> Plan:
        """Find the moves among what is new and what is gone."""
        missing = [doc for source, doc in self._known.items() if source not in present]
        moves = [
            *renames(_contents(self._changed, known=False), missing),
            *exchanges(_contents(self._changed, known=True), self._known),
        ]
        moved_to = {move.file.source for move in moves}
        moved_from = {move.known.source for move in moves}
        self._plan.move = moves
        self._plan.load = [item for item in self._changed if item.file.source not in moved_to]
        gone = [doc for doc in missing if doc.source not in moved_from]
        self._plan.delete, self._plan.left_out = _explained(gone, self._plan.left_out)
        return self._plan


def _dangerous(file: FoundFile, version: str) -> KnownFailure:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return KnownFailure(file.source, WORKER_DIED, _DANGEROUS, file.stat, version, at)


def _contents(changed: Sequence[ToLoad], *, known: bool) -> list[Content]:
    """Files with their contents: those under names that held something before, or not."""
    return [
        Content(item.file, item.content_hash)
        for item in changed
        if (item.known is not None) is known
    ]


def _explained(
    gone: Sequence[KnownDocument], left_out: Sequence[LeftOut]
) -> tuple[list[Removal], list[LeftOut]]:
    """Documents to remove, and why if they were left out; a file is one line of the report."""
    by_source = {item.source: item for item in left_out}
    places = set(by_source)
    removals = [Removal(doc, by_source.get(_covering(doc.source, places))) for doc in gone]
    told = {removal.known.source for removal in removals}
    return removals, [item for item in left_out if item.source not in told]
