"""Questions: the statement made of one and its answer, and which are alike."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

_KINDS = {
    "person": r"\bwho(?:m|se)?\b|谁|誰|哪位|何人|哪一位",
    "place": r"\bwhere\b|\b(?:what|which) (?:country|city|state|place|region|town)\b"
    r"|哪里|哪裡|哪兒|哪儿|何处|何處|哪一?[个個座]?(?:国|國|城|地|省|州|市)",
    "organisation": r"\b(?:what|which) (?:company|team|university|school|organi[sz]ation|party)\b"
    r"|哪一?[家所间間支个個](?:公司|大学|大學|学校|學校|机构|機構|球队|球隊|组织|組織|政党|政黨)",
}
_AUXILIARY = r"(?:did|do|does|is|was|are|were|has|have|had|can|could|will|would|should|may)"
_SUBJECT_EN = re.compile(rf"(?:who|which [\w ]{{3,30}}?|what)\s+(?!{_AUXILIARY}\b)(\w.+)\?", re.I)
_IS_EN = re.compile(r"(?:who|what) (is|was|are|were) (.+)\?", re.I)
_COUNT_EN = re.compile(r"how many ([\w ]+?) (?:did|do|does) (.+)\?", re.I)
_ASKING_ZH = re.compile(
    "什么时候|什麼時候|何时|何時|哪一?[年天日个個位家座种種所项項支部本场場届屆]"
    "(?:[\u4e00-\u9fff]{0,3}(?=[的是在于於有，？]))?|谁|誰|多少|哪里|哪裡|哪兒|什么|什麼|何人|何地"
)


def kind_of(question: str) -> str:
    """person, place, organisation, or other."""
    return next((k for k, asked in _KINDS.items() if re.search(asked, question, re.I)), "other")


def statement(question: str, answer: str) -> str | None:
    """The question with its answer in the place of the question word."""
    question, answer = question.strip(), answer.strip("。. ")
    if re.search("[\u4e00-\u9fff]", question):
        return _statement_zh(question, answer)
    if found := _COUNT_EN.fullmatch(question):
        return f"{found[2][:1].upper()}{found[2][1:]} {answer} {found[1]}."
    if found := _IS_EN.fullmatch(question):
        return f"{found[2][:1].upper()}{found[2][1:]} {found[1]} {answer}."
    if found := _SUBJECT_EN.fullmatch(question):
        return f"{answer[:1].upper()}{answer[1:]} {found[1]}."
    return None


def _statement_zh(question: str, answer: str) -> str | None:
    body = question.rstrip("？?。 ")
    asked = list(_ASKING_ZH.finditer(body))
    if len(asked) != 1 or len(body) < 8:
        return None
    before, after = body[: asked[0].start()], body[asked[0].end() :]
    if after and answer.endswith(after[0]):  # 多少次 answered by 136 次
        after = after[1:]
    return f"{before}{answer}{after}。"


def alike_pairs(
    questions: Sequence[dict[str, Any]],
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each question with another of its kind, of the same document where there is one."""
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for question in questions:
        by_kind[kind_of(question["question"])].append(question)
    for question in questions:
        alike = [q for q in by_kind[kind_of(question["question"])] if _may_replace(question, q)]
        near = [q for q in alike if q["doc_ids"] == question["doc_ids"]] or alike
        if near:
            yield question, near[zlib.crc32(question["id"].encode()) % len(near)]


def _may_replace(question: dict[str, Any], other: dict[str, Any]) -> bool:
    one, two = question["answers"][0], other["answers"][0]
    plain = not re.search(r"\d", one + two)
    return one != two and one not in two and two not in one and plain and len(two) < 40
