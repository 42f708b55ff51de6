"""The figures of a run: each metric with its confidence interval, overall and by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rag_service.evaluation.refusals import Reliability, reliability
from rag_service.evaluation.runner import BUDGETS
from rag_service.evaluation.runs import Outcome
from rag_service.evaluation.statistics import Parts, interval, ratios

METRICS = (
    *("hit@1", "hit@5", "hit@10", "recall@5", "recall@10", "ndcg@10", "mrr@10"),
    *(f"answer_in_context@{budget}" for budget in BUDGETS),
    *("refusal_precision", "refusal_recall"),
)
OVERALL = "all"
# What tells whether the passages hold the answer; the first that a question has labels for.
_FOUND = ("answer_in_context@1024", "hit@5")


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric over ``n`` questions, and its 95 % confidence interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds."""

    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one group of questions; metrics without a value are left out."""

    questions: int
    metrics: dict[str, Figure]
    search_ms: Latency
    ask_ms: Latency | None


def summarize(outcomes: Sequence[Outcome]) -> dict[str, Summary]:
    """The figures by group: "all", "lang:…" and "tag:…"."""
    return {name: _summary(members) for name, members in grouped(outcomes).items()}


def grouped(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """All outcomes, those of each language and of each tag."""
    groups: dict[str, list[Outcome]] = {OVERALL: list(outcomes)}
    for prefix, names_of in (("lang", _languages), ("tag", _tags)):
        for name in sorted({name for outcome in outcomes for name in names_of(outcome)}):
            groups[f"{prefix}:{name}"] = [each for each in outcomes if name in names_of(each)]
    return groups


def _languages(outcome: Outcome) -> tuple[str, ...]:
    return (outcome.lang,)


def _tags(outcome: Outcome) -> tuple[str, ...]:
    return outcome.tags


def parts_of(outcomes: Sequence[Outcome]) -> Parts:
    """Numerators and denominators ``(outcomes, len(METRICS), 2)``; see `statistics`."""
    parts = np.zeros((len(outcomes), len(METRICS), 2))
    for row, outcome in enumerate(outcomes):
        for name, numerator, denominator in _contributions(outcome):
            parts[row, METRICS.index(name)] = numerator, denominator
    return parts


def _contributions(outcome: Outcome) -> Iterator[tuple[str, float, float]]:
    for name, value in outcome.metrics.items():
        if name in METRICS:
            yield name, value, 1.0
    if outcome.refused is not None:
        right = float(outcome.refused and not outcome.answerable)
        yield "refusal_precision", right, float(outcome.refused)
        yield "refusal_recall", right, float(not outcome.answerable)


def claims(outcomes: Sequence[Outcome]) -> list[tuple[float, bool]]:
    """Of the questions that were asked: the confidence, and whether the answer was found."""
    return [(o.confidence, _is_answered(o)) for o in outcomes if o.confidence is not None]


def _is_answered(outcome: Outcome) -> bool:
    """As far as its labels tell."""
    found = (outcome.metrics[name] for name in _FOUND if name in outcome.metrics)
    return outcome.answerable and next(found, 1.0) > 0


def run_reliability(outcomes: Sequence[Outcome]) -> Reliability | None:
    """Whether the confidences can be relied on; None where no question was asked."""
    asked = claims(outcomes)
    if not asked:
        return None
    confidences, right = zip(*asked, strict=True)
    return reliability(confidences, right)


def _summary(outcomes: Sequence[Outcome]) -> Summary:
    parts = parts_of(outcomes)
    values, counts = ratios(parts.sum(axis=0)), parts[:, :, 1].sum(axis=0)
    lows, highs = interval(parts)
    metrics = {
        name: Figure(float(values[i]), float(lows[i]), float(highs[i]), int(counts[i]))
        for i, name in enumerate(METRICS)
        if counts[i]
    }
    asked = [outcome.ask_ms for outcome in outcomes if outcome.ask_ms is not None]
    searched = [outcome.search_ms for outcome in outcomes]
    return Summary(len(outcomes), metrics, _latency(searched), _latency(asked) if asked else None)


def _latency(milliseconds: Sequence[float]) -> Latency:
    median, p95 = np.percentile(milliseconds, [50, 95])
    return Latency(float(median), float(p95))
