"""Citations: from what a chat model wrote to checked places in the documents.

Every sentence that claims something is looked for in the sources it names and, where those
do not hold it, in all others: a sentence that cites wrongly or not at all, but stands in a
source, gets that source as an *added* citation. What no source holds is unsupported. A
number that names no source goes.

How support is judged is in `support.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rag_service.generation.agreement import Agreement
from rag_service.generation.claims import Claim, content
from rag_service.generation.finding import Finding
from rag_service.generation.markers import marked
from rag_service.generation.statements import (
    LINE_BREAK,
    MIN_CLAUSE_TERMS,
    Sentence,
    sentences,
)
from rag_service.generation.support import Embed, Passage
from rag_service.text.folding import contains_quote
from rag_service.types import Citation, Hit, Statement, StatementStatus

# A place that holds this share of a statement and disagrees with the rest was altered.
MIN_SHARED: Final = 0.6
# A statement was made of a place that holds so much of it, and so much more than any other.
MADE_OF: Final = 0.8
MADE_OF_BY: Final = 0.1

_CLAUSE_END: Final = re.compile(r"(?<=[,;，；])(?!\d)|(?<=[,;] )")


@dataclass(frozen=True, slots=True)
class CitedAnswer:
    """``text`` has every marker as ``[n]``; ``invented`` counts numbers without a source.

    The spans of ``statements`` are places in ``text``, their citations indexes into
    ``citations``.
    """

    text: str
    citations: tuple[Citation, ...]
    invented: int
    statements: tuple[Statement, ...] = ()


def cite(answer: str, sources: Sequence[Hit], *, embed: Embed | None = None) -> CitedAnswer:
    """Normalise the markers of ``answer`` and check each of its sentences against ``sources``.

    ``sources[0]`` is ``[1]``. There is one citation per distinct source and span, in the
    order of appearance; cited more than once, it is verified if every citing statement is
    supported. ``embed`` is the collection's embedding model; without it words alone decide.
    """
    text = marked(answer, len(sources))
    judge = _Judge(sources, embed)
    statements = tuple(judge.judge(sentence) for sentence in sentences(text))
    return CitedAnswer(
        text=text.text,
        citations=judge.citations,
        invented=sum(marker.invented for marker in text.markers),
        statements=statements,
    )


def quoted_statements(pieces: Sequence[str]) -> tuple[Statement, ...]:
    """The statements of an answer made of quotes, each with its [n], joined by a blank."""
    found: list[Statement] = []
    start = 0
    for index, piece in enumerate(pieces):
        found.append(Statement(start, start + len(piece), "supported", 1.0, (index,)))
        start += len(piece) + 1
    return tuple(found)


def without_unsupported(cited: CitedAnswer) -> CitedAnswer:
    """The answer without the sentences that no source supports, and without their citations."""
    text = ""
    position = 0
    broken = False  # the line that a removed sentence began is still to be begun
    kept: list[Statement] = []
    for statement in cited.statements:
        gap = cited.text[position : statement.char_start]
        position = statement.char_end
        if statement.status == "unsupported":
            broken |= bool(LINE_BREAK.search(gap))
            continue
        text += "\n" if broken and not LINE_BREAK.search(gap) else gap
        text, broken = text.lstrip(), False
        start = len(text)
        text += cited.text[statement.char_start : statement.char_end]
        kept.append(replace(statement, char_start=start, char_end=len(text)))
    used = sorted({index for statement in kept for index in statement.citations})
    renumbered = {old: new for new, old in enumerate(used)}
    return CitedAnswer(
        text.rstrip(),
        tuple(cited.citations[index] for index in used),
        cited.invented,
        tuple(replace(s, citations=tuple(renumbered[i] for i in s.citations)) for s in kept),
    )


class _Judge:
    """Checks one answer's sentences against its sources, and gathers the citations."""

    def __init__(self, sources: Sequence[Hit], embed: Embed | None) -> None:
        self._chunks = [hit.chunk for hit in sources]
        self._passages = [Passage(chunk, self._beside(n)) for n, chunk in enumerate(self._chunks)]
        self._embed = embed
        self._found: dict[tuple[int, int, int], Citation] = {}

    @property
    def citations(self) -> tuple[Citation, ...]:
        return tuple(self._found.values())

    def judge(self, sentence: Sentence) -> Statement:
        def stated(status: StatementStatus, support: float, citations: Sequence[int]) -> Statement:
            return Statement(sentence.start, sentence.end, status, support, tuple(citations))

        if not sentence.claims:
            return stated("no_claim", 0.0, ())
        written = [self._written(claim, numbers) for claim, numbers in sentence.cited]
        cited = list(dict.fromkeys(index for indexes, _ in written for index in indexes))
        if written and all(finding.supported for _, finding in written):
            return stated("supported", min(finding.support for _, finding in written), cited)
        support, added = self._elsewhere(sentence)
        status: StatementStatus = "supported" if added else "unsupported"
        if not added and self._open(sentence.whole):
            status = "unverified"
        return stated(status, support, list(dict.fromkeys([*cited, *added])))

    def _written(self, claim: Claim, numbers: Sequence[int]) -> tuple[list[int], Finding]:
        """The citations that the model wrote, and the best of what they hold."""
        findings = self._findings(claim, [n - 1 for n in numbers])
        indexes = [self._cite(n, finding, added=False) for n, finding in findings.items()]
        return indexes, max(findings.values(), key=lambda finding: finding.support)

    def _elsewhere(self, sentence: Sentence) -> tuple[float, list[int]]:
        """The support for a sentence in any source, and citations of it if there is enough.

        What no source holds as a whole may be drawn from several: then each clause is looked
        for by itself.
        """
        n, finding = self._best(sentence.whole)
        if finding is None:
            return 0.0, []
        if finding.supported:
            return finding.support, [self._cite(n, finding, added=True)]
        if self._altered(sentence.whole):
            return finding.support, []
        parts = [self._best(claim) for claim in _parts(sentence.whole)]
        found = [(n, part) for n, part in parts if part and part.supported]
        if len(parts) < 2 or len(found) < len(parts):
            return finding.support, []
        indexes = [self._cite(n, part, added=True) for n, part in found]
        return min(part.support for _, part in found), list(dict.fromkeys(indexes))

    def _altered(self, claim: Claim) -> bool:
        """Whether a source says most of the claim, and something else."""
        findings = (passage.find(claim) for passage in self._passages)
        return any(f.share >= MIN_SHARED and f.agreement is Agreement.NO for f in findings)

    def _open(self, claim: Claim) -> bool:
        """Whether the sources are in another language, and the nearest place denies nothing."""
        found = self._findings(claim, range(len(self._chunks))).values()
        across = max((f for f in found if f.crossed), key=lambda f: f.share, default=None)
        return across is not None and across.open and not self._altered(claim)

    def _best(self, claim: Claim) -> tuple[int, Finding | None]:
        findings = self._findings(claim, range(len(self._chunks)))
        if not findings:
            return 0, None
        n, best = max(findings.items(), key=lambda item: item[1].support)
        m, nearest = max(findings.items(), key=lambda item: item[1].share)
        # The sentence that a claim was plainly made of decides, not one that is much like it.
        made_of = nearest.share >= max(MADE_OF, best.share + MADE_OF_BY) and not nearest.agrees
        return (m, nearest) if made_of and not best.exact else (n, best)

    def _findings(self, claim: Claim, numbers: Sequence[int]) -> dict[int, Finding]:
        """By the index of the source."""
        found = {n: self._against_others(n, claim) for n in numbers}
        undecided = [n for n, finding in found.items() if finding.undecided]
        if self._embed is None or not undecided:
            return found
        quotes = [self._passages[n].text(found[n]) for n in undecided]
        own, *others = self._embed([claim.text, *quotes])
        for n, other in zip(undecided, others, strict=True):
            if own is not None and other is not None:
                found[n] = found[n].with_cosine(float(own @ other))
        return found

    def _against_others(self, n: int, claim: Claim) -> Finding:
        finding = self._passages[n].find(claim)
        if not finding.crossed:
            return finding
        return finding.against(p.find(claim) for m, p in enumerate(self._passages) if m != n)

    def _cite(self, n: int, finding: Finding, *, added: bool) -> int:
        """The index of the citation of a place; a new one if the place is new."""
        chunk = self._chunks[n]
        key = (n, finding.start, finding.end)
        quote = chunk.text[finding.start : finding.end]
        verified = finding.supported and contains_quote(chunk.text, quote)
        known = self._found.get(key)
        if known is not None:
            both = known.verified and verified
            self._found[key] = replace(known, verified=both, added=known.added and added)
        else:
            self._found[key] = Citation(
                n=n + 1,
                chunk_id=chunk.chunk_id,
                doc_id=chunk.doc_id,
                source=chunk.source,
                page=chunk.page,
                char_start=chunk.char_start + finding.start,
                char_end=chunk.char_start + finding.end,
                quote=quote,
                verified=verified,
                added=added,
            )
        return list(self._found).index(key)

    def _beside(self, n: int) -> str:
        """What the other sources hold of the same document."""
        doc_id = self._chunks[n].doc_id
        others = enumerate(self._chunks)
        return "\n".join(c.text for m, c in others if m != n and c.doc_id == doc_id)


def _parts(claim: Claim) -> Iterator[Claim]:
    """The clauses of a sentence, each with what is too short to stand alone."""
    start = 0
    for end in [*(m.start() for m in _CLAUSE_END.finditer(claim.text)), len(claim.text)]:
        part = claim.text[start:end]
        rest = claim.text[end:]
        if (
            min(len(content(part)), len(content(rest)) if rest.strip() else 99)
            >= 3 * MIN_CLAUSE_TERMS
        ):
            yield Claim(part, opens=claim.opens and not start)
            start = end
    if claim.text[start:].strip():
        yield Claim(claim.text[start:], opens=claim.opens and not start)
