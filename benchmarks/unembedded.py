"""One ingest in a process of its own, with everything real but the embedding.

    python -m benchmarks.unembedded FOLDER DATA_DIR

The model's tokenizer still measures every chunk; its forward pass, which is most of the
time of any real ingest and has nothing to do with the size of a folder, is left out. Prints
one JSON line: seconds, files, chunks, and the peak of resident memory in units of 10⁶ bytes.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag_service.retrieval.embedding_model import EmbeddingModel


def main() -> None:
    folder, data_dir = map(Path, sys.argv[1:])
    # Imported here: the parser processes import this module again.
    from ingest.run import Ingestor
    from rag_service.settings import load_settings
    from rag_service.store.library import Library

    ingestor = Ingestor(load_settings(data_dir=data_dir), embeddings=_without_vectors())
    started = time.perf_counter()
    report = ingestor.mirror([folder], "scale")
    seconds = time.perf_counter() - started
    counts = Library(data_dir).open("scale").catalog.counts()
    print(
        json.dumps(
            {
                "seconds": seconds,
                "statuses": dict(report.counts()),
                "chunks": counts["chunks"],
                "peak_mb": _peak_mb(resource.RUSAGE_SELF),
                "parser_peak_mb": _peak_mb(resource.RUSAGE_CHILDREN),
            }
        )
    )


def _peak_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss * 1024 / 1e6


def _without_vectors() -> EmbeddingModel:
    """The default model, which claims to understand no text."""
    from rag_service.retrieval.embedding import open_embeddings
    from rag_service.settings import EmbeddingSettings

    embeddings = open_embeddings(EmbeddingSettings())

    def nothing(texts: Sequence[str]) -> list[None]:
        return [None] * len(texts)

    embeddings.encode_passages = nothing  # type: ignore[method-assign, assignment]
    return embeddings


if __name__ == "__main__":
    main()
