"""The ``[n]`` of an answer: found in every spelling, written in one, and taken out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# No answer has a thousand sources: [2019-2024] is no citation.
_NUMBER_LIST: Final = r"\^?\d{1,3}(?:\s*[,，、;；\-–—~～]\s*\^?\d{1,3})*"
_MARKER: Final = re.compile(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]*`)"  # a[1] in code is no citation
    rf"|[\[［【]\s*(?P<numbers>{_NUMBER_LIST})\s*[\]］】]",
    re.DOTALL,
)
_RANGE: Final = re.compile(r"(\d+)(?:\s*[\-–—~～]\s*\^?(\d+))?")


@dataclass(frozen=True, slots=True)
class Marker:
    """``invented``: how many of its numbers name no source."""

    start: int
    end: int
    numbers: tuple[int, ...]
    invented: int


@dataclass(frozen=True, slots=True)
class MarkedText:
    """An answer in two forms: ``plain`` without markers, ``text`` with each as ``[n]``.

    ``anchors`` are where in ``plain`` each marker stood, ``placed`` its spans in ``text``.
    """

    plain: str
    text: str
    markers: tuple[Marker, ...]
    anchors: tuple[int, ...]
    placed: tuple[tuple[int, int], ...]
    starts: tuple[tuple[int, int], ...]  # of each piece between markers: in plain, in text

    def in_text(self, position: int) -> int:
        """Where a position of ``plain`` is in ``text``."""
        plain, text = max((s for s in self.starts if s[0] <= position), default=(0, 0))
        return min(text + position - plain, len(self.text))


def marked(answer: str, sources: int) -> MarkedText:
    """``answer`` read with the numbers 1 to ``sources``; others are left out."""
    markers = tuple(_markers(answer, sources))
    plain = text = ""
    anchors: list[int] = []
    placed: list[tuple[int, int]] = []
    starts = [(0, 0)]
    position = 0
    for marker in markers:
        kept = "".join(f"[{n}]" for n in marker.numbers)
        plain += _before(answer, position, marker, set_off=False)
        text += _before(answer, position, marker, set_off=bool(kept))
        anchors.append(len(plain))
        placed.append((len(text), len(text) + len(kept)))
        text += kept
        position = marker.end
        # "in Rome.[1]It is" must stay two sentences, "Rome[1]is" two words.
        follows = answer[position : position + 1]
        if follows.isascii() and follows.isalnum() and not plain[-1:].isspace():
            plain += " "
        starts.append((len(plain), len(text)))
    rest = answer[position:]
    return MarkedText(
        plain + rest, text + rest, markers, tuple(anchors), tuple(placed), tuple(starts)
    )


def without_markers(text: str) -> str:
    """``text`` with its citation markers taken out."""
    return marked(text, 0).plain


def _markers(answer: str, sources: int) -> Iterator[Marker]:
    for match in _MARKER.finditer(answer):
        if match["code"]:
            continue
        numbers: dict[int, None] = {}
        invented = 0
        for first, last in _RANGE.findall(match["numbers"]):
            low, high = sorted((int(first), int(last or first)))
            named = range(max(low, 1), min(high, sources) + 1)
            numbers |= dict.fromkeys(named)
            invented += high - low + 1 - len(named)
        yield Marker(match.start(), match.end(), tuple(numbers), invented)


def _before(answer: str, position: int, marker: Marker, *, set_off: bool) -> str:
    """The text up to a marker; the space that set the marker off goes if the marker does."""
    text = answer[position : marker.start]
    if set_off or answer[marker.end : marker.end + 1].isalnum():
        return text
    return text.rstrip(" \t")
