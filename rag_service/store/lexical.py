"""The lexical index: BM25 by tantivy over pre-analysed tokens, derived from the catalog.

Its schema and what is asked of it; `lexical_reader` and `lexical_writer` are the only other
modules that import tantivy. Its watermark is a sentinel document that is replaced in the same
commit as the changes it vouches for (tantivy offers no commit payload in Python, and its
opstamp is stale).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tantivy

from rag_service.errors import IndexCorrupt
from rag_service.store.catalog import Catalog
from rag_service.store.filtering import Allowed
from rag_service.text.analysis import ANALYZER_VERSION
from rag_service.text.gloss.glossing import Sense

TITLE_BOOST = 0.5
GLOSSED = "gloss"
# Questions are short; a pasted page is cut to its rarest terms to bound the query's cost.
MAX_QUERY_TERMS = 96
# A filter that keeps a quarter of the chunks is a long list of terms (50,000 documents: 90 ms),
# and most of what the whole index finds passes it anyway: that is tried first.
_BROAD = 4
_LAST_PAGE = 2**62
_REMEMBERED_TERMS = 20_000
# As if so many other texts stood beside the collection: in a few passages alone, a word that
# one of them has would weigh a fifth of one that none has, and no question would seem answered.
_OTHER_TEXTS = 100


def index_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("chunk_id", indexed=True, fast=True)
    builder.add_integer_field("doc_id", indexed=True)
    for name in ("page", "page_end"):  # fast: a range over pages is read from the column
        builder.add_integer_field(name, indexed=True, fast=True)
    # Tokens come analysed and joined by blanks, so that questions and passages go
    # through the same Python analyzer. No positions: a third of the size.
    # A Chinese chunk has its English gloss beside its own words, and is of the kind "gloss".
    for name in ("body", "title", "gloss"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("seq", stored=True)
    builder.add_text_field("owner", stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


def open_index(folder: Path) -> tantivy.Index:
    try:
        return tantivy.Index(index_schema(), path=str(folder), reuse=True)
    except (ValueError, OSError) as error:
        raise IndexCorrupt(f"{folder} cannot be opened: {error}") from error


def _restricted(query: tantivy.Query, schema: tantivy.Schema, allowed: Allowed) -> tantivy.Query:
    """The query, for chunks that are let through alone; their scores stay what they were."""
    parts: list[tantivy.Query] = []
    if allowed.doc_ids is not None:
        parts.append(tantivy.Query.term_set_query(schema, "doc_id", allowed.doc_ids.tolist()))
    if allowed.page_to is not None:
        parts.append(_in_range(schema, "page", 1, allowed.page_to))
    if allowed.page_from is not None:
        parts.append(_in_range(schema, "page_end", allowed.page_from, _LAST_PAGE))
    # A constant score of zero: the filter must not move the ranking.
    weightless = [tantivy.Query.const_score_query(part, 0.0) for part in parts]
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, q) for q in (query, *weightless)])


def _in_range(schema: tantivy.Schema, field: str, first: int, last: int) -> tantivy.Query:
    return tantivy.Query.range_query(schema, field, tantivy.FieldType.Integer, first, last)


@dataclass(frozen=True, slots=True)
class Watermark:
    """What the last commit vouches for: changes of ``owner`` up to ``seq``."""

    owner: str
    seq: int


def watermark_of(index: tantivy.Index, searcher: tantivy.Searcher) -> Watermark:
    query = tantivy.Query.term_query(index.schema, "kind", "watermark", "basic")
    hits = searcher.search(query, 1).hits
    if not hits:
        return Watermark("", 0)
    found = searcher.doc(hits[0][1]).to_dict()
    owner, seq = found["owner"][0], found["seq"][0]
    assert isinstance(seq, int), "the schema says integer; this is a bug"
    return Watermark(str(owner), seq)


def _count(index: tantivy.Index, searcher: tantivy.Searcher, kind: str) -> int:
    query = tantivy.Query.term_query(index.schema, "kind", kind, "basic")
    found = searcher.search(query, 1, count=True)
    return int(found.count or 0)  # type: ignore[attr-defined]  # missing from its stubs


def owner_of(catalog: Catalog) -> str:
    """Index contents belong to one catalog, one version of the analyzer and of the gloss."""
    return f"{catalog.uuid}/{ANALYZER_VERSION}/{catalog.fingerprint.get('gloss', '')}"


@dataclass(frozen=True, slots=True)
class LexicalView:
    """One committed state of the index, searchable while newer ones appear."""

    index: tantivy.Index
    searcher: tantivy.Searcher
    watermark: Watermark
    glossed: int = 0  # chunks that have a gloss
    _held: dict[tuple[str, str], int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def not_glossed(self) -> int:
        """Chunks that have none; the watermark is no chunk."""
        return int(self.searcher.num_docs) - 1 - self.glossed

    def frequency(self, term: str) -> int:
        """How many chunks hold a term in their text, their title or their gloss: each counts."""
        return sum(self._chunks_with(name, term) for name in ("body", "title", GLOSSED))

    def idf(self, term: str) -> float:
        """BM25's inverse document frequency of a term over the chunks, and some others."""
        return self._idf(self._chunks_with("body", term))

    def idf_in_english(self, term: str) -> float:
        """The same with a Chinese chunk read as its gloss."""
        return self._idf(self._chunks_with("body", term) + self._chunks_with("gloss", term))

    def _chunks_with(self, name: str, term: str) -> int:
        # One question asks for the same terms at every stage. What stands nowhere is not kept:
        # it is found out faster, and one misspelled word is a thousand of such.
        held = self._held.get((name, term))
        if held is None:
            held = self.searcher.doc_freq(name, term)
            if held:
                self._remember(name, term, held)
        return held

    def _remember(self, name: str, term: str, held: int) -> None:
        if len(self._held) >= _REMEMBERED_TERMS:
            self._held.clear()
        self._held[name, term] = held

    def _idf(self, held: int) -> float:
        total = self.searcher.num_docs
        # Until segments are merged doc_freq also counts deleted chunks, num_docs does not.
        held = min(held, total)
        return math.log(1 + (_OTHER_TEXTS + total - held + 0.5) / (held + 0.5))

    def search(
        self, weights: Mapping[str, float], k: int, allowed: Allowed | None = None
    ) -> list[tuple[int, float]]:
        """The ``k`` best chunks as ``(chunk_id, BM25)``, best first; all of them ``allowed``.

        ``weights``: the terms, and how many times each of them counts.
        """
        if not weights:
            return []
        leaves = self._leaves(self._rarest(weights), "body")
        if not leaves:
            return []
        should = [(tantivy.Occur.Should, leaf) for leaf in leaves]
        return self._best_allowed(tantivy.Query.boolean_query(should), k, allowed)

    def search_across(
        self,
        words: Sequence[Sequence[Sense]],
        k: int,
        allowed: Allowed | None = None,
        *,
        chinese: bool,
    ) -> list[tuple[int, float]]:
        """The best chunks of one language for a question in the other, in English words.

        ``words``: of the question, each with the senses it may have; a chunk is given the one
        that suits it best. ``chinese``: search the glosses of Chinese chunks, else the others.
        """
        if not words:
            return []
        text = "gloss" if chinese else "body"
        of_words = [
            (tantivy.Occur.Should, tantivy.Query.disjunction_max_query(leaves))
            for senses in words[:MAX_QUERY_TERMS]
            if (leaves := self._leaves(_any_sense(senses), text))
        ]
        if not of_words:
            return []
        kind = tantivy.Query.term_query(self.index.schema, "kind", GLOSSED, "basic")
        wanted = tantivy.Occur.Must if chinese else tantivy.Occur.MustNot
        query = tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Must, tantivy.Query.boolean_query(of_words)),
                (wanted, tantivy.Query.const_score_query(kind, 0.0)),
            ]
        )
        return self._best_allowed(query, k, allowed)

    def _best_allowed(
        self, query: tantivy.Query, k: int, allowed: Allowed | None
    ) -> list[tuple[int, float]]:
        if allowed is None:
            return self._best(query, k)
        if len(allowed) * _BROAD >= self.searcher.num_docs:
            best = self._best(query, _BROAD * 2 * k)
            kept = allowed.keep(best)
            if len(kept) >= k or len(best) < _BROAD * 2 * k:
                return kept[:k]
        return self._best(_restricted(query, self.index.schema, allowed), k)

    def _best(self, query: tantivy.Query, k: int) -> list[tuple[int, float]]:
        # Counting would mean looking at every document that holds any of the terms.
        hits = self.searcher.search(query, k, count=False).hits
        ids = self.searcher.fast_field_values("chunk_id", [address for _, address in hits])
        found = [
            (int(i), float(score))
            for i, (score, _) in zip(ids, hits, strict=True)
            if i is not None and score is not None
        ]
        # Ties go to the older chunk, so that the order never depends on segments.
        return sorted(found, key=lambda item: (-item[1], item[0]))

    def chunk_ids(self) -> set[int]:
        """Every chunk id in the index; for verification."""
        total = max(1, self.searcher.num_docs)
        everything = self.searcher.search(tantivy.Query.all_query(), total).hits
        ids = self.searcher.fast_field_values("chunk_id", [address for _, address in everything])
        return {int(i) for i in ids if i is not None}

    def _rarest(self, weights: Mapping[str, float]) -> Mapping[str, float]:
        if len(weights) <= MAX_QUERY_TERMS:
            return weights
        known = [term for term in weights if self._chunks_with("body", term)]
        kept = sorted(known, key=lambda term: (-self.idf(term), term))[:MAX_QUERY_TERMS]
        return {term: weights[term] for term in kept}

    def _leaves(self, weights: Mapping[str, float], text: str) -> list[tantivy.Query]:
        """A query for each term in each of two fields that has it: the text's and the title."""
        schema = self.index.schema
        return [
            tantivy.Query.boost_query(
                tantivy.Query.term_query(schema, name, term, "freq"), boost * weight
            )
            for term, weight in weights.items()
            for name, boost in ((text, 1.0), ("title", TITLE_BOOST))
            if self._chunks_with(name, term)
        ]


def _any_sense(senses: Sequence[Sense]) -> dict[str, float]:
    """The terms of all senses of a word, with what each of them weighs."""
    weights: dict[str, float] = {}
    for sense in senses:
        # A sense of two words is worth as much as one of one word, if both are there.
        weight = sense.weight / math.sqrt(len(sense.terms))
        for term in sense.terms:
            weights[term] = max(weights.get(term, 0.0), weight)
    return weights


def view_of(index: tantivy.Index) -> LexicalView:
    """The state that the index was last reloaded to."""
    searcher = index.searcher()
    glossed = _count(index, searcher, GLOSSED)
    return LexicalView(index, searcher, watermark_of(index, searcher), glossed)
