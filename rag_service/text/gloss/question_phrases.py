"""Chinese ways to ask for a price, a length of time and the like, as an answer words them.

Word by word they would mislead: 多少钱 asks for a price and not for coins. Only questions are
read like this, so no index depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

# Of each phrase the words that an English text may have beside the answer, likely ones first;
# none where a text seldom names what it says: "after 20 minutes" has no word for 多久.
_MEANT: Final = {
    "多少钱": "price cost fee pay",
    "几块钱": "price cost fee pay",
    "什么价": "price cost fee",
    "多久": "",
    "多长时间": "",
    "多少时间": "",
    "几点钟": "",
    "多远": "distance away",
}
_PHRASES: Final = re.compile("|".join(sorted(_MEANT, key=len, reverse=True)))


def split_at_phrases(question: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """``(text, ())`` and ``("", meanings)`` in the order of ``question`` (Simplified)."""
    start = 0
    for phrase in _PHRASES.finditer(question):
        yield question[start : phrase.start()], ()
        yield "", tuple(_MEANT[phrase[0]].split())
        start = phrase.end()
    yield question[start:], ()
