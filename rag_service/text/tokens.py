"""How many tokens a text may be to a model whose tokenizer is not here."""

from __future__ import annotations

import math

from rag_service.text.language import is_cjk


def estimated_tokens(text: str) -> int:
    """An estimate on the safe side, for any common vocabulary.

    Chinese takes up to 1.5 tokens a character, English one for about four characters:
    1.5 a Chinese character and one for every three others are counted, rounded up.
    """
    cjk = sum(map(is_cjk, text))
    return math.ceil(1.5 * cjk + (len(text) - cjk) / 3)
