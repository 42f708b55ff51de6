"""What kind of answer a question asks for, and whether a passage holds one of that kind.

Passages on the topic of a question often lack the very thing asked for. "When" and 多少钱 say
what it must look like, which is told without a model, in both languages.
Figures: docs/decisions/0012-retrieval-quality.md.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rag_service.text.gloss.glossing import is_chinese
from rag_service.text.language import simplified_by_character

# Passages are immutable, so what they hold is kept.
_REMEMBERED_PASSAGES: Final = 4_096

_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?"
_NUMERAL: Final = (
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty"
    r"|ninety|hundred|thousand|million|billion|half|dozen)\b"
)
_COUNTED: Final = "个次种人名岁年天月日周位条座件只部场届倍分级层项"

_DATE: Final = re.compile(
    rf"\b(?:1\d|20)\d\d\b|\b{_MONTH} \d{{1,2}}\b|\b\d{{1,2}} {_MONTH}(?!\w)"
    r"|\d+ ?[年月日号]|世纪|\bcentury\b"
)
_PERCENTAGE: Final = re.compile(r"\d ?(?:%|‰|percent|per cent|个百分点)|百分之|成(?=[，。；]|$)")
_MONEY: Final = re.compile(
    r"[$€£¥] ?\d|\b(?:usd|eur|gbp|cny|rmb|hkd|twd|jpy|chf) ?\d"
    r"|\d[\d.,]* ?(?:million|billion|trillion|dollars|euros|pounds|yuan|usd|eur|rmb)\b"
    r"|[\d一二三四五六七八九十百千]+[\d.,]*[多余几]? ?[百千万亿]*(?:美元|元|欧元|英镑|日元)"
    # A row of a table, its columns named: 价格（元）：120, price (EUR): 9
    r"|(?:[$€£¥元]|\b(?:usd|eur|gbp|cny|rmb|price|cost|fee))\)?: ?\d"
)
_NUMBER: Final = re.compile(
    rf"\d[\d,.]*|{_NUMERAL}|[一二两三四五六七八九十百千万亿]+(?=[{_COUNTED}])"
)
# Two or more capitalised words in a row; single ones also begin sentences.
_NAME: Final = re.compile(r"\b[A-ZÀ-Þ][\w.'’-]+(?: [A-ZÀ-Þ][\w.'’-]*)+")

# The first that fits; the narrow ones come before the wide ones.
_ASKED: Final = (
    (
        "date",
        r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|century)\b"
        r"|什么时候|何时|哪一?[年天日]|日期|几月|几号|时间",
    ),
    ("percentage", r"\bpercent|\bwhat (?:fraction|proportion|share)\b|百分|比例|率(?:是多少)?\W*$"),
    (
        "money",
        r"\bhow much\b.{0,200}?\b(?:cost|pay|paid|worth|earn|spend|spent|money)\b"
        r"|\b(?:revenue|price|salary|budget|box office|income|profit|cost|fee)\b"
        r"|多少[钱元]|价格|票房|营收|收入|利润|售价|金额|薪|费用",
    ),
    (
        "number",
        r"\bhow (?:many|much|long|old|far|tall|high|large|big|deep|fast|often|heavy|wide)\b"
        rf"|\b(?:population|number) of\b|多少|几[{_COUNTED}]|数量|人数|多[长高大远久重深快宽]",
    ),
    ("person", r"\bwho(?:se|m)?\b"),
)
_KINDS: Final = tuple((name, re.compile(pattern)) for name, pattern in _ASKED)
_FORMS: Final = {"date": _DATE, "percentage": _PERCENTAGE, "money": _MONEY, "number": _NUMBER}


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """The kind a question asks for; its own dates, numbers and names answer nothing."""

    name: str
    question: str  # folded

    def held(self, text: str) -> float:
        """1 if ``text`` holds an answer of this kind, 0 if not, 0.5 where it cannot be told."""
        if self.name == "person":
            return self._names(text)
        return float(any(form not in self.question for form in _forms(self.name, text)))

    def _names(self, text: str) -> float:
        if is_chinese(text):
            return 0.5  # Chinese names have no capitals
        return float(any(self._is_new(name) for name in _names(text)))

    def _is_new(self, name: str) -> bool:
        return not any(word in self.question for word in name.split())


def answer_kind(question: str) -> AnswerKind | None:
    """What ``question`` asks for; None for most questions."""
    folded = _folded(question)
    for name, asked in _KINDS:
        if asked.search(folded):
            return AnswerKind(name, folded)
    return None


@lru_cache(maxsize=_REMEMBERED_PASSAGES)
def _forms(kind: str, text: str) -> frozenset[str]:
    return frozenset(match[0] for match in _FORMS[kind].finditer(_folded(text)))


@lru_cache(maxsize=_REMEMBERED_PASSAGES)
def _names(text: str) -> frozenset[str]:
    return frozenset(match[0].lower() for match in _NAME.finditer(text))


def _folded(text: str) -> str:
    """Width, case and script folded."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return folded if folded.isascii() else folded.translate(simplified_by_character())
