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
What nobody sees is left out, so that the model reads what a person would read. Marking all
of the untrusted text works better against injected orders than delimiters alone (Hines et
al., "Defending Against Indirect Prompt Injection Attacks With Spotlighting", 2024,
arXiv:2403.14720).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag_service.text.unseen import without_unseen
from rag_service.types import Chunk, Hit

OPENING = "<passages>"
CLOSING = "</passages>"
QUOTE_PREFIX = "> "
WORD_JOINER = "\u2060"  # has no width and no glyph: the reader sees the same text

# What looks like the bracket of a tag.
_BRACKET = re.compile("[<＜﹤‹˂ᐸ≺❮❬⧼《\u2329\u3008\u27e8]")
_TAG_NAME = "passage"
# Letters of other scripts that look like those of the tag's name, as in
# https://www.unicode.org/Public/security/latest/confusables.txt
_LOOKALIKES = str.maketrans(
    {"р": "p", "ρ": "p", "ϱ": "p", "а": "a", "α": "a", "ɑ": "a", "ѕ": "s", "ꜱ": "s", "ɡ": "g"}
    | {"ց": "g", "е": "e", "ҽ": "e", "ε": "e"}
)
_LOOK_AHEAD = 40  # characters: a tag that is spaced out further looks like none


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


def quoted(text: str) -> str:
    """Text of a document as quoted lines: no line of it can pass for one of ours."""
    return "\n".join(QUOTE_PREFIX + disarmed(without_unseen(line)) for line in text.splitlines())


def disarmed(text: str) -> str:
    """``text`` in which nothing is, or looks like, a tag that opens or closes the passages."""
    return _BRACKET.sub(_broken, text)


def _broken(bracket: re.Match[str]) -> str:
    ahead = bracket.string[bracket.end() : bracket.end() + _LOOK_AHEAD]
    folded = unicodedata.normalize("NFKD", ahead).casefold().translate(_LOOKALIKES)
    letters = "".join(filter(str.isalpha, folded))
    return bracket[0] + WORD_JOINER if letters.startswith(_TAG_NAME) else bracket[0]


def _passage(n: int, chunk: Chunk) -> str:
    return f"{_head(n, chunk)}\n{quoted(chunk.text)}".rstrip("\n")


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
    spaced = "".join(" " if unicodedata.category(c) in _BREAKS else c for c in text)
    line = " ".join(without_unseen(spaced).split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{disarmed(line)}"'


_BREAKS = frozenset({"Cc", "Zl", "Zp"})
