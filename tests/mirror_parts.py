"""Folders, what a collection knows of them, and the plan that comes of both."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from ingest.discover import DiscoveryRules, discover
from ingest.found import FoundFile
from ingest.loaders.formats import loader_version
from ingest.mirror import compare, plan_mirror
from ingest.plan import Plan
from ingest.progress import Progress
from rag_service.store.catalog_schema import FileStat, KnownDocument, KnownFailure

OLD = FileStat(4, 1, 1)  # no file of today has these time stamps
SECOND = 1_000_000_000
LATER = time.time_ns() + 3600 * SECOND  # when every file of these tests has settled
QUIET = Progress(Console(quiet=True), enabled=False)


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def known(
    source: str, content: str, *, stat: FileStat = OLD, loader: str | None = None
) -> KnownDocument:
    doc_id = sum(source.encode())
    loader = loader_version(source) if loader is None else loader
    return KnownDocument(doc_id, source, sha256(content), stat, loader)


def failed(source: str, stat: FileStat, *, code: str = "broken_file") -> KnownFailure:
    at = "2024-05-06T07:08:09+00:00"
    return KnownFailure(source, code, "It is damaged.", stat, loader_version(source), at)


def write(root: Path, files: Mapping[str, str]) -> None:
    for source, content in files.items():
        path = root / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def look(root: Path) -> tuple[FoundFile, ...]:
    return discover(root, DiscoveryRules(max_file_bytes=1 << 20)).files


def mirror(
    root: Path,
    *held: KnownDocument,
    failures: tuple[KnownFailure, ...] = (),
    exclude: tuple[str, ...] = (),
    prune: bool = False,
    retry_failed: bool = False,
    progress: Progress = QUIET,
) -> Plan:
    return compare(
        root,
        {doc.source: doc for doc in held},
        rules=DiscoveryRules(max_file_bytes=1 << 20, exclude=exclude),
        known_failures={failure.source: failure for failure in failures},
        prune=prune,
        retry_failed=retry_failed,
        progress=progress,
    )


def plan(files: list[FoundFile], *held: KnownDocument, now_ns: int = LATER) -> Plan:
    return plan_mirror(files, {doc.source: doc for doc in held}, now_ns=now_ns)


def outline(plan: Plan) -> dict[str, list[str]]:
    """The sources in every part of a plan that is not empty."""
    parts = {
        "load": [item.file.source for item in plan.load],
        "move": [f"{item.known.source} -> {item.file.source}" for item in plan.move],
        "touch": [item.file.source for item in plan.touch],
        "unchanged": [doc.source for doc in plan.unchanged],
        "delete": [item.known.source for item in plan.delete],
        "left_out": [item.source for item in plan.left_out],
        "quarantined": [item.source for item in plan.quarantined],
        "kept": [doc.source for doc in plan.kept],
    }
    return {name: items for name, items in parts.items() if items}
