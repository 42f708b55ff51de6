"""A question set on disk, cut into passages and sentences to plant others in."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import nlargest
from math import log
from pathlib import Path
from typing import Any

from rag_service.text.analysis import content_terms
from rag_service.text.language import cjk_share
from rag_service.text.sentences import sentence_spans
from rag_service.text.tokens import estimated_tokens
from rag_service.types import Chunk

MAX_DOCUMENTS = 600  # of a set
CHUNK_TOKENS = 160
_WORDS_OF_A_SENTENCE = (8, 45)


@dataclass(frozen=True, slots=True)
class Sentence:
    chunk: Chunk
    text: str
    start: int  # in the chunk
    following: str


class QuestionSet:
    """A folder with ``corpus.jsonl`` and ``queries.jsonl``, cut into passages."""

    def __init__(self, folder: Path) -> None:
        self.documents = list(_rows(folder / "corpus.jsonl"))[:MAX_DOCUMENTS]
        self.questions = list(_rows(folder / "queries.jsonl"))
        chunks = [chunk for n, row in enumerate(self.documents) for chunk in _chunks(n, row)]
        self.chunks = [replace(chunk, chunk_id=n) for n, chunk in enumerate(chunks)]

    @cached_property
    def _postings(self) -> dict[str, list[int]]:
        postings: dict[str, list[int]] = defaultdict(list)
        for chunk in self.chunks:
            for term in content_terms(chunk.text):
                postings[term].append(chunk.chunk_id)
        return postings

    @cached_property
    def of_document(self) -> dict[str, list[Chunk]]:
        found: dict[str, list[Chunk]] = defaultdict(list)
        for chunk in self.chunks:
            found[chunk.source].append(chunk)
        return found

    def nearest(self, text: str, count: int, without: Callable[[Chunk], bool]) -> list[Chunk]:
        """The chunks that share the rarest terms with ``text``."""
        scores: dict[int, float] = defaultdict(float)
        for term in content_terms(text):
            holding = self._postings.get(term, [])
            if len(holding) < len(self.chunks) / 4:  # others tell little and cost much
                weight = log(len(self.chunks) / len(holding)) if holding else 0.0
                for chunk_id in holding:
                    scores[chunk_id] += weight
        ranked = nlargest(count + 50, scores, key=lambda chunk_id: (scores[chunk_id], -chunk_id))
        found = (self.chunks[chunk_id] for chunk_id in ranked)
        return [chunk for chunk in found if not without(chunk)][:count]

    def sentences(self) -> Iterator[Sentence]:
        """Those that say enough and stand in one chunk only."""
        for chunk in self.chunks:
            spans = sentence_spans(chunk.text)
            for (start, end), after in zip(spans, [*spans[1:], (0, 0)], strict=True):
                text = chunk.text[start:end]
                if is_plain(text):
                    yield Sentence(chunk, text, start, chunk.text[after[0] : after[1]])


def is_plain(text: str) -> bool:
    """Whether ``text`` is a sentence of ordinary length, not a heading or a list."""
    least, most = _WORDS_OF_A_SENTENCE
    words = len(text.split()) if cjk_share(text) <= 0.5 else len(text) / 2
    ends = text.rstrip("\"'”’」』）)")[-1:] in tuple(".。")
    cut = text.endswith(("..", "…")) or re.search(r"[\n|\[\]]|^\W*\d+[.、]", text)
    return least <= words <= most and ends and not cut


def _chunks(n: int, row: dict[str, Any]) -> Iterator[Chunk]:
    """Whole sentences up to `CHUNK_TOKENS`, as an ingested document would have them."""
    text = row["text"]
    spans = sentence_spans(text)
    packed: list[tuple[int, int]] = []
    for start, end in spans:
        if packed and estimated_tokens(text[packed[-1][0] : end]) <= CHUNK_TOKENS:
            packed[-1] = (packed[-1][0], end)
        else:
            packed.append((start, end))
    for ordinal, (start, end) in enumerate(packed):
        title = row.get("title", "")
        yield Chunk(0, n, ordinal, str(row["id"]), title, "", None, start, end, text[start:end])


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
