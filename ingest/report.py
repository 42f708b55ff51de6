"""What happened to every file of a folder, each counted exactly once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console

from ingest.found import LeftOut
from ingest.plan import Plan, Removal
from rag_service.store.catalog_schema import KnownFailure

Status = Literal["added", "updated", "moved", "unchanged", "deleted", "empty", "skipped", "failed"]

EXIT_OK = 0
EXIT_NOTHING_USABLE = 1
EXIT_SOME_FAILED = 3

_IN_ORDER: tuple[Status, ...] = Status.__args__  # type: ignore[attr-defined]
_WIDEST_SOURCE = 60  # terminal cells; longer ones push their reasons out of line
_SUFFIXES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class FileReport:
    """One line: a file, a folder left out as a whole, or a document that went.

    ``files`` is how many files of the folder the line speaks for (with ``more``, at least so
    many): 0 for a document whose file is gone, or counted with the folder it is in.
    ``folder`` is the ingested folder, where there are several.
    """

    source: str
    status: Status
    code: str = ""  # why, for machines
    message: str = ""  # why, for people
    pages: int = 0
    chunks: int = 0
    encoding: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    engine: str = ""
    files: int = 1
    more: bool = False
    folder: str = ""


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
    seconds: float = 0.0  # of the whole run, over all folders
    restless: bool = False  # files changed, or changed names, while they were being read

    @property
    def files_seen(self) -> int:
        """How many files are in the folder; all counts but "deleted" add up to it."""
        return sum(file.files for file in self.files)

    def counts(self) -> Counter[str]:
        """Files by status, and documents "deleted": a file that is still there is "skipped"."""
        counts: Counter[str] = Counter()
        for file in self.files:
            if file.status == "deleted":
                counts["deleted"] += 1
                counts["skipped"] += file.files
            else:
                counts[file.status] += file.files
        return +counts

    def exit_code(self) -> int:
        statuses = {file.status for file in self.files}
        if "failed" in statuses and self.documents:
            return EXIT_SOME_FAILED
        is_emptied = "deleted" in statuses and "failed" not in statuses  # as --prune asked
        is_done = self.documents or self.dry_run or is_emptied
        return EXIT_OK if is_done else EXIT_NOTHING_USABLE

    def as_json(self) -> dict[str, Any]:
        return {
            "collection": self.collection,
            "root": self.root,
            "dry_run": self.dry_run,
            "summary": {
                **dict(sorted(self.counts().items())),
                "files_seen": self.files_seen,
                "documents": self.documents,
                "embedded": self.embedded,
                "reused": self.reused,
                "revision": self.revision,
                "seconds": round(self.seconds, 3),
            },
            "exit_code": self.exit_code(),
            "files": [_as_dict(file) for file in sorted(self.files, key=lambda f: f.source)],
        }


_FIELDS = tuple(each.name for each in fields(FileReport))


def _as_dict(file: FileReport) -> dict[str, Any]:
    # dataclasses.asdict copies every value: seconds for 100,000 files
    return {name: getattr(file, name) for name in _FIELDS}


def left_out_report(item: LeftOut) -> FileReport:
    """The line of what was not ingested: a file, or all of a folder."""
    status: Status = "failed" if item.failed else "skipped"
    message = item.reason
    if item.more or item.files != 1:
        message += f"; {_count(item.files, 'file', more=item.more)} in it"
    return FileReport(
        item.source, status, code=item.code, message=message, files=item.files, more=item.more
    )


def removal_report(item: Removal) -> FileReport:
    """The line of a document that went."""
    source, why = item.known.source, item.why
    if why is None:
        return FileReport(source, "deleted", files=0)
    if why.source != source:  # the folder's own line counts the file, if it is still there
        message = f"{why.source}: {why.reason}"
        return FileReport(source, "deleted", code=why.code, message=message, files=0)
    return replace(left_out_report(why), status="deleted")


def quarantine_report(item: KnownFailure) -> FileReport:
    """The line of a file that failed before and would fail again."""
    message = f"{item.message} Not tried again: unchanged since {item.at[:10]}; use --retry-failed."
    return FileReport(item.source, "failed", code=item.code, message=message)


def plan_report(collection: str, root: str, plan: Plan, *, done: bool = False) -> IngestReport:
    """The report of a run that would carry out ``plan``.

    With ``done``, of one that has done so, but for the files to load: each of them is
    reported when it has been.
    """
    report = IngestReport(collection, root, dry_run=not done)
    add = report.files.extend
    add(left_out_report(item) for item in plan.left_out)
    add(quarantine_report(item) for item in plan.quarantined)
    if not done:
        add(FileReport(i.file.source, "updated" if i.known else "added") for i in plan.load)
    add(FileReport(m.file.source, "moved", message=f"from {m.known.source}") for m in plan.move)
    add(removal_report(item) for item in plan.delete)
    add(FileReport(doc.source, "unchanged") for doc in plan.unchanged)
    add(FileReport(item.file.source, "unchanged") for item in plan.touch)
    stay = len(plan.unchanged) + len(plan.touch) + len(plan.move) + len(plan.kept)
    report.documents = stay + len(plan.load)
    return report


def merged(reports: Sequence[IngestReport]) -> IngestReport:
    """One report of runs over several folders, named after the last of them."""
    *others, whole = reports
    if others:
        whole.files = [
            replace(file, folder=report.root) for report in reports for file in report.files
        ]
    for other in others:
        whole.documents += other.documents
        whole.embedded += other.embedded
        whole.reused += other.reused
        whole.restless |= other.restless
    return whole


def print_report(report: IngestReport, console: Console, *, verbose: bool = False) -> None:
    """The files that need attention (all of them if ``verbose``), then the totals.

    Lines are not folded: in a pipe they are for programs.
    """
    shown = [file for file in report.files if verbose or _is_worth_a_line(file, report.dry_run)]
    shown.sort(key=lambda file: (-_IN_ORDER.index(file.status), file.folder, file.source))
    lines = [*_table(shown), *_skipped(report.files), _totals(report)]
    if report.exit_code() == EXIT_NOTHING_USABLE:
        lines.append("Nothing in this folder could be used.")
    # Written past rich, which takes seconds over 100,000 lines.
    print("\n".join(lines), file=console.file)


def _is_worth_a_line(file: FileReport, dry_run: bool) -> bool:
    if file.status in ("failed", "empty") or file.warnings:
        return True
    if dry_run:
        return file.status not in ("unchanged", "skipped")
    return file.status == "deleted" and bool(file.code)  # though it is still there


def _table(files: Sequence[FileReport]) -> Iterable[str]:
    if not files:
        return
    names = [_visible(os.path.join(file.folder, file.source)) for file in files]  # noqa: PTH118
    width = min(_WIDEST_SOURCE, max(cell_len(name) for name in names))
    for name, file in zip(names, files, strict=True):
        why = _visible("; ".join(part for part in (file.message, *file.warnings) if part))
        padding = " " * (width - cell_len(name))
        yield f"{file.status:<9}  {name}{padding}  {why}".rstrip()


def _visible(text: str) -> str:
    """A file's name must neither steer the terminal nor break the line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _skipped(files: Sequence[FileReport]) -> Iterable[str]:
    """One line that says how many files are not read, and why."""
    skipped = [f for f in files if f.status in ("skipped", "deleted") and (f.files or f.more)]
    if not skipped:
        return
    by_code: dict[str, list[FileReport]] = {}
    for file in skipped:
        by_code.setdefault(file.code, []).append(file)
    reasons = sorted(by_code.items(), key=lambda item: -_sum(item[1]))
    total = _count(_sum(skipped), "file", more=any(file.more for file in skipped))
    yield f"{total} skipped: " + ", ".join(_reason(code, same) for code, same in reasons) + "."


