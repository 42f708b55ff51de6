"""Whether a confidence can be relied on, and what refusing below a threshold costs."""

from __future__ import annotations

import numpy as np
import pytest

from rag_service.evaluation.refusals import reliability, risk_coverage


def test_a_confidence_that_is_right_as_often_as_it_says_has_no_calibration_error() -> None:
    confidences = [0.2] * 40 + [0.8] * 40
    right = [1, 0, 0, 0, 0] * 8 + [0, 1, 1, 1, 1] * 8
    found = reliability(confidences, right)
    assert found.ece == pytest.approx(0)
    assert found.brier == pytest.approx(0.16)


def test_the_calibration_error_is_the_mean_distance_of_what_is_claimed_from_what_is_true() -> None:
    found = reliability([0.9] * 10 + [0.1] * 10, [1] * 5 + [0] * 15)
    assert [b.confidence for b in found.bins] == pytest.approx([0.1, 0.9])
    assert [(b.right, b.questions) for b in found.bins] == [(0.0, 10), (0.5, 10)]
    assert found.ece == pytest.approx((0.1 + 0.4) / 2)


def test_weights_stand_for_repeated_questions() -> None:
    once = reliability([0.9] * 20 + [0.2] * 20, [1] * 20 + [1, 0] * 10, [3.0] * 20 + [1.0] * 20)
    repeated = reliability([0.9] * 60 + [0.2] * 20, [1] * 60 + [1, 0] * 10)
    assert once.brier == pytest.approx(repeated.brier)
    assert once.aurc == pytest.approx(repeated.aurc)
    assert [point.coverage for point in once.curve] == [p.coverage for p in repeated.curve]


def test_the_curve_tells_who_is_refused_at_a_threshold() -> None:
    (point,) = reliability([0.9, 0.8, 0.4, 0.1], [1, 0, 1, 0], thresholds=[0.5]).curve
    assert (point.coverage, point.risk) == (0.5, 0.5)
    assert (point.refused_wrongly, point.refused_rightly) == (0.5, 0.5)


def test_where_nothing_is_answered_there_is_no_risk_to_tell() -> None:
    (point,) = reliability([0.1, 0.2], [1, 0], thresholds=[0.5]).curve
    assert (point.coverage, point.risk) == (0.0, None)


def test_the_surest_questions_are_answered_first_and_equal_ones_together() -> None:
    ones = np.ones(4)
    coverages, risks = risk_coverage(np.array([0.5, 0.9, 0.5, 0.7]), np.array([1, 1, 0, 0]), ones)
    assert coverages.tolist() == [0.25, 0.5, 1.0]
    assert risks.tolist() == [0.0, 0.5, 0.5]
