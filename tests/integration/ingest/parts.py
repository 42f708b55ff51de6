"""A folder of documents that is mirrored, and what is asked of the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.report import IngestReport
from ingest.run import Ingestor, MirrorOptions
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.settings import Settings
from rag_service.store.collection import Collection
from rag_service.store.library import Library
from rag_service.text.question_weights import question_weights

WARRANTY = "The warranty of the Aldra recorder lasts three years from the date of delivery."
LEAVE = (
    "正式员工每年享有十五天带薪年假。年假应当在当年用完。病假需要提交医院证明，并由直属主管批准。"
)
RETURNS = "客戶收到商品後七天內可以申請退貨。退貨時請附上發票與保固書，並保持商品包裝完整。"
STORAGE = "Store the sensor in a dry room. Keep it away from magnets and from direct sunlight."


@dataclass
class Knowledge:
    """A folder of documents and the data folder of what is made from it."""

    folder: Path
    data: Path
    embeddings: EmbeddingModel

    def write(self, source: str, text: str, encoding: str = "utf-8") -> Path:
        path = self.folder / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return path

    def ingest(
        self, *, max_tokens: int = 128, dry_run: bool = False, **options: Any
    ) -> IngestReport:
        ingestor = Ingestor(self.settings(max_tokens), embeddings=self.embeddings)
        act = ingestor.plan if dry_run else ingestor.mirror
        return act([self.folder], "manuals", MirrorOptions(**options))

    def settings(self, max_tokens: int = 128) -> Settings:
        return Settings.model_validate(
            {
                "data_dir": self.data,
                "chunking": {"max_tokens": max_tokens},
                "ingest": {"jobs": 1, "max_file_mb": 1},
            }
        )

    def library(self) -> Library:
        return Library(self.data)

    def texts(self) -> dict[str, str]:
        """The stored text of every document, by source."""
        catalog = self.opened().catalog
        return {
            info.source: catalog.document_text(info.doc_id)
            for info in catalog.documents(limit=1000)
        }

    def opened(self) -> Collection:
        return self.library().open("manuals")

    def find(self, words: str) -> list[str]:
        """The sources of what the lexical index finds, best first."""
        view = self.opened().view()
        ids = [chunk_id for chunk_id, _ in view.search_lexical(question_weights(words), 10, None)]
        found = view.chunks(ids)
        return [found[chunk_id].source for chunk_id in ids if chunk_id in found]

    def check(self) -> None:
        """The collection is in order and every span is exact."""
        assert self.library().verify("manuals").problems == ()


def statuses(report: IngestReport) -> dict[str, str]:
    """What happened to every file; each is told of once."""
    assert len({file.source for file in report.files}) == len(report.files)
    return {file.source: file.status for file in report.files}


def doc_id(knowledge: Knowledge, source: str) -> int:
    found = knowledge.opened().catalog.documents(limit=1000)
    return next(info.doc_id for info in found if info.source == source)
