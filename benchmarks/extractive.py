"""How often the answer stands in what is quoted without a chat model.

Every question of every set of a folder that has answers is searched for with the default
settings, and answered in at most one, two and three sentences. An answer is found where one of
the question's gold answers is in the quotes (width, case and punctuation folded). Nothing is
refused here: `benchmarks.refusal` measures that.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

from benchmarks.refusal_cases import QuestionSet, Row, open_set
from benchmarks.results import Figure, note, report
from rag_service.evaluation.metrics import normalize
from rag_service.generation.close_reading import CloseReading, close_reading_of
from rag_service.generation.extractive import Extract, extract
from rag_service.generation.nearness import Nearness, nearness_of
from rag_service.retrieval.answer_kind import answer_kind
from rag_service.retrieval.embedding import open_embeddings
from rag_service.retrieval.retriever import HybridSearch
from rag_service.settings import Settings
from rag_service.store.library import Library

NAME = "extractive"
MOST_SENTENCES = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Tried:
    """One question answered in at most ``sentences``."""

    sentences: int
    found: bool
    characters: int
    milliseconds: float


def _tried(
    asked: QuestionSet,
    search: HybridSearch,
    nearness: Nearness | None,
    closeness: CloseReading | None,
    limit: int,
) -> Iterator[Tried]:
    for row in _reported(asked)[:limit]:
        question = row["question"]
        sources = search.search(asked.view, question, top_k=search.settings.top_k).hits
        gold = {normalize(answer) for answer in row["answers"]} - {""}
        for most in MOST_SENTENCES:
            started = time.perf_counter()
            quoted = extract(
                question,
                sources,
                idf=asked.view.idf,
                idf_in_english=asked.view.idf_in_english,
                kind=answer_kind(question),
                nearness=nearness,
                closeness=closeness,
                max_sentences=most,
            )
            spent = (time.perf_counter() - started) * 1e3
            yield Tried(most, _holds(quoted, gold), _length(quoted), spent)


def _reported(asked: QuestionSet) -> list[Row]:
    """The questions marked as the set's short form if there are any, else all; with answers."""
    short = [row for row in asked.rows if row.get("fast")]
    return [row for row in short or asked.rows if row["answers"]]


def _holds(quoted: Extract, gold: set[str]) -> bool:
    text = normalize(" ".join(citation.quote for citation in quoted.citations))
    return any(answer in text for answer in gold)


def _length(quoted: Extract) -> int:
    return sum(len(citation.quote) for citation in quoted.citations)


def _figures(name: str, tried: Sequence[Tried]) -> Iterator[Figure]:
    for most in MOST_SENTENCES:
        of_these = [each for each in tried if each.sentences == most]
        found = fmean(each.found for each in of_these)
        yield Figure(NAME, f"{name}: answer found, sentences ≤ {most}", found, "")
    longest = [each for each in tried if each.sentences == MOST_SENTENCES[-1]]
    yield Figure(NAME, f"{name}: length", fmean(each.characters for each in longest), "characters")
    yield Figure(NAME, f"{name}: time", fmean(each.milliseconds for each in longest), "ms")


def run(folder: Path, data: Path, names: Sequence[str], limit: int) -> list[Figure]:
    """Ask the sets of the folder; those missing in ``data`` are ingested first."""
    settings = Settings(data_dir=data)
    model = open_embeddings(settings.embedding, threads=1)
    search = HybridSearch(model, settings.retrieval)
    nearness, closeness = nearness_of(model), close_reading_of(model)
    figures: list[Figure] = []
    with closing(Library(data)) as library:
        for path in sorted(path.parent for path in folder.glob("*/queries.jsonl")):
            if names and path.name not in names:
                continue
            note(f"Asking {path.name} ...")
            asked = open_set(path, settings, library)
            if tried := list(_tried(asked, search, nearness, closeness, limit)):
                figures += _figures(path.name, tried)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extractive", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of question sets")
    parser.add_argument(
        "--data-dir", type=Path, required=True, help="data folder; sets missing there are ingested"
    )
    parser.add_argument("--sets", nargs="*", default=(), help="names of sets; all without it")
    parser.add_argument("--limit", type=int, default=300, help="questions of a set")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    args = parser.parse_args()
    report(partial(run, args.folder, args.data_dir, args.sets, args.limit), args.json)


if __name__ == "__main__":
    main()
