"""Citations: from ``[n]`` in an answer to checked places in the documents.

A chat model says where it claims to have a statement from; this module looks there. Each
marker is tied to the statement that carries it, the statement to the sentences of source
n that support it best, and those to document coordinates. What the source does not
support stays a citation that is not verified; a number that names no source goes.

How support is judged is in `evidence.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from rag_service.generation.evidence import Claim, Evidence, content
from rag_service.text.sentences import sentence_spans
from rag_service.types import Citation, Hit

# A clause with fewer content terms than this says too little to be checked by itself.
MIN_CLAUSE_TERMS = 2

_NUMBER_LIST = r"\^?\d{1,9}(?:\s*[,，、;；\-–—~～]\s*\^?\d{1,9})*"
_MARKER = re.compile(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]*`)"  # a[1] in code is no citation
    rf"|[\[［【]\s*(?P<numbers>{_NUMBER_LIST})\s*[\]］】]",
    re.DOTALL,
)
_RANGE = re.compile(r"(\d+)(?:\s*[\-–—~～]\s*\^?(\d+))?")
_ENUMERATOR = re.compile(r"^\s*(?:[-*•·]|#+|\(?\d{1,2}[.)、．）](?!\d))\s*")


@dataclass(frozen=True, slots=True)
class CitedAnswer:
    """``text`` has every marker as ``[n]``; ``invented`` counts numbers without a source."""

    text: str
    citations: tuple[Citation, ...]
    invented: int


def cite(answer: str, sources: Sequence[Hit]) -> CitedAnswer:
    """Normalise the markers of ``answer`` and check each against ``sources``.

    ``sources[0]`` is ``[1]``. There is one citation per distinct source and span, in the
    order of appearance; cited more than once, it is verified if every citing statement is
    supported.
    """
    markers = list(_markers(answer, len(sources)))
    evidence = [Evidence(hit.chunk) for hit in sources]
    found: dict[tuple[int, int, int], Citation] = {}
    for claim, numbers in _claims(answer, markers):
        for n in numbers:
            citation = evidence[n - 1].support(claim, n)
            key = (n, citation.char_start, citation.char_end)
            known = found.get(key, citation)
            found[key] = replace(known, verified=known.verified and citation.verified)
    return CitedAnswer(
        text=_rewritten(answer, markers),
        citations=tuple(found.values()),
        invented=sum(marker.invented for marker in markers),
    )


def without_markers(text: str) -> str:
    """``text`` with its citation markers taken out."""
    return _cut(text, list(_markers(text, 0)))[0]


# --- markers -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Marker:
    start: int
    end: int
    numbers: tuple[int, ...]
    invented: int


def _markers(answer: str, sources: int) -> Iterator[_Marker]:
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
        yield _Marker(match.start(), match.end(), tuple(numbers), invented)


def _rewritten(answer: str, markers: Sequence[_Marker]) -> str:
    """The answer with every marker in the one form, and those without a source gone."""
    pieces: list[str] = []
    position = 0
    for marker in markers:
        kept = "".join(f"[{n}]" for n in marker.numbers)
        pieces.append(_before(answer, position, marker, set_off=bool(kept)) + kept)
        position = marker.end
    return "".join([*pieces, answer[position:]])


def _before(answer: str, position: int, marker: _Marker, *, set_off: bool) -> str:
    """The text up to a marker; the space that set the marker off goes if the marker does."""
    text = answer[position : marker.start]
    if set_off or answer[marker.end : marker.end + 1].isalnum():
        return text
    return text.rstrip(" \t")


# --- statements --------------------------------------------------------------------


def _claims(answer: str, markers: Sequence[_Marker]) -> Iterator[tuple[Claim, tuple[int, ...]]]:
    """Every marker's statement and source numbers, in order."""
    plain, anchors = _cut(answer, markers)
    spans = _sentences(plain)
    homes = [_home(plain, anchor, spans) for anchor in anchors]
    for home, group in groupby(range(len(markers)), key=homes.__getitem__):
        indexes = list(group)
        claims = _clauses(plain, spans[home], [anchors[i] for i in indexes])
        for i, claim in zip(indexes, claims, strict=True):
            yield claim, markers[i].numbers


def _cut(answer: str, markers: Sequence[_Marker]) -> tuple[str, list[int]]:
    """The answer without its markers, and where in it each of them stood."""
    plain = ""
    anchors: list[int] = []
    position = 0
    for marker in markers:
        plain += _before(answer, position, marker, set_off=False)
        anchors.append(len(plain))
        position = marker.end
        # "in Rome.[1]It is" must stay two sentences, "Rome[1]is" two words.
        follows = answer[position : position + 1]
        if follows.isascii() and follows.isalnum() and not plain[-1:].isspace():
            plain += " "
    return plain + answer[position:], anchors


def _sentences(plain: str) -> list[tuple[int, int]]:
    """Sentence spans; a line of an answer (a list item, a heading) is never joined on."""
    spans: list[tuple[int, int]] = []
    position = 0
    for line in plain.splitlines(keepends=True):
        spans += [(position + start, position + end) for start, end in sentence_spans(line)]
        position += len(line)
    return spans or [(0, len(plain))]


def _home(plain: str, anchor: int, spans: Sequence[tuple[int, int]]) -> int:
    """Index of the sentence that a marker at ``anchor`` stands in or ends.

    At the start of a line it belongs to what follows it there.
    """
    before = plain[:anchor].rstrip(" \t")
    leads = not before or before.endswith("\n")
    if leads and plain[anchor:].partition("\n")[0].strip():
        return next(i for i, (_, end) in enumerate(spans) if end > anchor)
    written = len(before.rstrip())
    return max((i for i, (start, _) in enumerate(spans) if start < written), default=0)


def _clauses(plain: str, span: tuple[int, int], anchors: Sequence[int]) -> list[Claim]:
    """The part of one sentence that each of its markers stands for.

    That is the whole sentence, unless markers at several places divide it between them;
    then each has what stands before it, and the last one also what follows.
    """
    start, end = span
    whole = Claim(_ENUMERATOR.sub("", plain[start:end]))
    claims: list[Claim] = []
    cuts = sorted(set(anchors))
    for anchor in anchors:
        i = cuts.index(anchor)
        left = cuts[i - 1] if i else start
        right = anchor if i + 1 < len(cuts) else max(end, anchor)
        clause = Claim(_ENUMERATOR.sub("", plain[left:right]), opens=not i)
        too_short = len(content(clause.text)) < MIN_CLAUSE_TERMS
        claims.append(whole if len(cuts) == 1 or too_short else clause)
    return claims
