"""What a model's vocabulary makes of a text: how many tokens, and how many that mean nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag_service.retrieval.token_counts import TokenCounter
from rag_service.text.language import is_cjk

# A text is not represented when more than this share of its tokens means nothing to the
# model. English passages that mention Chinese names stay below, Chinese ones that
# mention English terms are far above.
MAX_UNKNOWN_SHARE = 0.2

# Ordinary words of ordinary Chinese; a model that knows the language has no unknown here.
CHINESE_PROBE = "本手册说明如何安装设备、连接网络以及申请退货，请您仔细阅读之后再开始使用。"


class Vocabulary:
    """The vocabulary behind a fast tokenizer of transformers. Safe to share between threads."""

    def __init__(self, tokenizer: Any) -> None:
        """
        Raises:
            ValueError: the tokenizer is not a fast one (tokenizer.json).
        """
        self._unknown = tokenizer.unk_token_id
        self._counter = TokenCounter(_counting_tokenizer(tokenizer), self._unknown)
        self._knows_chinese = True  # until the probe says otherwise
        self._knows_chinese = self.represents([CHINESE_PROBE])[0]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted."""
        return self._counter.totals(texts)

    def tokens(self, text: str) -> list[int]:
        """The tokens of ``text`` by their place in the vocabulary, special ones left out."""
        return self._counter.tokens(text)

    def represents(self, texts: Sequence[str]) -> list[bool]:
        """Whether the model knows enough of each text to make anything of it."""
        return [share <= MAX_UNKNOWN_SHARE for share in self._unknown_shares(texts)]

    def _unknown_shares(self, texts: Sequence[str]) -> list[float]:
        """Share of each text's tokens that mean nothing to the model."""
        if self._unknown is None:  # byte-level vocabularies know every text
            return [0.0] * len(texts)
        return [
            max(count.unknown, self._foreign_characters(text)) / max(1, count.total)
            for count, text in zip(self._counter.counts(texts), texts, strict=True)
        ]

    def _foreign_characters(self, text: str) -> int:
        # Vocabularies without Chinese still hold some of its characters, one token each.
        return 0 if self._knows_chinese else sum(map(is_cjk, text))


def _counting_tokenizer(tokenizer: Any) -> Any:
    """A copy that neither truncates nor pads, and shares no state with the model's."""
    from tokenizers import Tokenizer

    try:
        counter = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    except AttributeError as error:
        raise ValueError("it has no fast tokenizer (tokenizer.json)") from error
    counter.no_truncation()
    counter.no_padding()
    return counter
