"""The statements of an answer: its sentences, the sources each names, and whether it claims.

Greetings, headings, lead-ins, questions and "the documents do not say" claim nothing that a
source could support.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rag_service.generation.claims import Claim, content
from rag_service.generation.figures import stated_figures
from rag_service.generation.markers import MarkedText
from rag_service.text.language import to_simplified
from rag_service.text.sentences import sentence_spans

# A clause with fewer content terms than this says too little to be checked by itself.
MIN_CLAUSE_TERMS: Final = 2

# As `str.splitlines` has them.
LINE_BREAK: Final = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_ENUMERATOR: Final = re.compile(r"^\s*(?:[-*•·]|#+|\(?\d{1,2}[.)、．）](?!\d))\s*")
_HEADING: Final = re.compile(r"#{1,6}\s.*|\*\*[^*\n]+\*\*[:：]?|```.*")
_LEAD_IN: Final = re.compile(r".*[:：][*_\s]*", re.DOTALL)
_QUESTION: Final = re.compile(r".*[?？][\"'”’」』）)*\s]*", re.DOTALL)
_SOURCE_WORDS: Final = (
    r"documents?|passages?|sources?|context|texts?|excerpts?|materials?|information|records?"
)
_HEDGE: Final = re.compile(
    rf"\b(?:{_SOURCE_WORDS})\b[^.]{{0,60}}?\b(?:do(?:es)? not|don['’]t|doesn['’]t|did not|cannot|"
    r"is not|are not|isn['’]t|aren['’]t|no)\b[^.]{0,40}?\b(?:mention|say|state|specif\w+|provide|"
    r"contain|include|give|answer|cover|describe|available|found|enough|sufficient|information)"
    rf"|\b(?:no|not enough|insufficient) (?:\w+ )?(?:information|mention|details?)\b"
    rf"|\b(?:not|n['’]t) (?:\w+ ){{0,2}}?(?:mentioned|stated|specified|provided|found|given)\b"
    rf"[^.]{{0,80}}\b(?:{_SOURCE_WORDS})\b"
    r"|\bI (?:do not|don['’]t|cannot|can['’]t) (?:know|find|answer|tell|determine)\b"
    r"|(?:文档|文件|资料|段落|来源|上下文|材料|原文|文中|内容|信息)[^。；]{0,16}?(?:没有|未|并未|不|无法)"
    r"[^。；]{0,12}?(?:提及|提到|说明|提供|包含|给出|涉及|记载|回答|找到|指明|足够|足以|明确)"
    r"|(?:没有|未能?|无法)(?:在[^。]{0,12}?)?(?:找到|提及|提到|提供|确定)[^。]{0,16}?(?:信息|内容|资料|答案|说明)"
    r"|无法(?:回答|确定|得知|判断)",
    re.IGNORECASE,
)
_COURTESY: Final = re.compile(
    r"\s*(?:hello|hi|hey|dear|thanks?|thank you|sure|certainly|of course|great question|"
    r"I hope|hope this|let me know|feel free|please (?:let|feel|note that I)|if you have|"
    r"here (?:is|are)|in summary[:,]?$|based on the (?:provided |given )?(?:documents?|passages?|"
    r"sources?|context)[,:]?$|"
    r"您好|你好|大家好|好的|当然|谢谢|感谢|希望(?:这|以上|对)|如(?:果|有|需)[^。]*(?:请|欢迎|告诉|联系)"
    r"|请(?:随时|告诉)|以(?:上|下)(?:就?是|内容)|欢迎|祝)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer.

    ``start`` and ``end`` are its span, markers included, in the answer's text. ``cited``:
    each part of it that names sources, with their numbers. ``whole`` is all of it.
    """

    start: int
    end: int
    whole: Claim
    cited: tuple[tuple[Claim, tuple[int, ...]], ...]
    claims: bool


def sentences(answer: MarkedText) -> Iterator[Sentence]:
    """Every sentence of the answer, in order."""
    plain = answer.plain
    spans = _spans(plain)
    lines = [0, *(match.end() for match in LINE_BREAK.finditer(plain))]
    homes = [_home(plain, anchor, spans) for anchor in answer.anchors]
    for n, span in enumerate(spans):
        markers = [i for i, home in enumerate(homes) if home == n]
        clauses = _clauses(plain, span, [answer.anchors[i] for i in markers])
        cited = tuple(
            (claim, answer.markers[i].numbers)
            for i, claim in zip(markers, clauses, strict=True)
            if answer.markers[i].numbers
        )
        start, end = _in_text(answer, span, markers)
        whole = Claim(_ENUMERATOR.sub("", plain[slice(*span)]))
        line = plain[lines[bisect_right(lines, span[0]) - 1] : span[1]]
        if start < end:
            yield Sentence(start, end, whole, cited, bool(cited) or _claims(whole.text, line))


def _claims(text: str, line: str) -> bool:
    """Whether ``text``, which ends ``line``, claims anything."""
    if not content(text) or _HEADING.fullmatch(line.strip()) or _QUESTION.fullmatch(text):
        return False
    if _LEAD_IN.fullmatch(text) and not stated_figures(text):
        return False
    simplified = to_simplified(text)
    return not (_HEDGE.search(simplified) or _COURTESY.match(simplified))


def _in_text(answer: MarkedText, span: tuple[int, int], markers: Sequence[int]) -> tuple[int, int]:
    placed = [answer.placed[i] for i in markers if answer.markers[i].numbers]
    start, end = answer.in_text(span[0]), answer.in_text(span[1] - 1) + 1
    return min([start, *(a for a, _ in placed)]), max([end, *(b for _, b in placed)])


def _spans(plain: str) -> list[tuple[int, int]]:
    """Sentence spans; a line of an answer (a list item, a heading) is never joined on."""
    spans: list[tuple[int, int]] = []
    position = 0
    for line in plain.splitlines(keepends=True):
        spans += [(position + start, position + end) for start, end in sentence_spans(line)]
        position += len(line)
    return spans or [(0, len(plain))]  # nothing but markers


def _home(plain: str, anchor: int, spans: Sequence[tuple[int, int]]) -> int:
    """Index of the sentence that a marker at ``anchor`` stands in or ends.

    At the start of a line it belongs to what follows it there.
    """
    before = plain[:anchor].rstrip(" \t")
    leads = not before or bool(LINE_BREAK.match(before[-1]))
    if leads and LINE_BREAK.split(plain[anchor:], maxsplit=1)[0].strip():
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
