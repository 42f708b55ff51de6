"""Two runs over the same questions: what changed, and whether that may be chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag_service.errors import InvalidRequest
from rag_service.evaluation.runs import Outcome, Run
from rag_service.evaluation.statistics import Parts, difference_interval, p_values, ratios
from rag_service.evaluation.summary import METRICS, grouped, parts_of


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric in two runs: ``difference`` is other - base, with a 95 % interval.

    ``better`` and ``worse`` count the questions that the other run serves better, or worse.
    """

    base: float
    other: float
    difference: float
    low: float
    high: float
    p: float
    better: int
    worse: int
    n: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """``groups`` as in `summary.summarize`, over the questions that both runs have."""

    base: str
    other: str
    groups: dict[str, dict[str, Difference]]
    notes: tuple[str, ...] = ()


def compare(base: Run, other: Run) -> Comparison:
    """What ``other`` does better and worse than ``base``.

    Raises:
        InvalidRequest: the runs have no question in common.
    """
    before = {outcome.id: outcome for outcome in base.outcomes}
    after = [outcome for outcome in other.outcomes if outcome.id in before]
    if not after:
        raise InvalidRequest(
            f"The runs {base.label!r} and {other.label!r} have no question in common: compare "
            "runs of the same questions."
        )
    groups = {
        name: _differences([before[outcome.id] for outcome in members], members)
        for name, members in grouped(after).items()
    }
    return Comparison(base.label, other.label, groups, _notes(base, other, len(after)))


def _notes(base: Run, other: Run, paired: int) -> tuple[str, ...]:
    alone = len(base.outcomes) + len(other.outcomes) - 2 * paired
    if not alone:
        return ()
    return (f"{alone} questions are in one of the runs only and were left out.",)


def _differences(base: Sequence[Outcome], other: Sequence[Outcome]) -> dict[str, Difference]:
    first, second = _paired(parts_of(base), parts_of(other))
    values = ratios(first.sum(axis=0)), ratios(second.sum(axis=0))
    low, high = difference_interval(first, second)
    p = p_values(first, second)
    change = _worth(second) - _worth(first)
    counts = np.maximum(first[:, :, 1], second[:, :, 1]).sum(axis=0)
    return {
        name: Difference(
            base=float(values[0][i]),
            other=float(values[1][i]),
            difference=float(values[1][i] - values[0][i]),
            low=float(low[i]),
            high=float(high[i]),
            p=float(p[i]),
            better=int((change[:, i] > 0).sum()),
            worse=int((change[:, i] < 0).sum()),
            n=int(counts[i]),
        )
        for i, name in enumerate(METRICS)
        if not np.isnan(values[0][i] + values[1][i])
    }


def _paired(base: Parts, other: Parts) -> tuple[Parts, Parts]:
    """Without the values that one run alone has, as of labels that were added since."""
    both = (base[:, :, 1] > 0) & (other[:, :, 1] > 0)
    # A question that one run alone refused has a part in the precision of that run only.
    both[:, METRICS.index("refusal_precision")] = True
    return base * both[:, :, None], other * both[:, :, None]


def _worth(parts: Parts) -> Parts:
    """What one question adds: right counts for it, wrong against it."""
    return np.asarray(2 * parts[:, :, 0] - parts[:, :, 1])
