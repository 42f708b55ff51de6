"""How well one question was served. Pure functions over what a search returned, best first.

Rank metrics take ``relevant``: for the distinct documents of the results, in rank order,
whether each is one of the documents wanted. Every metric is in 0..1, higher is better.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence

# A rough chat model tokenizer: one token a Chinese character, 1.3 a Latin word or number.
_TOKEN = re.compile(r"([\u3400-\u9fff\uf900-\ufaff])|[A-Za-z0-9]+")
_TOKENS_PER_WORD = 1.3
_NEITHER_LETTER_NOR_DIGIT = re.compile(r"[\W_]+")


def hit_at(relevant: Sequence[bool], k: int) -> float:
    """1.0 if a wanted document is among the first ``k``."""
    return float(any(relevant[:k]))


def recall_at(relevant: Sequence[bool], k: int, wanted: int) -> float:
    """Share of the ``wanted`` (> 0) documents that are among the first ``k``."""
    return sum(relevant[:k]) / wanted


def ndcg_at(relevant: Sequence[bool], k: int, wanted: int) -> float:
    """Normalised discounted cumulative gain with binary gain (Järvelin and Kekäläinen 2002)."""
    gained = sum(_discount(rank) for rank, good in enumerate(relevant[:k]) if good)
    return gained / sum(_discount(rank) for rank in range(min(k, wanted)))


def reciprocal_rank_at(relevant: Sequence[bool], k: int) -> float:
    """1 / rank of the first wanted document among the first ``k``, else 0.0."""
    return next((1 / rank for rank, good in enumerate(relevant[:k], start=1) if good), 0.0)


def _discount(rank: int) -> float:
    return 1 / math.log2(rank + 2)


def answer_in_context(passages: Iterable[str], answers: Iterable[str], budget: int) -> float:
    """1.0 if one of the answers stands in the passages, joined and cut at ``budget`` tokens.

    That is what a chat model would get to read. Letters and digits alone are compared, in NFKC
    and lower case.
    """
    context = normalize("\n".join(_within(passages, budget)))
    return float(any(normalize(answer) in context for answer in answers))


def _within(passages: Iterable[str], budget: float) -> list[str]:
    kept: list[str] = []
    for passage in passages:
        if budget <= 0:
            break
        kept.append(clip(passage, budget))
        budget -= count_tokens(kept[-1])
    return kept


def count_tokens(text: str) -> float:
    """About how many tokens a chat model makes of ``text``."""
    tokens = [match[1] for match in _TOKEN.finditer(text)]
    return _cost(sum(map(bool, tokens)), len(tokens))


def clip(text: str, budget: float) -> str:
    """The longest beginning of ``text`` within ``budget`` tokens."""
    characters = 0
    for count, match in enumerate(_TOKEN.finditer(text), start=1):
        characters += bool(match[1])
        if _cost(characters, count) > budget:
            return text[: match.start()]
    return text


def _cost(characters: int, tokens: int) -> float:
    return characters + _TOKENS_PER_WORD * (tokens - characters)


def normalize(text: str) -> str:
    """The letters and digits of ``text``, in NFKC and lower case."""
    return _NEITHER_LETTER_NOR_DIGIT.sub("", unicodedata.normalize("NFKC", text).lower())
