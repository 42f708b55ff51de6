"""Whether a source supports a statement, and where.

The check is lexical. It finds altered numbers, altered Latin names and statements that
are not in the source. It cannot see a statement turned into its opposite by one small
word, nor an altered Chinese name in an otherwise literal sentence, and a translated
statement it never verifies.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rag_service.text.analysis import content_terms
from rag_service.text.folding import contains_quote
from rag_service.text.sentences import sentence_spans
from rag_service.types import Chunk, Citation

# Share of a statement's content terms that the quote must hold. Statements made of the
# questions and answers of XQuAD English, XQuAD Chinese and DRCD (about 300 each, chunks of
# 128 tokens) reach it for .95 .88 .85 in the passage that has the answer and for .07 .12
# .09 in the best-ranked passage that does not; at .4 it is .14 to .23 of these, at .6 only
# .66 to .83 of those. With the checks of numbers and names .86 .85 .81 against .02 .04 .06;
# with each number of the answer raised by one, .08 .07 .00.
MIN_OVERLAP = 0.5

# A quote is at most this many sentences in a row, and each further one must add this share
# of the statement's words, or some and the numbers still missing: a short quote is easy to
# check.
MAX_QUOTED_SENTENCES = 3
MIN_GAIN = 0.15

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ]+")
# One word with nothing but its first letter capital, and no second such word after it.
_PLAIN_OPENING = re.compile(r"\W*[A-ZÀ-Þ][a-zß-ÿ]*(?![A-Za-zÀ-ɏ])(?!\s+[A-ZÀ-Þ])")
_NOBODYS_NUMBER = "9" * 40


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement that cites a source. ``opens``: its first word opens a sentence."""

    text: str
    opens: bool = True


@dataclass(frozen=True, slots=True)
class _Quote:
    """Some sentences in a row: where they stand in the chunk, and what they hold."""

    start: int
    end: int
    sentences: int
    terms: frozenset[str]
    numbers: frozenset[str]


class Evidence:
    """What one source says, analysed once however often it is cited."""

    def __init__(self, chunk: Chunk) -> None:
        self._chunk = chunk

    def support(self, claim: Claim, n: int) -> Citation:
        """The place in this source that supports ``claim`` best."""
        chunk = self._chunk
        quote = self._best_quote(content(claim.text), _numbers(claim.text))
        text = chunk.text[quote.start : quote.end]
        return Citation(
            n=n,
            chunk_id=chunk.chunk_id,
            doc_id=chunk.doc_id,
            source=chunk.source,
            page=chunk.page,
            char_start=chunk.char_start + quote.start,
            char_end=chunk.char_start + quote.end,
            quote=text,
            verified=self._supports(quote, claim) and contains_quote(chunk.text, text),
        )

    def _best_quote(self, terms: frozenset[str], numbers: frozenset[str]) -> _Quote:
        """The whole text if nothing in it supports the statement."""

        words = frozenset(term for term in terms if not any(map(str.isdigit, term)))

        # Numbers alone must not pull in a further sentence: the wrong 25 in "expire on
        # 25 March" may well stand in the sentence before.
        def worth(quote: _Quote) -> float:
            has_numbers = numbers <= quote.numbers
            return _overlap(words, quote) - MIN_GAIN * (quote.sentences - 1 - has_numbers)

        supporting = [quote for quote in self._quotes if terms & quote.terms]
        return max(supporting, key=worth) if supporting else self._whole

    def _supports(self, quote: _Quote, claim: Claim) -> bool:
        return (
            _overlap(content(claim.text), quote) >= MIN_OVERLAP
            and _numbers(claim.text) <= quote.numbers | _numbers(self._headings)
            and content(_names(claim)) <= self._whole.terms | content(self._headings)
        )

    @cached_property
    def _quotes(self) -> list[_Quote]:
        """Every possible quote, short before long, then in reading order."""
        spans = sentence_spans(self._chunk.text)
        single = [self._quote(start, end) for start, end in spans]
        return [
            _joined(single[i : i + length])
            for length in range(1, MAX_QUOTED_SENTENCES + 1)
            for i in range(len(single) - length + 1)
        ]

    def _quote(self, start: int, end: int) -> _Quote:
        text = self._chunk.text[start:end]
        return _Quote(start, end, 1, content(text), _numbers(text))

    @cached_property
    def _whole(self) -> _Quote:
        return self._quote(0, len(self._chunk.text))

    @property
    def _headings(self) -> str:
        """What stands above the text and says what it is about."""
        return self._chunk.context


def _joined(quotes: Sequence[_Quote]) -> _Quote:
    nothing: frozenset[str] = frozenset()
    return _Quote(
        quotes[0].start,
        quotes[-1].end,
        len(quotes),
        nothing.union(*(quote.terms for quote in quotes)),
        nothing.union(*(quote.numbers for quote in quotes)),
    )


def _overlap(terms: frozenset[str], quote: _Quote) -> float:
    """Share of a statement's content terms in the quote; 0 for a statement without any."""
    return len(terms & quote.terms) / len(terms) if terms else 0.0


def content(text: str) -> frozenset[str]:
    """`content_terms` without its way out for texts that hold nothing but function words."""
    return content_terms(f"{text}\n{_NOBODYS_NUMBER}") - {_NOBODYS_NUMBER}


def _numbers(text: str) -> frozenset[str]:
    """The numbers written in digits, each in one spelling: 1,000 as 1000, 07 as 7, 2.50 as 2.5."""
    found: list[str] = []
    for written in _NUMBER.findall(unicodedata.normalize("NFKC", text)):
        whole = [written.replace(",", "")] if _THOUSANDS.fullmatch(written) else written.split(",")
        found += [_canonical(number) for number in whole]
    return frozenset(found)


def _canonical(number: str) -> str:
    number = number.lstrip("0") or "0"
    if number.count(".") == 1:
        number = number.rstrip("0").rstrip(".")
    return f"0{number}" if number.startswith(".") else number or "0"


def _names(claim: Claim) -> str:
    """The Latin words of a statement that are written as proper names.

    A capital says nothing on the one word that opens an English sentence.
    """
    text = unicodedata.normalize("NFKC", claim.text)
    names = [word for word in _LATIN_WORD.findall(text) if word != word.lower()]
    if claim.opens and _PLAIN_OPENING.match(text) and not _HAN.search(text):
        names = names[1:]
    return " ".join(names)
