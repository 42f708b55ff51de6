"""Fitting the confidence to questions of which it is known whether they are answered.

A logistic regression with a Gaussian prior around parameters that are known already, so that
few questions move them little and many decide (maximum a posteriori, by Newton's method:
C. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3 and 4.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag_service.errors import InvalidRequest
from rag_service.evaluation.metrics import normalize
from rag_service.evaluation.questions import EvalQuestion
from rag_service.evaluation.refusals import Reliability, reliability
from rag_service.evaluation.runner import Unit, folded_name, resolve_documents
from rag_service.evaluation.target import DocumentName
from rag_service.retrieval.calibration_file import StoredCalibration, fitted_for, write_calibration
from rag_service.retrieval.confidence import SHIPPED, Calibration, Logistic
from rag_service.retrieval.evidence import FEATURES, Evidence, Kind, gather_evidence
from rag_service.search_types import SearchResult
from rag_service.store.library import Library

Floats = NDArray[np.float64]

# Fewer of either kind say too little of a collection.
LEAST_OF_EACH = 30
# What the prior allows the parameters to move by: standard deviations of weights and bias. A
# feature is in 0..1 or so, so that a weight of 1 is a factor of e in the odds.
PRIOR_SD, PRIOR_BIAS_SD = 1.0, 2.0
FOLDS = 5
_SEED = 20_240_229
_STEPS = 100
_CONVERGED = 1e-9
_LARGEST_SCORE = 35.0  # beyond it a probability is 0 or 1 to the last digit


@dataclass(frozen=True, slots=True)
class Example:
    """One question: what was found for it, and whether the passages do hold the answer.

    ``weight`` lets a sample stand for a population of another mix.
    """

    evidence: tuple[Evidence, ...]
    right: bool
    weight: float = 1.0


class Searched(Protocol):
    """A collection, searched as a question to it is."""

    def documents(self) -> Sequence[DocumentName]: ...

    def find(self, question: str) -> SearchResult: ...


@dataclass(frozen=True, slots=True)
class Recalibration:
    """``after`` is cross-validated: each question judged by parameters fitted on the others."""

    calibration: Calibration
    before: Reliability
    after: Reliability
    answerable: int
    unanswerable: int

    @property
    def is_better(self) -> bool:
        return self.after.brier < self.before.brier


def gather_examples(
    questions: Sequence[EvalQuestion],
    collection: Searched,
    *,
    on_question: Callable[[], None] = lambda: None,
) -> list[Example]:
    """What the collection offers for each question, and whether that answers it.

    Raises:
        InvalidRequest: no document that the questions name is in the collection.
        RagError: whatever the collection raises.
    """
    # The same question twice would be in the fold that fits and in the one that judges.
    questions = list({normalize(question.question): question for question in questions}.values())
    wanted, _ = resolve_documents(questions, collection.documents())
    examples: list[Example] = []
    for question, units in zip(questions, wanted, strict=True):
        found = collection.find(question.question)
        evidence = gather_evidence(question.question, found)
        examples.append(Example(evidence, _is_answered(question, units, found)))
        on_question()
    return examples


def _is_answered(question: EvalQuestion, wanted: frozenset[Unit], found: SearchResult) -> bool:
    """Whether the passages hold the answer, as far as the question's labels tell."""
    if not question.answerable:
        return False
    if question.answers:
        context = normalize("\n".join(hit.chunk.text for hit in found.hits))
        return any(normalize(answer) in context for answer in question.answers)
    pages = {
        (folded_name(hit.chunk.source), hit.chunk.page if question.pages else None)
        for hit in found.hits
    }
    return not wanted or not wanted.isdisjoint(pages)


def keep(library: Library, collection: str, found: Recalibration) -> Path:
    """Judge the collection's answers by it from now on; returns where it is written.

    Raises:
        StorageError: the collection's folder cannot be written to.
    """
    stored = StoredCalibration.of(
        found.calibration,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        fitted_for=fitted_for(library.open(collection).catalog.fingerprint),
        answerable=found.answerable,
        unanswerable=found.unanswerable,
    )
    return write_calibration(library.home(collection), stored)


