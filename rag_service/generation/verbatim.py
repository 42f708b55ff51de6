"""Finding a statement word for word, whatever its spacing, width, case and script."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from rag_service.text.language import simplified_by_character

# What a statement is found between: it must not begin or end within a clause, or "the limit
# is 5" would stand in "the limit is 50" and "包括 A" in "不包括 A".
_BOUNDARY: Final = re.compile(r"[^\w\s]")
_EDGES: Final = "。．.!！?？,，;；:：、*-–—•\"'“”‘’「」『』()（） \t\n"


class FoldedText:
    """A text folded letter by letter, and where each folded letter came from."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._folded = ""
        self._places: list[int] = []
        for place, char in enumerate(text):
            folded = _fold(char)
            self._folded += folded
            self._places += [place] * len(folded)

    def find(self, statement: str) -> tuple[int, int] | None:
        """``(start, end)`` of the first place that says just that, from clause to clause."""
        wanted = "".join(map(_fold, statement.strip(_EDGES)))
        at = self._folded.find(wanted) if wanted else -1
        while at >= 0:
            start, end = self._places[at], self._places[at + len(wanted) - 1] + 1
            if self._bounded(start, end):
                return start, end
            at = self._folded.find(wanted, at + 1)
        return None

    def _bounded(self, start: int, end: int) -> bool:
        before, after = self._text[:start].rstrip(), self._text[end:].lstrip()
        return (not before or bool(_BOUNDARY.match(before[-1]))) and (
            not after or bool(_BOUNDARY.match(after[0]))
        )


@lru_cache(maxsize=20_000)
def _fold(char: str) -> str:
    if char.isspace():
        return ""
    folded = unicodedata.normalize("NFKC", char).lower()
    return "".join(folded.translate(simplified_by_character()).split())
