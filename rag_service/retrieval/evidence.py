"""What was found says of whether the question is answered: a few figures of a search.

`confidence.py` makes a probability of them; docs/decisions/0017-confidence.md tells why these.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

from rag_service.retrieval.coverage import passage_terms
from rag_service.search_types import SearchResult
from rag_service.text.analysis import analyze, content_terms
from rag_service.text.gloss.glossing import is_chinese
from rag_service.text.proper_names import WORDS, names_and_numbers
from rag_service.text.question_weights import respelled_weights
from rag_service.types import Hit

# How many of the best passages are looked at; answers beyond them are not used anyway.
_DEPTH = 5
# With which candidate the best one is compared: one question seldom has so many good passages.
_FAR_BELOW = 10
_NO_TELLING = 0.5  # about the mean
_MOST_NAMES = 20  # looked up for one question
# A keyword or two are no question of those that the regression knows.
_FEWEST_TERMS = 3
# The longest question that the regression knows: thousands of terms are no evidence.
_MOST_TERMS = 120
# Beyond it a passage that answers cannot be told from one on the topic that does not.
_MOST_SUPPORT = 0.9

# Which figures a regression is made of, within one language and through the dictionary's gloss.
Kind = Literal["own", "crossed"]
FEATURES: Final[dict[Kind, tuple[str, ...]]] = {
    "own": ("support", "lead", "length", "missing"),
    "crossed": ("support", "lead"),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Figures of one search that do not depend on how its legs are weighed.

    Attributes:
        coverage: share (by IDF) of the question's terms that one passage holds, 0..1.
        cosine: of the nearest passage; None when the embedding leg had no vote.
        lead: how far the best BM25 score is above the tenth, as a share of it, 0..1. What is
            answered somewhere stands out; what is only talked about is found in many places.
        length: natural logarithm of how many terms were asked for, 3 to 120: to cover a short
            question means little.
        missing: 1.0 if a name or a number of the question stands in none of the passages.
        crossed: question and passages are in different languages.
    """

    coverage: float
    cosine: float | None
    lead: float = 0.0
    length: float = 0.0
    missing: float = 0.0
    crossed: bool = False

    @property
    def kind(self) -> Kind:
        return "crossed" if self.crossed else "own"

    @property
    def support(self) -> float:
        """By words or by meaning, 0..0.9: either alone is enough."""
        lacking = (1 - self.coverage) * (1 - max(0.0, self.cosine or 0.0))
        return min(_MOST_SUPPORT, 1 - lacking)

    def features(self) -> tuple[float, ...]:
        """The figures of its kind, in the order of `FEATURES`."""
        return tuple(float(getattr(self, name)) for name in FEATURES[self.kind])


def gather_evidence(question: str, found: SearchResult) -> tuple[Evidence, ...]:
    """What the best passages offer for the question that they were found for.

    Those in its language and those in the other are looked at apart. Nothing found is evidence,
    too.
    """
    question = found.read_as or question
    best = found.hits[:_DEPTH]
    sides = sorted({hit.crossed for hit in best}) or [False]
    lead = _lead(found.leg_scores.get("lexical", ()))
    length = math.log(min(_MOST_TERMS, max(_FEWEST_TERMS, len(content_terms(question)))))
    missing = _misses_a_name(question, best)
    # Two glosses are alike in what the dictionary makes of anything: their cosine says little,
    # and there is none at all as long as every passage is Chinese.
    blind = found.glossed and is_chinese(question)
    return tuple(
        Evidence(
            coverage=max((hit.coverage for hit in best if hit.crossed == side), default=0.0),
            cosine=None if blind and not side else _cosine(found.hits, crossed=side),
            lead=lead,
            length=length,
            missing=float(missing),
            crossed=side,
        )
        for side in sides
    )


def _cosine(hits: Sequence[Hit], *, crossed: bool) -> float | None:
    scores = (hit.dense.score for hit in hits if hit.dense and hit.crossed == crossed)
    return max(scores, default=None)


def _lead(scores: Sequence[float]) -> float:
    """``scores``: of the candidates, best first; where there are few, the last is compared.

    A single candidate says nothing either way.
    """
    if not scores or scores[0] <= 0:
        return 0.0
    below = scores[1:_FAR_BELOW]
    return 1 - max(0.0, below[-1]) / scores[0] if below else _NO_TELLING


def _misses_a_name(question: str, hits: Sequence[Hit]) -> bool:
    held = frozenset[str]().union(*(passage_terms(hit.chunk) for hit in hits))
    missing = (n for n in islice(names_and_numbers(question), _MOST_NAMES) if not _holds(held, n))
    return any(not _spelled_otherwise(held, name, question) for name in missing)


def _spelled_otherwise(held: frozenset[str], name: str, question: str) -> bool:
    """Whether a number stands there in its other spelling: 第3条 as 第三条."""
    if not name[0].isdigit():
        return False
    text = unicodedata.normalize("NFKC", question)
    alone = WORDS.sub(lambda w: w[0] if w[0] == name or not w[0][0].isdigit() else " ", text)
    return not held.isdisjoint(respelled_weights(alone))


def _holds(held: frozenset[str], name: str) -> bool:
    # The whole, or all parts of it: "B-52s" is found in "B 52s".
    whole, *parts = analyze(name) or [""]
    return whole in held or (bool(parts) and held.issuperset(parts))
