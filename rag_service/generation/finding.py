"""What is found of a claim in one source, and how likely it makes the claim.

Figures: docs/decisions/0016-citations.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from rag_service.generation.agreement import Agreement

# From this support on a statement counts as supported.
MIN_SUPPORT: Final = 0.5

# Logistic regressions of "supported" on the share of content held and the cosine, without a
# model on the share alone; across languages on the share and its lead over the next best place.
# See the decision page.
_SHARE, _COSINE, _OFFSET = 6.0, 6.0, -8.0
_SHARE_ALONE, _OFFSET_ALONE = 9.0, -5.4
_SHARE_ACROSS, _LEAD_ACROSS, _OFFSET_ACROSS = 3.0, 5.0, -2.5
# The cosine has no say where the words alone decide.
UNDECIDED: Final = (0.25, 0.9)
# What is left of a statement's support when a number, a name or the sense disagrees.
_DISAGREEING: Final = 0.3
# What could not be checked may have at most this support, and needs at least this much not to
# count as unsupported.
_MOST_OPEN, _MIN_OPEN = 0.49, 0.25
# Below this share a place in another language is not the one.
MIN_ACROSS: Final = 0.15
# Two places that have so many of their terms in common say the same.
_SAME: Final = 0.6


@dataclass(frozen=True, slots=True)
class Finding:
    """The place in a passage that supports a claim best.

    ``share`` of the claim's content is held there; ``support`` is in 0..1. ``crossed``: it is
    in another language than the claim. ``rival``: the best share of any other place, ``terms``
    what this one says (both across languages only).
    """

    start: int  # in the passage
    end: int
    share: float
    support: float
    agreement: Agreement
    crossed: bool
    exact: bool = False
    rival: float = 0.0
    terms: frozenset[str] = frozenset()

    @property
    def agrees(self) -> bool:
        return self.agreement is Agreement.YES

    @property
    def supported(self) -> bool:
        return self.support >= MIN_SUPPORT

    @property
    def undecided(self) -> bool:
        """Whether the nearness in meaning would have a say."""
        least, most = UNDECIDED
        decided = self.exact or self.crossed or not self.agrees
        return not decided and least <= self.share < most

    @property
    def open(self) -> bool:
        """Whether the claim can neither be confirmed nor denied by this place."""
        may_be = self.crossed and self.agreement is not Agreement.NO
        return may_be and _MIN_OPEN <= self.support < MIN_SUPPORT

    def with_cosine(self, cosine: float) -> Finding:
        return replace(self, support=support_within(self.share, cosine, self.agrees))

    def against(self, others: Iterable[Finding]) -> Finding:
        """With the findings in other sources as rivals, but for those that say the same."""
        rivals = [f.share for f in others if f.crossed and not alike(f.terms, self.terms)]
        rival = max([self.rival, *rivals])
        support = support_across(self.share, rival, self.agreement)
        return replace(self, rival=rival, support=support)


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two places, by their terms, say the same, as overlapping passages do."""
    return len(one & other) >= _SAME * max(len(one), len(other), 1)


def support_within(share: float, cosine: float | None, agrees: bool) -> float:
    """0..1, in one language; without a ``cosine`` the words alone decide."""
    if cosine is None:
        logit = _SHARE_ALONE * share + _OFFSET_ALONE
    else:
        logit = _SHARE * share + _COSINE * cosine + _OFFSET
    likely = _logistic(logit) if share else 0.0
    return round(likely if agrees else likely * _DISAGREEING, 4)


def support_across(share: float, rival: float, agreement: Agreement) -> float:
    """0..1, across languages; ``rival`` is the share that the next best place holds."""
    logit = _SHARE_ACROSS * share + _LEAD_ACROSS * (share - rival) + _OFFSET_ACROSS
    likely = _logistic(logit) if share else 0.0
    if agreement is Agreement.NO:
        likely *= _DISAGREEING
    return round(likely if agreement is Agreement.YES else min(likely, _MOST_OPEN), 4)


def _logistic(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