def _reason(code: str, files: Sequence[FileReport]) -> str:
    more = "+" if any(file.more for file in files) else ""
    text = f"{_sum(files)}{more} {code.replace('_', ' ')}"
    if code != "unsupported_format":
        return text
    suffixes = Counter(os.path.splitext(f.source)[1].lower() or "no suffix" for f in files)  # noqa: PTH122
    most = [suffix for suffix, _ in suffixes.most_common(_SUFFIXES_SHOWN)]
    dots = ", …" if len(suffixes) > len(most) else ""
    return f"{text} ({_visible(', '.join(most))}{dots})"


def _sum(files: Sequence[FileReport]) -> int:
    return sum(file.files for file in files)


def _totals(report: IngestReport) -> str:
    counts, more = report.counts(), any(file.more for file in report.files)
    done = ", ".join(
        f"{counts[status]}{'+' if more and status == 'skipped' else ''} {status}"
        for status in _IN_ORDER
        if counts[status] and status != "deleted"
    )
    seen = _count(report.files_seen, "file", more=more)
    text = f"{seen}: {done}" if done else "no files"
    if counts["deleted"]:
        text += f"; {_count(counts['deleted'], 'document')} deleted"
    if report.dry_run:
        return f"Plan for collection {report.collection}: {text}."
    return (
        f"Collection {report.collection}: {text}. "
        f"{_count(report.documents, 'document')}, {_count(report.embedded, 'text')} embedded, "
        f"{_count(report.reused, 'embedding')} reused, {report.seconds:.1f} s."
    )


def _count(number: int, noun: str, *, more: bool = False) -> str:
    return f"{number}{'+' if more else ''} {noun}{'' if number == 1 and not more else 's'}"
