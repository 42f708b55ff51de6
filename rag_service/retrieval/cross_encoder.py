"""Third stage, where one is set: a cross-encoder reads the question and each passage together.

A sentence-transformers `CrossEncoder`, from a folder or the local Hugging Face cache;
nothing is downloaded. It is slow (its cost is that of a forward pass for each candidate), so
it works within a budget of time. Why it runs on torch alone:
docs/decisions/0013-reranker-and-langchain.md.
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag_service.errors import RerankerModelError
from rag_service.retrieval.model_files import display_name, model_folder
from rag_service.retrieval.vocabulary import Vocabulary
from rag_service.settings import RetrievalSettings
from rag_service.types import Chunk, Hit

AT_LEAST = 4  # candidates read whatever the budget is: fewer are not worth the model
_LARGEST_STEP = 32
_SMALLEST_STEP = 4

# Read twice when the model is opened: it must give a number, and the second time says how
# long a pair takes. About as long as a passage.
_PROBE = ("How long is the warranty?", "The warranty of the recorder lasts three years. " * 10)


@dataclass(frozen=True, slots=True)
class Reranked:
    """``note`` says in plain words what was done."""

    hits: list[Hit]
    note: str


class CrossEncoderReranker:
    """Safe to share between threads, which take turns step by step."""

    def __init__(
        self,
        model: Any,
        name: str,
        *,
        budget_ms: float,
        threads: int | None = None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        """``model`` is a `CrossEncoder` with one score; ``now`` a clock, in seconds.

        Raises:
            RerankerModelError: its tokenizer cannot be used, or its score is no number.
        """
        self.name = name
        self._model = model
        self._budget_s = budget_ms / 1e3
        self._threads = threads
        self._now = now
        self._lock = threading.Lock()  # fast tokenizers refuse concurrent use
        self._pair_s = 0.0  # how long a pair takes, measured all the time
        try:
            self._vocabulary = Vocabulary(model.tokenizer)
        except ValueError as error:
            raise RerankerModelError(f"The reranker {name} cannot be used: {error}.") from error
        self._warm_up()

    def rerank(self, query: str, hits: Sequence[Hit]) -> Reranked:
        """As many of the best hits as fit in the budget change places by their scores.

        What was not read keeps its place: the hits beyond the budget below those that were,
        and a passage in a language that the model does not know wherever it stood.
        """
        if not self._vocabulary.represents([query])[0]:
            return Reranked(list(hits), self._unknown_question())
        known = self._vocabulary.represents([hit.chunk.text for hit in hits])
        readable = [n for n, fit in enumerate(known) if fit]
        scores = self._read(query, [hits[n].chunk for n in readable])
        read = readable[: len(scores)]
        note = f"The reranker {self.name} read {len(read)} of {len(hits)} candidates" + (
            "." if len(read) == len(hits) else f" ({self._why(read, readable, len(hits))})."
        )
        return Reranked(_permuted(hits, read, scores), note)

    def _read(self, query: str, chunks: Sequence[Chunk]) -> list[float]:
        """Scores of the first chunks, as many as there is time for."""
        deadline = self._now() + self._budget_s
        scores: list[float] = []
        while len(scores) < len(chunks):
            with self._lock:  # the wait for it is part of the budget
                step = self._step(deadline - self._now(), len(scores))
                if not step:
                    break
                scores += self._scores(query, chunks[len(scores) : len(scores) + step])
        return scores

    def _step(self, left_s: float, done: int) -> int:
        """How many pairs to read next.

        Half of what fits, as far as is known, because the next passages may be longer than
        the last ones were; the last few at once, because small steps are slow.
        """
        fitting = max(0, int(left_s / self._pair_s))
        step = max(fitting // 2, min(fitting, _SMALLEST_STEP))
        return min(max(step, AT_LEAST - done), _LARGEST_STEP)

    def _scores(self, query: str, chunks: Sequence[Chunk]) -> list[float]:
        started = self._now()
        scores = self._predict([(query, _passage(chunk)) for chunk in chunks])
        pair_s = (self._now() - started) / len(chunks)
        self._pair_s = (self._pair_s + pair_s) / 2
        return scores

    def _predict(self, pairs: list[tuple[str, str]]) -> list[float]:
        import torch

        torch.set_num_threads(self._threads or os.cpu_count() or 1)  # holds for this thread
        # The bare logits: behind a sigmoid good passages would be equally good.
        scores = self._model.predict(
            pairs,
            batch_size=len(pairs),
            activation_fn=torch.nn.Identity(),
            show_progress_bar=False,
        )
        return [float(score) for score in scores]

    def _warm_up(self) -> None:
        for _ in range(2):
            started = self._now()
            scores = self._predict([_PROBE] * _SMALLEST_STEP)
            self._pair_s = max((self._now() - started) / _SMALLEST_STEP, 1e-9)
        if not all(map(math.isfinite, scores)):
            raise RerankerModelError(
                f"The reranker {self.name} gives {scores[0]} for a score: its weights are damaged, "
                "or not made for this device."
            )

    def _unknown_question(self) -> str:
        return (
            f"The reranker {self.name} cannot represent this question, so it read nothing. "
            "A multilingual model would (README, Models)."
        )

    def _why(self, read: Sequence[int], readable: Sequence[int], count: int) -> str:
        reasons = []
        if len(read) < len(readable):
            reasons.append(f"as many as fit in {self._budget_s * 1e3:g} ms")
        if len(readable) < count:
            reasons.append(f"{count - len(readable)} are in a language it cannot represent")
        return "; ".join(reasons)


def _permuted(hits: Sequence[Hit], places: Sequence[int], scores: Sequence[float]) -> list[Hit]:
    """The hits at ``places`` share these out among them, best score first; ties stay in order."""
    scored = [replace(hits[n], rerank=score) for n, score in zip(places, scores, strict=True)]
    scored.sort(key=lambda hit: -(hit.rerank or 0.0))
    found = list(hits)
    for place, hit in zip(places, scored, strict=True):
        found[place] = hit
    return found


def _passage(chunk: Chunk) -> str:
    """As it is embedded: under its title, headings and table header."""
    return f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text


def open_reranker(settings: RetrievalSettings) -> CrossEncoderReranker | None:
    """Load the configured model, None if there is none; takes seconds.

    Raises:
        RerankerModelError: it is not there, cannot be read, or is no cross-encoder.
    """
    if settings.reranker is None:
        return None
    folder = model_folder(settings.reranker)
    if folder is None:
        raise RerankerModelError(
            f"The reranker {settings.reranker!r} is neither a folder nor in the local Hugging Face "
            "cache, and nothing is downloaded by itself. Copy the model's folder here and set "
            "RAG_RETRIEVAL__RERANKER to its path, or unset it."
        )
    _require_cross_encoder(folder, settings.reranker)
    return CrossEncoderReranker(
        _load(folder, settings),
        display_name(settings.reranker),
        budget_ms=settings.reranker_budget_ms,
        threads=settings.reranker_threads,
    )


def _require_cross_encoder(folder: Path, model: str) -> None:
    # The library would put an untrained head on any other model, and give random scores.
    kind = _json(folder / "config_sentence_transformers.json").get("model_type")
    names = _json(folder / "config.json").get("architectures") or [""]
    if kind != "CrossEncoder" and not str(names[0]).endswith(
        ("ForSequenceClassification", "ForCausalLM")
    ):
        raise RerankerModelError(
            f"The model {model!r} is no cross-encoder: {folder} holds "
            f"{names[0] or 'no config.json of one'}. Name a reranker in RAG_RETRIEVAL__RERANKER, "
            "e.g. BAAI/bge-reranker-v2-m3, or unset it."
        )


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _load(folder: Path, settings: RetrievalSettings) -> Any:
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = CrossEncoder(
            str(folder),
            device=settings.reranker_device,
            local_files_only=True,
            trust_remote_code=False,
        )
    except Exception as error:  # any library below may refuse the files
        raise RerankerModelError(
            f"The reranker {settings.reranker!r} cannot be loaded from {folder}: {error}"
        ) from error
    if model.num_labels != 1:
        raise RerankerModelError(
            f"The model {settings.reranker!r} gives {model.num_labels} scores for a pair; a "
            "reranker gives one. Name another in RAG_RETRIEVAL__RERANKER, or unset it."
        )
    return model
