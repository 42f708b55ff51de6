"""A service with a tiny chat model that says a fixed text, for the benchmarks of the model lane."""

from __future__ import annotations

from pathlib import Path

from benchmarks.results import note
from benchmarks.service import ingest
from tests.gguf_models import write_scripted_gguf

QUESTION = "How long is the warranty of the Aldra recorder?"
ANSWER = "The warranty of the Aldra recorder lasts three years from the date of delivery [1]."
_DOCUMENTS = {
    "warranty.txt": "The warranty of the Aldra recorder lasts three years from the date of "
    "delivery.",
    "storage.txt": "Store the Aldra recorder in a dry room between 5 and 40 degrees.",
    "保修.txt": "记录仪的保修期为三年，从交货之日开始计算。",
}


def chat_home(home: Path) -> Path:
    """A folder with documents, the data folder made of them, and a model."""
    documents = home / "documents"
    documents.mkdir(parents=True)
    for name, text in _DOCUMENTS.items():
        (documents / name).write_text(text, encoding="utf-8")
    note("Ingesting a few documents ...")
    ingest(documents, home / "data")
    write_scripted_gguf(home / "scripted.gguf", ANSWER)
    return home


def scripted(home: Path, *, queue_size: int) -> dict[str, str]:
    """Variables that make the service use the model of `chat_home`."""
    return {
        "RAG_CHAT__MODEL": str(home / "scripted.gguf"),
        "RAG_CHAT__QUEUE_SIZE": str(queue_size),
        "RAG_CHAT__MAX_TOKENS": "200",
    }
