"""How sure a figure is, and how sure the difference of two, for many metrics at once.

Every metric here is a ratio of sums over questions: a mean is the sum of the values over the
number of questions that have one, precision the right refusals over all refusals. So one array
``parts (questions, metrics, 2)`` of numerators and denominators serves all of them; (0, 0) is a
question that a metric does not concern. A ratio whose denominator is 0 is NaN.

All results are repeatable: the random numbers have a fixed seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Parts = NDArray[np.float64]
Ratios = NDArray[np.float64]
_Maker = Callable[[np.random.Generator, int, int], NDArray[np.float64]]

RESAMPLES = 2_000
PERMUTATIONS = 10_000
CONFIDENCE = 0.95
_SEED = 20_240_229
_BLOCK_CELLS = 4_000_000  # keeps the random numbers for many questions within some 30 MB
_ROUNDING = 1e-12


def ratios(sums: NDArray[np.float64]) -> Ratios:
    """``(..., 2)`` sums of numerators and denominators as ``(...)`` ratios."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def interval(parts: Parts) -> tuple[Ratios, Ratios]:
    """Lower and upper ends ``(metrics,)`` of the 95 % confidence intervals.

    The percentile bootstrap over questions: B. Efron, R. Tibshirani, "An Introduction to the
    Bootstrap", 1993, chapter 13.
    """
    return _middle(np.concatenate([ratios(sums) for sums in _resampled_sums(parts)]))


def difference_interval(base: Parts, other: Parts) -> tuple[Ratios, Ratios]:
    """The same for the difference ``other - base``, the questions of both resampled together."""
    both = np.stack([base, other], axis=2)
    drawn = [ratios(sums) for sums in _resampled_sums(both)]
    return _middle(np.concatenate([each[..., 1] - each[..., 0] for each in drawn]))


def p_values(base: Parts, other: Parts) -> Ratios:
    """Two-sided p values ``(metrics,)`` of the difference, questions paired.

    Fisher's randomization test: were the two runs alike, each question's outcomes could as well
    have come from the other run. M. Smucker, J. Allan, B. Carterette, "A Comparison of
    Statistical Significance Tests for Information Retrieval Evaluation", CIKM 2007. Never 0,
    as the observed assignment counts as one: B. Phipson, G. Smyth, 2010.
    """
    swap = other - base
    swap = swap[swap.any(axis=(1, 2))]  # a question that both serve alike changes nothing
    observed = np.abs(ratios(other.sum(axis=0)) - ratios(base.sum(axis=0)))
    extreme = np.zeros(observed.shape)
    for swapped in _blocks(len(swap), PERMUTATIONS, _coins):
        moved = np.tensordot(swapped, swap, axes=1)
        differences = ratios(other.sum(axis=0) - moved) - ratios(base.sum(axis=0) + moved)
        # What has no ratio cannot speak against chance.
        extreme += (~(np.abs(differences) < observed - _ROUNDING)).sum(axis=0)
    p: Ratios = (extreme + 1) / (PERMUTATIONS + 1)
    return np.where(np.isnan(observed), np.nan, p)


def _middle(drawn: Ratios) -> tuple[Ratios, Ratios]:
    """The ends of the middle 95 % of each column, NaN aside."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.full(drawn.shape[1:], np.nan), np.full(drawn.shape[1:], np.nan)
    known = ~np.isnan(drawn).all(axis=0)
    if known.any():  # numpy cannot tell the quantiles of nothing
        low[known], high[known] = np.nanquantile(drawn[:, known], [tail, 1 - tail], axis=0)
    return low, high


def _resampled_sums(parts: Parts) -> Iterator[NDArray[np.float64]]:
    for weights in _blocks(len(parts), RESAMPLES, _draws):
        yield np.tensordot(weights, parts, axes=1)


def _draws(rng: np.random.Generator, rows: int, questions: int) -> NDArray[np.float64]:
    """How often each question is drawn in as many draws as there are questions."""
    drawn = rng.integers(questions, size=(rows, questions))
    return np.array([np.bincount(row, minlength=questions) for row in drawn], dtype=np.float64)


def _coins(rng: np.random.Generator, rows: int, questions: int) -> NDArray[np.float64]:
    return rng.integers(0, 2, size=(rows, questions)).astype(np.float64)


def _blocks(questions: int, rows: int, make: _Maker) -> Iterator[NDArray[np.float64]]:
    rng = np.random.default_rng(_SEED)
    size = max(1, _BLOCK_CELLS // max(questions, 1))
    for start in range(0, rows, size):
        yield make(rng, min(size, rows - start), questions)
