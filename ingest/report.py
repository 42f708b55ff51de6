"""What happened to every file of a folder, each counted exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingest.discover import LeftOut
from ingest.mirror import Plan, Removal

Status = Literal["added", "updated", "moved", "unchanged", "deleted", "empty", "skipped", "failed"]

EXIT_OK = 0
EXIT_NOTHING_USABLE = 1
EXIT_SOME_FAILED = 3


@dataclass(frozen=True, slots=True)
class FileReport:
    source: str
    status: Status
    code: str = ""  # why, for machines
    message: str = ""  # why, for people
    pages: int = 0
    chunks: int = 0
    encoding: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(slots=True)
class IngestReport:
    """The outcome of one run."""

    collection: str
    root: str
    dry_run: bool = False
    files: list[FileReport] = field(default_factory=list)
    documents: int = 0  # of this folder in the collection, after the run
    embedded: int = 0  # texts embedded by this run
    reused: int = 0  # chunks whose embedding was already stored
    revision: int = 0
    seconds: float = 0.0

    def counts(self) -> Counter[str]:
        return Counter(file.status for file in self.files)

    def exit_code(self) -> int:
        if self.counts()["failed"] and self.documents:
            return EXIT_SOME_FAILED
        return EXIT_OK if self.documents or self.dry_run else EXIT_NOTHING_USABLE

    def as_json(self) -> dict[str, Any]:
        return {
            "collection": self.collection,
            "root": self.root,
            "dry_run": self.dry_run,
            "summary": {
                **dict(sorted(self.counts().items())),
                "documents": self.documents,
                "embedded": self.embedded,
                "reused": self.reused,
                "revision": self.revision,
                "seconds": round(self.seconds, 3),
            },
            "exit_code": self.exit_code(),
            "files": [asdict(file) for file in sorted(self.files, key=lambda f: f.source)],
        }


def left_out_report(item: LeftOut) -> FileReport:
    """The line of a file that was not ingested."""
    status: Status = "failed" if item.failed else "skipped"
    return FileReport(item.source, status, code=item.code, message=item.reason)


def removal_report(item: Removal) -> FileReport:
    """The line of a document that went."""
    code, message = (item.why.code, item.why.reason) if item.why else ("", "")
    return FileReport(item.known.source, "deleted", code=code, message=message)


def plan_report(collection: str, root: str, plan: Plan) -> IngestReport:
    """The report of a run that would carry out ``plan``."""
    report = IngestReport(collection, root, dry_run=True)
    report.files += [left_out_report(item) for item in plan.left_out]
    for item in plan.load:
        report.files.append(FileReport(item.file.source, "updated" if item.known else "added"))
    for move in plan.move:
        report.files.append(
            FileReport(move.file.source, "moved", message=f"from {move.known.source}")
        )
    report.files += [removal_report(item) for item in plan.delete]
    report.files += [FileReport(doc.source, "unchanged") for doc in plan.unchanged]
    report.files += [FileReport(item.file.source, "unchanged") for item in plan.touch]
    kept = len(plan.unchanged) + len(plan.touch) + len(plan.move)
    report.documents = kept + len(plan.load)
    return report


def merged(reports: Sequence[IngestReport]) -> IngestReport:
    """One report of runs over several folders, named after the last of them."""
    *others, whole = reports
    for other in others:
        whole.files += other.files
        whole.documents += other.documents
        whole.embedded += other.embedded
        whole.reused += other.reused
        whole.seconds += other.seconds
    return whole


def print_report(report: IngestReport, console: Console) -> None:
    """The files that need attention, then one line of totals."""
    attention = [
        file
        for file in sorted(report.files, key=lambda f: f.source)
        if report.dry_run or file.status in ("failed", "empty", "skipped") or file.warnings
    ]
    if attention:
        console.print(_table(attention))
    counts = report.counts()
    done = ", ".join(f"{counts[s]} {s}" for s in Status.__args__ if counts[s])  # type: ignore[attr-defined]
    if report.dry_run:
        console.print(f"Plan for collection {escape(report.collection)}: {done or 'nothing'}.")
        return
    console.print(
        f"Collection {escape(report.collection)}: {done or 'no files'}. "
        f"{report.documents} documents, {report.embedded} texts embedded, "
        f"{report.reused} embeddings reused, {report.seconds:.1f} s."
    )
    if report.exit_code() == EXIT_NOTHING_USABLE:
        console.print("Nothing in this folder could be used.")


def _table(files: list[FileReport]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("file", "status", "why"):
        table.add_column(column, overflow="fold")
    for file in files:
        why = "; ".join(part for part in (file.message, *file.warnings) if part)
        table.add_row(escape(file.source), file.status, escape(why))
    return table
