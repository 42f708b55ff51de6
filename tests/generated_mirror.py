"""A folder of generated documents and the collection made of it, to be ingested and inspected."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.crash.checks import Inspector
from benchmarks.crash.child import Order
from benchmarks.crash.corpus import Corpus
from benchmarks.crash.reader import cheap_service
from benchmarks.crash.runs import Forked
from benchmarks.crash.standin import WordHashes
from ingest.report import IngestReport
from ingest.run import Ingestor
from rag_service.settings import Settings
from rag_service.store.library import Library


@dataclass
class Mirror:
    """A folder of generated documents, and a data folder in which they are the collection "c"."""

    scratch: Path
    data: Path
    corpus: Corpus = field(init=False)
    library: Library = field(init=False)
    inspector: Inspector = field(init=False)

    def __post_init__(self) -> None:
        self.corpus = Corpus(self.scratch / "documents", seed=1)
        self.library = Library(self.data)
        self.inspector = Inspector(self.corpus, self.library, "c", self.corpus.root)

    def ingest(self, on_texts: Callable[[int], None] = lambda _: None) -> IngestReport:
        """Here, with a model that says when it was given texts."""
        settings = Settings.model_validate({"data_dir": self.data, "ingest": {"jobs": 1}})
        ingestor = Ingestor(settings, embeddings=WordHashes(on_texts))
        report = ingestor.mirror([self.corpus.root], "c")
        self.inspector.keep_ledgers()
        return report

    def start(self) -> Forked:
        """In another process, in small steps."""
        arguments = (str(self.corpus.root), "-c", "c", "-j", "1", "--json")
        scratch = self.scratch
        return Forked(
            Order(
                "ingest",
                arguments,
                str(self.data),
                log=str(scratch / "log"),
                out=str(scratch / "out"),
            )
        )

    def said(self) -> str:
        return (self.scratch / "log").read_text(encoding="utf-8")

    def found(self, word: str) -> list[str]:
        """The sources of what a service just started finds."""
        with closing(cheap_service(self.data)) as service:
            hits = service.search(word, collection="c", top_k=3).hits
        return [hit.chunk.source for hit in hits if word in hit.chunk.text]

    def a_mark(self) -> tuple[str, str]:
        """A word that stands in one document only, and which."""
        source, content = next(iter(self.corpus.contents().items()))
        return self.corpus.mark_of[content], source

    def check(self) -> None:
        """The collection is what the folder is, nothing twice, nothing left over."""
        problems = list(self.inspector.when_finished())
        assert problems == [], problems
