"""What the size of a folder, of a file and of a collection costs, apart from embedding.

    python -m benchmarks.scale --files 100000 --text-mb 1024 --chunks 100000

Three parts, each in fresh processes: many small files, then the same folder again without
a change; one very large text file, then again; and the deletion of one document from a
large collection, timed until a running reader no longer finds it. Embedding is left out of
the first two (see `unembedded`), the vectors of the third are random.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpus import document
from benchmarks.results import Figure, note, report
from rag_service.document_types import ChunkSpan
from rag_service.store.catalog_schema import FileStat, NewChunk, NewDocument
from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.library import Library
from rag_service.text.question_weights import question_weights

NAME = "scale"
_PER_FOLDER = 1000
_CHUNKS_PER_DOCUMENT = 10
_DIMENSION = 384
_DELETIONS = 20


def small_files(folder: Path, files: int) -> None:
    """Every file different, one chunk or two, English and Chinese by turns."""
    rng = random.Random(1)
    texts = {language: document(rng, language, 60_000).split("\n\n") for language in ("en", "zh")}
    for number in range(files):
        lines = texts["zh" if number % 2 else "en"]
        start = rng.randrange(len(lines) - 3)
        path = folder / f"{number // _PER_FOLDER:04}" / f"{number:06}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Note {number}\n\n" + "\n\n".join(lines[start : start + 2]), "utf-8")


def large_text(path: Path, megabytes: int) -> None:
    """Numbered paragraphs, so that no two chunks are alike."""
    rng = random.Random(2)
    blocks = [document(rng, lang, 20_000).encode() for lang in ("en", "zh") for _ in range(25)]
    path.parent.mkdir(parents=True)
    with path.open("wb") as stream:
        number = 0
        while stream.tell() < megabytes << 20:
            number += 1
            stream.write(b"Part %d.\n\n" % number + rng.choice(blocks) + b"\n\n")


def ingest(folder: Path, data_dir: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.unembedded", str(folder), str(data_dir)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome


def ingest_twice(what: str, folder: Path, data_dir: Path) -> Iterator[Figure]:
    figure = partial(Figure, NAME)
    for run in ("first run", "second run, no changes"):
        note(f"{what}: {run} ...")
        got = ingest(folder, data_dir)
        yield figure(f"{what}: {run}", got["seconds"], "s")
        if run == "first run":
            yield figure(f"{what}: chunks", got["chunks"], "")
            yield figure(f"{what}: chunks a second", got["chunks"] / got["seconds"], "/s")
        yield figure(f"{what}: {run}, peak memory", got["peak_mb"], "MB")
        yield figure(f"{what}: {run}, peak of a parser", got["parser_peak_mb"], "MB")


def fill(writer: CollectionWriter, chunks: int) -> None:
    """Documents of ten chunks, each with a word of its own and a random vector."""
    rng = np.random.default_rng(3)
    root_id = writer.catalog.root_id("/generated")
    for first in range(0, chunks // _CHUNKS_PER_DOCUMENT, 500):
        numbers = range(first, min(first + 500, chunks // _CHUNKS_PER_DOCUMENT))
        documents = [_document(root_id, number) for number in numbers]
        keys = [chunk.vector_key for new in documents for chunk in new.chunks]
        vectors = rng.normal(size=(len(keys), _DIMENSION)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        writer.catalog.add_vectors(dict(zip(keys, vectors, strict=True)))
        writer.catalog.put_documents(documents)


def _mark(number: int) -> str:
    """A word of its own for every document, that no analyzer takes apart."""
    return "zq" + str(number).translate(str.maketrans("0123456789", "bcdfghjkmn"))


def _document(root_id: int, number: int) -> NewDocument:
    text = document(random.Random(number), "en", 5000)
    size = len(text) // _CHUNKS_PER_DOCUMENT
    spans = [
        ChunkSpan(n, n * size, (n + 1) * size, text[n * size : (n + 1) * size])
        for n in range(_CHUNKS_PER_DOCUMENT)
    ]
    key = number.to_bytes(8, "big")
    return NewDocument(
        root_id=root_id,
        source=f"{number}.txt",
        title=_mark(number),
        content_hash="",
        stat=FileStat(0, 0, 0),
        loader="generated",
        engine="",
        encoding="",
        warnings=(),
        pages=0,
        text=text[: size * _CHUNKS_PER_DOCUMENT],
        chunks=tuple(NewChunk(span, key + bytes([span.ordinal])) for span in spans),
    )


def deletions(data_dir: Path, chunks: int) -> Iterator[Figure]:
    """From the writer's call until a reader that was open all the time finds it no more."""
    note(f"Filling a collection with {chunks:,} chunks ...")
    library = Library(data_dir)
    fingerprint = {"embedding_model": "random", "dimension": _DIMENSION}
    with CollectionWriter(library.home("scale"), fingerprint) as writer:
        fill(writer, chunks)
        writer.finish()
        reader = library.open("scale")
        reader.view()
        committed, published, seen = [], [], []
        for number in range(_DELETIONS):
            known = writer.catalog.known_documents("/generated")[f"{number}.txt"]
            term = question_weights(_mark(number))
            assert reader.view().search_lexical(term, 1, None), "the document should be there"
            started = time.perf_counter()
            writer.catalog.remove_document(known.doc_id)
            committed.append(time.perf_counter() - started)
            assert not _shown(library, term), "a committed deletion is still shown"
            writer.publish()
            published.append(time.perf_counter() - started)
            view = reader.view()
            assert not view.search_lexical(term, 1, None), "the index still holds it"
            seen.append(time.perf_counter() - started)
    for name, values in (("committed, no longer shown", committed), ("out of both indexes", seen)):
        yield Figure(NAME, f"deletion: {name}, median", statistics.median(values) * 1e3, "ms")
        yield Figure(NAME, f"deletion: {name}, longest", max(values) * 1e3, "ms")


def _shown(library: Library, terms: dict[str, float]) -> bool:
    """Whether a search would show it: hits are joined to the catalog."""
    view = library.open("scale").view()
    return bool(view.chunks([chunk_id for chunk_id, _ in view.search_lexical(terms, 1, None)]))


def run(*, files: int, text_mb: int, chunks: int) -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        root = Path(temporary)
        if chunks:
            figures += deletions(root / "deletions", chunks)
        if files:
            note(f"Writing {files:,} small files ...")
            small_files(root / "small", files)
            figures += ingest_twice(f"{files:,} small files", root / "small", root / "data-small")
        if text_mb:
            note(f"Writing {text_mb:,} MiB of text ...")
            large_text(root / "large/book.txt", text_mb)
            figures += ingest_twice(f"{text_mb:,} MiB of text", root / "large", root / "data-large")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000, help="small files; 0: none")
    parser.add_argument("--text-mb", type=int, default=1024, help="size of the text; 0: none")
    parser.add_argument("--chunks", type=int, default=100_000, help="to delete from; 0: none")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    args = parser.parse_args()
    measure = partial(run, files=args.files, text_mb=args.text_mb, chunks=args.chunks)
    report(measure, args.json)


if __name__ == "__main__":
    main()
