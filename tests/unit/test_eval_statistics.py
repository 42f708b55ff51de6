"""Confidence intervals and p values, against scipy's and against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

from rag_service.evaluation.statistics import (
    PERMUTATIONS,
    Parts,
    difference_interval,
    interval,
    p_values,
    ratios,
)

RNG = np.random.default_rng(7)
FIRST = RNG.random(80)
SECOND = np.clip(FIRST + RNG.normal(0.05, 0.15, 80), 0, 1)


def means(*columns: NDArray[np.float64]) -> Parts:
    """Metrics that are means: every question has a value."""
    values = np.stack(columns, axis=1)
    return np.stack([values, np.ones_like(values)], axis=2)


def test_the_interval_of_a_mean_is_the_percentile_bootstrap() -> None:
    theirs = stats.bootstrap(
        (FIRST,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    low, high = interval(means(FIRST))
    assert (low[0], high[0]) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_the_interval_of_a_difference_keeps_the_questions_paired() -> None:
    theirs = stats.bootstrap(
        (FIRST, SECOND),
        lambda a, b, axis: (b - a).mean(axis=axis),
        paired=True,
        n_resamples=5000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    low, high = difference_interval(means(FIRST), means(SECOND))
    assert (low[0], high[0]) == pytest.approx((theirs.low, theirs.high), abs=0.01)
    assert high[0] - low[0] < 0.1  # unpaired, it would be three times as wide


def test_the_p_value_of_two_means_is_that_of_the_paired_randomization_test() -> None:
    theirs = stats.permutation_test(
        (FIRST, SECOND),
        lambda a, b, axis: (b - a).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        rng=np.random.default_rng(1),
    )
    assert p_values(means(FIRST), means(SECOND))[0] == pytest.approx(theirs.pvalue, abs=0.01)


@pytest.mark.parametrize(("changed", "exact"), [(0, 1.0), (1, 1.0), (2, 0.5), (6, 2 / 64)])
def test_few_changed_questions_prove_little(changed: int, exact: float) -> None:
    before, after = np.zeros(40), np.zeros(40)
    after[:changed] = 1
    assert p_values(means(before), means(after))[0] == pytest.approx(exact, abs=0.01)


def test_each_metric_has_figures_of_its_own() -> None:
    both, alone = interval(means(FIRST, SECOND)), interval(means(SECOND))
    assert (both[0][1], both[1][1]) == (alone[0][0], alone[1][0])
    assert p_values(means(FIRST, FIRST), means(FIRST, SECOND))[0] == 1.0


def test_a_ratio_counts_only_the_questions_it_concerns() -> None:
    # Of ten questions four were refused, three of them rightly.
    parts = np.zeros((10, 1, 2))
    parts[:4, 0] = [(1, 1), (1, 1), (1, 1), (0, 1)]
    assert ratios(parts.sum(axis=0))[0] == 0.75
    low, high = interval(parts)
    assert 0 <= low[0] < 0.75 < high[0] <= 1


def test_what_was_never_measured_has_no_figures() -> None:
    nothing = np.zeros((5, 1, 2))
    assert all(np.isnan(end[0]) for end in (*interval(nothing), p_values(nothing, nothing)))


def test_the_figures_are_the_same_every_time() -> None:
    parts = means(FIRST)
    assert [end.tolist() for end in interval(parts)] == [end.tolist() for end in interval(parts)]
    first, second = (p_values(parts, means(SECOND)) for _ in range(2))
    assert first.tolist() == second.tolist()


def test_many_questions_are_drawn_in_blocks() -> None:
    values = np.tile([0.0, 1.0], 2_500)
    low, high = interval(means(values))
    expected = 1.96 * 0.5 / np.sqrt(len(values))
    assert (0.5 - low[0], high[0] - 0.5) == pytest.approx((expected, expected), rel=0.15)
