"""Comparing a quote with its source without being misled by spacing or character width."""

from __future__ import annotations

import unicodedata


def fold_quote(text: str) -> str:
    """``text`` in NFKC with all white space removed; case and script are kept.

    NFKC makes full-width and half-width forms equal. White space goes because line wraps and
    PDF extraction put it anywhere, in Chinese even between the letters of one word.
    """
    return "".join(unicodedata.normalize("NFKC", text).split())


def contains_quote(source: str, quote: str) -> bool:
    """Whether ``quote`` stands in ``source`` after folding both; a blank quote never does."""
    folded = fold_quote(quote)
    return bool(folded) and folded in fold_quote(source)
