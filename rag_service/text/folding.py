"""Comparing texts without being misled by spacing, character width, case or script."""

from __future__ import annotations

import unicodedata

from rag_service.text.language import simplified_by_character


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


def fold_script(text: str) -> str:
    """``text`` in NFKC, with every Traditional letter as the Simplified one it always becomes."""
    return unicodedata.normalize("NFKC", text).translate(simplified_by_character())


def fold_tag(tag: str) -> str:
    """A tag as it is compared: ``HR Policy`` is ``hr policy``, ``財務`` is ``财务``."""
    return " ".join(fold_script(tag).casefold().split())
