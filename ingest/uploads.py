"""The mirror run over a collection's uploads, and what became of each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ingest.file_state import hash_file
from ingest.mirror import WORKER_DIED
from ingest.report import FileReport
from ingest.run import Ingestor, MirrorOptions
from rag_service.errors import RagError
from rag_service.settings import Settings
from rag_service.store.catalog import Catalog
from rag_service.store.catalog_schema import KnownDocument
from rag_service.store.jobs_schema import FileStatus, Job, JobFile
from rag_service.store.library import Library
from rag_service.store.uploads import as_indexed, uploads_folder

_REPLACED = "A later upload of the same name took its place."
_GONE = "It was removed again before it was read."
_BACK = "It was uploaded again before it was removed."
_LEFT_OUT = "It is not read again, unless it is uploaded again: the worker died over this job."
_UNREPORTED = "The run did not say what became of this file. This is a bug."


class UploadMirror:
    """Makes collections agree with what was uploaded to them.

    The embedding model is loaded with the first job and kept.
    """

    def __init__(self, settings: Settings) -> None:
        self._data_dir = settings.data_dir
        self._ingestor = Ingestor(settings)

    def mark(self, collection: str) -> str:
        """Changes with every document that is committed and every text that is embedded."""
        with closing(Library(self._data_dir)) as library:
            try:
                catalog = library.open(collection).catalog
                return f"{catalog.uuid} {catalog.revision()} {catalog.texts_embedded()}"
            except RagError:  # the run will meet it too, and say it
                return ""

    def give_up(self, job: Job) -> tuple[JobFile, ...]:
        """See `ingest.worker.Uploads`."""
        with closing(Library(self._data_dir)) as library:
            try:
                folder = uploads_folder(library.home(job.collection)).resolve()
                catalog = library.open(job.collection).catalog
            except RagError:  # the collection is gone, and the files with it
                return job.files
            return _Told(folder, catalog, (), (WORKER_DIED, _LEFT_OUT)).outcomes(job)

    def run(
        self, collection: str, jobs: Sequence[Job], dangerous: Mapping[str, str]
    ) -> tuple[int, list[tuple[JobFile, ...]]]:
        """See `ingest.worker.Uploads`."""
        with closing(Library(self._data_dir)) as library:
            folder = uploads_folder(library.home(collection)).resolve()
            gone = _moved_away(library.open(collection).catalog.roots(), folder)
        # A collection that is deleted meanwhile must not come back.
        options = MirrorOptions(prune=True, must_exist=True, dangerous=dangerous)
        report = self._ingestor.mirror([folder, *gone], collection, options)
        with closing(Library(self._data_dir)) as library:
            told = _Told(folder, library.open(collection).catalog, report.files)
            return report.revision, [told.outcomes(job) for job in jobs]


def _moved_away(roots: Sequence[str], folder: Path) -> list[Path]:
    """The same folder under the names it had before the data folder was moved.

    Documents are known by their folder's path: these are the ones to be forgotten.
    """
    tail = folder.parts[-3:]  # collections, its name, uploads
    others = [Path(root) for root in roots if root != str(folder)]
    return [root for root in others if root.parts[-3:] == tail and not root.exists()]


class _Told:
    """What a run says of each file, checked against what the catalog holds."""

    def __init__(
        self,
        folder: Path,
        catalog: Catalog,
        reports: Sequence[FileReport],
        unreported: tuple[str, str] = (RagError.code, _UNREPORTED),
    ) -> None:
        """``unreported`` is the code and message of a file of which no report speaks."""
        self._unreported = unreported
        self._folder = folder
        self._catalog = catalog
        self._known: Mapping[str, KnownDocument] = catalog.known_documents(str(folder))
        here = ("", str(folder))  # "": there was no other
        self._reports = {report.source: report for report in reports if report.folder in here}

    def outcomes(self, job: Job) -> tuple[JobFile, ...]:
        outcome = self._removed if job.kind == "delete" else self._uploaded
        return tuple(outcome(file) for file in job.files)

    def _failed(self, file: JobFile) -> JobFile:
        code, message = self._unreported
        return replace(file, status="failed", code=code, message=message)

    def _removed(self, file: JobFile) -> JobFile:
        if file.name not in self._known:
            return replace(file, status="removed")
        if (self._folder / file.name).is_file():
            return replace(file, status="replaced", code="replaced", message=_BACK)
        return self._failed(file)

    def _uploaded(self, file: JobFile) -> JobFile:
        known = self._known.get(file.name)
        if known is not None and known.content_hash == file.content_hash:
            return self._indexed(file, known)
        path = self._folder / file.name
        if not path.is_file():
            return replace(file, status="replaced", code="replaced", message=_GONE)
        if hash_file(path) != file.content_hash:
            return replace(file, status="replaced", code="replaced", message=_REPLACED)
        return self._unusable(file)

    def _indexed(self, file: JobFile, known: KnownDocument) -> JobFile:
        report = self._reports.get(file.name)
        warnings = report.warnings if report else ()
        return replace(as_indexed(file, self._catalog.document(known.doc_id)), warnings=warnings)

    def _unusable(self, file: JobFile) -> JobFile:
        report = self._reports.get(file.name)
        if report is None or report.status not in ("failed", "empty", "skipped"):
            return self._failed(file)
        status: FileStatus = report.status
        return replace(
            file,
            status=status,
            code=report.code,
            message=report.message,
            warnings=report.warnings,
        )
