"""Counting the tokens of texts, and those that mean nothing to the model.

Chunking counts every text several times over, and without vectors to compute that is most
of the time of an ingest. BERT's tokenizers (WordPiece) treat every word by itself: a text has
as many tokens as its words have, so each word has to be tokenized only once. Others are
asked for every text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

# What BertNormalizer sets apart as single characters (huggingface/tokenizers,
# normalizers/bert.rs). White space other than this is left within words, which is always safe.
_IDEOGRAPHS = (
    "\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b920-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f"
)
_IDEOGRAPH_RUN = re.compile(f"[{_IDEOGRAPHS}]+")
_WORD = re.compile(r"[^ \t\n\r]+")
_PIECE = re.compile(rf"[{_IDEOGRAPHS}]|[^ \t\n\r{_IDEOGRAPHS}]+")
_CACHED_WORDS = 200_000
_LONGEST_CACHED = 40  # characters; what is longer is seldom seen twice


class TokenCount(NamedTuple):
    """``unknown`` of the ``total`` tokens are the vocabulary's unknown token."""

    total: int
    unknown: int


class TokenCounter:
    """Counts without special tokens. Safe to share between threads."""

    def __init__(self, tokenizer: Any, unknown_id: int | None) -> None:
        """``tokenizer`` is a ``tokenizers.Tokenizer`` that neither truncates nor pads."""
        self._tokenizer = tokenizer
        self._unknown_id = unknown_id
        self._by_word = _treats_words_by_themselves(tokenizer)
        self._cache: dict[str, TokenCount] = {}

    def tokens(self, text: str) -> list[int]:
        """The tokens themselves, by their place in the vocabulary."""
        encoded: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return encoded

    def totals(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has."""
        if not self._by_word:
            return [count.total for count in self._tokenized(texts)]
        words, ideographs = [], []
        for text in texts:
            rest, runs = _IDEOGRAPH_RUN.subn(" ", text)
            ideographs.append(len(text) - len(rest) + runs)  # a token each
            words.append(_WORD.findall(rest))
        return [
            n + sum(c[0] for c in cs) for n, cs in zip(ideographs, self._of(words), strict=True)
        ]

    def counts(self, texts: Sequence[str]) -> list[TokenCount]:
        """How many tokens each text has, and how many of them are unknown."""
        if not self._by_word:
            return self._tokenized(texts)
        words = [_PIECE.findall(text) for text in texts]
        return [
            TokenCount(sum(c[0] for c in counts), sum(c[1] for c in counts))
            for counts in self._of(words)
        ]

    def _of(self, texts: Sequence[list[str]]) -> list[list[TokenCount]]:
        """The counts of the words of each text."""
        cache = self._cache
        new = list({word for words in texts for word in words if word not in cache})
        found = dict(zip(new, self._tokenized(new), strict=True)) if new else {}
        counts = [[cache.get(word) or found[word] for word in words] for words in texts]
        if len(cache) + len(found) > _CACHED_WORDS:
            cache = self._cache = {}  # other threads may still read the old one
        cache.update((word, n) for word, n in found.items() if len(word) <= _LONGEST_CACHED)
        return counts

    def _tokenized(self, texts: Sequence[str]) -> list[TokenCount]:
        encoded = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [TokenCount(len(e.ids), e.ids.count(self._unknown_id)) for e in encoded]


def _treats_words_by_themselves(tokenizer: Any) -> bool:
    parts = json.loads(tokenizer.to_str())
    kinds = [(parts[name] or {}).get("type") for name in ("model", "normalizer", "pre_tokenizer")]
    return (
        kinds == ["WordPiece", "BertNormalizer", "BertPreTokenizer"]
        and parts["normalizer"]["handle_chinese_chars"]
        and not any(_spans_words(token) for token in parts["added_tokens"])
    )


def _spans_words(token: Any) -> bool:
    """Whether an added token may take white space or ideographs with it."""
    taken = token["lstrip"] or token["rstrip"] or token["single_word"]
    return bool(taken or _PIECE.findall(token["content"]) != [token["content"]])