def recalibrate(examples: Sequence[Example]) -> Recalibration:
    """The shipped confidence fitted to a collection's own questions.

    Answered and unanswered questions weigh the same, however many there are of each: that is
    the mix that the shipped parameters are fitted to.

    Raises:
        InvalidRequest: there are too few questions of either kind.
    """
    right = sum(example.right for example in examples)
    wrong = len(examples) - right
    _require(right, wrong)
    share = {True: 0.5 * len(examples) / right, False: 0.5 * len(examples) / wrong}
    balanced = [Example(e.evidence, e.right, share[e.right]) for e in examples]
    return Recalibration(
        calibration=fit(balanced, SHIPPED),
        before=judged(balanced, [SHIPPED] * len(balanced)),
        after=judged(balanced, _cross_validated(balanced)),
        answerable=right,
        unanswerable=wrong,
    )


def _require(right: int, wrong: int) -> None:
    if min(right, wrong) < LEAST_OF_EACH:
        raise InvalidRequest(
            f"To calibrate takes at least {LEAST_OF_EACH} questions whose answer is found and "
            f'{LEAST_OF_EACH} that the documents do not answer ("answerable": false); there are '
            f"{right} and {wrong}."
        )


def fit(
    examples: Sequence[Example],
    prior: Calibration,
    *,
    sd: float = PRIOR_SD,
    bias_sd: float = PRIOR_BIAS_SD,
) -> Calibration:
    """The parameters that explain the examples best, not far from ``prior``."""
    sides: dict[Kind, list[tuple[Evidence, Example]]] = {kind: [] for kind in FEATURES}
    for example in examples:
        evidence = prior.decisive(example.evidence)
        sides[evidence.kind].append((evidence, example))
    return Calibration(
        {kind: _fitted(members, prior.models[kind], sd, bias_sd) for kind, members in sides.items()}
    )


def judged(examples: Sequence[Example], calibrations: Sequence[Calibration]) -> Reliability:
    """How reliable each example's confidence is, by the calibration at its place."""
    confidences = [c.confidence(e.evidence) for c, e in zip(calibrations, examples, strict=True)]
    right = [float(example.right) for example in examples]
    return reliability(confidences, right, [example.weight for example in examples])


def _cross_validated(examples: Sequence[Example]) -> list[Calibration]:
    """For each example a calibration that was fitted without it."""
    folds = _folds([example.right for example in examples])
    fitted = [
        fit([e for e, at in zip(examples, folds, strict=True) if at != fold], SHIPPED)
        for fold in range(FOLDS)
    ]
    return [fitted[fold] for fold in folds]


def _folds(right: Sequence[bool]) -> list[int]:
    """A fold for each example, both kinds spread over all of them; always the same."""
    order = np.random.default_rng(_SEED).permutation(len(right))
    folds = [0] * len(right)
    for kind in (True, False):
        for n, place in enumerate(i for i in order if right[i] == kind):
            folds[place] = n % FOLDS
    return folds


def _fitted(
    members: Sequence[tuple[Evidence, Example]], prior: Logistic, sd: float, bias_sd: float
) -> Logistic:
    if not members:
        return prior
    design = np.array([(1.0, *evidence.features()) for evidence, _ in members])
    right = np.array([float(example.right) for _, example in members])
    weights = np.array([example.weight for _, example in members])
    mean = np.array([prior.bias, *prior.weights])
    precision = np.array([bias_sd, *[sd] * len(prior.weights)]) ** -2.0
    bias, *slopes = _most_likely(design, right, weights, mean, precision).tolist()
    return Logistic(bias, tuple(slopes))


def _most_likely(
    design: Floats, right: Floats, weights: Floats, mean: Floats, precision: Floats
) -> Floats:
    """Newton's method; the prior makes the loss strictly convex, so there is one minimum."""
    found = mean.copy()
    for _ in range(_STEPS):
        scores = np.clip(design @ found, -_LARGEST_SCORE, _LARGEST_SCORE)
        p = 1 / (1 + np.exp(-scores))
        gradient = design.T @ (weights * (p - right)) + precision * (found - mean)
        curvature = (design * (weights * p * (1 - p))[:, None]).T @ design + np.diag(precision)
        step = np.linalg.solve(curvature, gradient)
        found = found - step
        if np.abs(step).max() < _CONVERGED:
            break
    return found
