"""How well a confidence tells answered questions from unanswered ones.

Arrays ``confidences`` and ``right`` are of one length: what was claimed, in 0..1, and whether
the passages did hold the answer (1.0 or 0.0). ``weights`` let a sample stand for a population
of another mix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 15
# A bin of fewer questions says more of chance than of the confidence.
_LEAST_IN_BIN = 10
THRESHOLDS = (0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions of like confidence: what was claimed on average, and what was true."""

    low: float
    high: float
    confidence: float
    right: float
    questions: int


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """What happens if only questions with at least ``threshold`` are answered.

    ``coverage``: share of all questions that are answered; ``risk``: share of these whose
    passages do not hold the answer, None where nothing is answered. ``refused_wrongly``: share
    of the answerable questions that are refused; ``refused_rightly``: of the others.
    """

    threshold: float
    coverage: float
    risk: float | None
    refused_wrongly: float
    refused_rightly: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """``ece``: expected calibration error, ``brier``: mean squared error, ``aurc``: area under
    the risk–coverage curve; lower is better. ``bins`` and ``curve`` by rising confidence."""

    ece: float
    brier: float
    aurc: float
    bins: tuple[Bin, ...]
    curve: tuple[RiskPoint, ...]


def reliability(
    confidences: Sequence[float] | Floats,
    right: Sequence[float] | Floats,
    weights: Sequence[float] | Floats | None = None,
    *,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Reliability:
    """The figures of at least one question."""
    claimed, true = np.asarray(confidences, float), np.asarray(right, float)
    weight = np.ones(len(claimed)) if weights is None else np.asarray(weights, float)
    bins = _bins(claimed, true, weight)
    off = [abs(b.confidence - b.right) * share for b, share in bins]
    return Reliability(
        ece=float(sum(off)),
        brier=float(np.average((claimed - true) ** 2, weights=weight)),
        aurc=_aurc(claimed, true, weight),
        bins=tuple(b for b, _ in bins),
        curve=tuple(_risk(claimed, true, weight, threshold) for threshold in thresholds),
    )


def _bins(claimed: Floats, true: Floats, weights: Floats) -> list[tuple[Bin, float]]:
    """Bins of equal mass with their shares of it.

    M. Nixon et al., "Measuring Calibration in Deep Learning", CVPR Workshops 2019: bins of
    equal width leave most of them empty. Few questions get fewer bins.
    """
    count = max(1, min(BINS, len(claimed) // _LEAST_IN_BIN))
    order = np.argsort(claimed, kind="stable")
    middle = np.cumsum(weights[order]) - weights[order] / 2
    number = np.minimum((middle / weights.sum() * count).astype(int), count - 1)
    return list(_filled(order, number, claimed, true, weights))


def _filled(
    order: NDArray[np.int64],
    number: NDArray[np.int64],
    claimed: Floats,
    true: Floats,
    weights: Floats,
) -> Iterator[tuple[Bin, float]]:
    for n in np.unique(number):
        members = order[number == n]
        mass = weights[members]
        yield (
            Bin(
                low=float(claimed[members].min()),
                high=float(claimed[members].max()),
                confidence=float(np.average(claimed[members], weights=mass)),
                right=float(np.average(true[members], weights=mass)),
                questions=len(members),
            ),
            float(mass.sum() / weights.sum()),
        )


def _risk(claimed: Floats, true: Floats, weights: Floats, threshold: float) -> RiskPoint:
    answered = claimed >= threshold
    kept = float(weights[answered].sum())
    wrong = float((weights * (1 - true))[answered].sum())
    return RiskPoint(
        threshold=threshold,
        coverage=kept / float(weights.sum()),
        risk=wrong / kept if kept else None,
        refused_wrongly=_share(~answered, weights * true),
        refused_rightly=_share(~answered, weights * (1 - true)),
    )


def _share(chosen: NDArray[np.bool_], weights: Floats) -> float:
    total = float(weights.sum())
    return float(weights[chosen].sum()) / total if total else 0.0


def risk_coverage(claimed: Floats, true: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Coverages and risks ``(levels,)`` as ever less sure questions are answered too.

    Y. Geifman, R. El-Yaniv, "Selective Classification for Deep Neural Networks", NeurIPS 2017.
    Questions of one confidence are answered together.
    """
    levels, place = np.unique(-claimed, return_inverse=True)
    mass = np.bincount(place, weights, len(levels)).cumsum()
    wrong = np.bincount(place, weights * (1 - true), len(levels)).cumsum()
    return mass / mass[-1], wrong / mass


def _aurc(claimed: Floats, true: Floats, weights: Floats) -> float:
    """Mean risk over all coverages."""
    coverages, risks = risk_coverage(claimed, true, weights)
    return float(np.average(risks, weights=np.diff(coverages, prepend=0.0)))
