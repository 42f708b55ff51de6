"""From ranked passages to the numbered context of a prompt.

Documents are untrusted: a passage may contain text that looks like the end of the
passages, like the head of another passage, or like an order to the model. The format
leaves no room for that::

    <passages>
    [1] source: "handbook.pdf" | page: 3 | section: "Leave > Annual leave"
    > Employees have 25 days of leave.
    > Unused days expire in March.
    </passages>

Every line of document text begins with ``"> "``, so a line without it is always ours.
Marking all of the untrusted text works better against injected orders than delimiters
alone (Hines et al., "Defending Against Indirect Prompt Injection Attacks With
Spotlighting", 2024, arXiv:2403.14720).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag_service.types import Chunk, Hit

OPENING = "<passages>"
CLOSING = "</passages>"
QUOTE_PREFIX = "> "
WORD_JOINER = "\u2060"  # has no width and no glyph: the reader sees the same text

# An angle bracket in any of its widths that is about to open or close our tag, however
# it is spaced or broken up by characters nobody sees.
_INVISIBLE = r"[\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff]*"
_TAG = re.compile(
    f"([<＜﹤])(?={_INVISIBLE}[/／]?{_INVISIBLE}{_INVISIBLE.join('passage')})", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Packed:
    """What went into a context: ``included[i]`` is passage ``[i + 1]`` of ``text``."""

    included: tuple[Hit, ...]
    dropped: tuple[Hit, ...]
    text: str


def fence(hits: Sequence[Hit]) -> str:
    """The passages, numbered from 1 in the order given; "" for none."""
    if not hits:
        return ""
    passages = "\n\n".join(_passage(n, hit.chunk) for n, hit in enumerate(hits, 1))
    return f"{OPENING}\n{passages}\n{CLOSING}"


def pack(hits: Sequence[Hit], *, fits: Callable[[str], bool]) -> Packed:
    """Take whole chunks in rank order while the context ``fits``; skip one that does not.

    The result is that of asking for each chunk in turn, provided that more text never
    makes a context fit. ``fits`` tokenises, so it is called as little as possible: once
    if everything fits, otherwise about 2 log2(length) times for each run of chunks that
    fit, and once for each chunk that does not.
    """
    ranked = tuple(hits)
    everything = fence(ranked)
    if not ranked or fits(everything):
        return Packed(ranked, (), everything)
    included: list[Hit] = []
    dropped: list[Hit] = []
    start, most = 0, len(ranked) - 1
    while start < len(ranked):
        run = _longest_run(included, ranked[start : start + most], fits)
        included += ranked[start : start + run]
        dropped += ranked[start + run : start + run + 1]
        start += run + 1
        most = len(ranked) - start
    return Packed(tuple(included), tuple(dropped), fence(included))


def _longest_run(
    included: Sequence[Hit], candidates: Sequence[Hit], fits: Callable[[str], bool]
) -> int:
    """How many of ``candidates``, from the first, fit after ``included``."""
    fitting, too_many, step = 0, len(candidates) + 1, 1
    while fitting + 1 < too_many:  # doubling steps up, then halving ones
        tried = min(fitting + step, too_many - 1)
        if fits(fence([*included, *candidates[:tried]])):
            fitting, step = tried, step * 2
        else:
            too_many, step = tried, max(1, (tried - fitting) // 2)
    return fitting


def _passage(n: int, chunk: Chunk) -> str:
    lines = [QUOTE_PREFIX + _disarm(line) for line in chunk.text.splitlines()]
    return "\n".join([_head(n, chunk), *lines])


def _head(n: int, chunk: Chunk) -> str:
    fields = [f"source: {_value(chunk.source)}"]
    if chunk.title and chunk.title != chunk.source:
        fields.append(f"title: {_value(chunk.title)}")
    if chunk.page is not None:
        fields.append(f"page: {chunk.page}")
    if chunk.heading:
        fields.append(f"section: {_value(chunk.heading)}")
    if chunk.table_header:
        fields.append(f"columns: {_value(chunk.table_header)}")
    return f"[{n}] " + " | ".join(fields)


def _value(text: str) -> str:
    """One quoted line: neither a line break nor a quotation mark can end it early."""
    visible = "".join(" " if unicodedata.category(c) in _BREAKS else c for c in text)
    line = " ".join(visible.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_disarm(line)}"'


_BREAKS = frozenset({"Cc", "Zl", "Zp"})


def _disarm(line: str) -> str:
    return _TAG.sub(rf"\1{WORD_JOINER}", line)
