"""What `rag eval` measures, in memory: passages planted under the words that find them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rag_service.evaluation.runs import Outcome, Run
from rag_service.evaluation.target import DocumentName, Passage, Reply


@dataclass
class PlantedTarget:
    """Finds what was planted for a question; refuses what nothing was planted for."""

    documents_held: Sequence[DocumentName]
    planted: dict[str, list[Passage]]
    searched: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        return {"collection": "planted"}

    def documents(self) -> Sequence[DocumentName]:
        return self.documents_held

    def search(self, query: str, top_k: int) -> list[Passage]:
        self.searched.append(query)
        return self.planted.get(query, [])[:top_k]

    def ask(self, question: str) -> Reply:
        self.asked.append(question)
        found = question in self.planted
        return Reply(refused=not found, confidence=float(found))


def outcome(
    number: int, lang: str = "en", *, refused: bool | None = None, **values: Any
) -> Outcome:
    """The outcome of question ``number``; ``values`` are fields, or metrics by ``metrics``."""
    question = f"Question {number}?"
    fields = {"id": f"q{number}", "question": question, "lang": lang, "search_ms": 10.0 * number}
    return Outcome.model_validate({**fields, "refused": refused, **values})


def run_of(*outcomes: Outcome, label: str = "run") -> Run:
    return Run(label=label, made_at="2025-01-02T03:04:05+00:00", target={}, outcomes=outcomes)
