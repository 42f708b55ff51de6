"""The lexical index: BM25 by tantivy over pre-analysed tokens, derived from the catalog.

The only module that imports tantivy. Its watermark is a sentinel document that is
replaced in the same commit as the changes it vouches for (tantivy offers no commit
payload in Python, and its opstamp is stale).
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tantivy

from rag_service.errors import IndexCorrupt
from rag_service.store.catalog import Catalog
from rag_service.store.catalog_schema import IndexedChunk
from rag_service.store.filtering import Allowed
from rag_service.text.analysis import ANALYZER_VERSION, analyze
from rag_service.text.gloss.glossing import Sense, gloss_terms, is_chinese

# 15 MB is tantivy's least; 64 MB ingested 2x as fast as it and is still modest.
_HEAP_BYTES = 64_000_000
log = logging.getLogger(__name__)

TITLE_BOOST = 0.5
_GLOSSED = "gloss"
# Questions are short; a pasted page is cut to its rarest terms to bound the query's cost.
MAX_QUERY_TERMS = 96
# A filter that keeps a quarter of the chunks is a long list of terms (50,000 documents: 90 ms),
# and most of what the whole index finds passes it anyway: that is tried first.
_BROAD = 4
_LAST_PAGE = 2**62
_REMEMBERED_TERMS = 20_000


def _schema() -> tantivy.Schema:
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


def _open(folder: Path) -> tantivy.Index:
    try:
        return tantivy.Index(_schema(), path=str(folder), reuse=True)
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


def _watermark(index: tantivy.Index, searcher: tantivy.Searcher) -> Watermark:
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
        return sum(self._chunks_with(name, term) for name in ("body", "title", _GLOSSED))

    def idf(self, term: str) -> float:
        """BM25's inverse document frequency of a term over the chunks."""
        return self._idf(self._chunks_with("body", term))

    def idf_in_english(self, term: str) -> float:
        """The same with a Chinese chunk read as its gloss."""
        return self._idf(self._chunks_with("body", term) + self._chunks_with("gloss", term))

    def _chunks_with(self, name: str, term: str) -> int:
        # One question asks for the same terms at every stage.
        held = self._held.get((name, term))
        if held is None:
            if len(self._held) >= _REMEMBERED_TERMS:
                self._held.clear()
            held = self._held[name, term] = self.searcher.doc_freq(name, term)
        return held

    def _idf(self, held: int) -> float:
        total = self.searcher.num_docs
        # Until segments are merged doc_freq also counts deleted chunks, num_docs does not.
        held = min(held, total)
        return math.log(1 + (total - held + 0.5) / (held + 0.5))

    def search(
        self, weights: Mapping[str, float], k: int, allowed: Allowed | None = None
    ) -> list[tuple[int, float]]:
        """The ``k`` best chunks as ``(chunk_id, BM25)``, best first; all of them ``allowed``.

        ``weights``: the terms, and how many times each of them counts.
        """
        if not weights:
            return []
        return self._best_allowed(self._query(self._rarest(weights)), k, allowed)

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
        of_words = [
            (tantivy.Occur.Should, self._any_sense(senses, "gloss" if chinese else "body"))
            for senses in words[:MAX_QUERY_TERMS]
        ]
        schema = self.index.schema
        kind = tantivy.Query.term_query(schema, "kind", _GLOSSED, "basic")
        wanted = tantivy.Occur.Must if chinese else tantivy.Occur.MustNot
        query = tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Must, tantivy.Query.boolean_query(of_words)),
                (wanted, tantivy.Query.const_score_query(kind, 0.0)),
            ]
        )
        return self._best_allowed(query, k, allowed)

    def _any_sense(self, senses: Sequence[Sense], field: str) -> tantivy.Query:
        # A sense of two words is worth as much as one of one word, if both are there.
        weights: dict[str, float] = {}
        for sense in senses:
            for term in sense.terms:
                weight = sense.weight / math.sqrt(len(sense.terms))
                weights[term] = max(weights.get(term, 0.0), weight)
        return tantivy.Query.disjunction_max_query(
            [
                tantivy.Query.boost_query(
                    tantivy.Query.term_query(self.index.schema, name, term, "freq"), boost * weight
                )
                for term, weight in weights.items()
                for name, boost in ((field, 1.0), ("title", TITLE_BOOST))
            ]
        )

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
        hits = self.searcher.search(query, k).hits
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

    def _query(self, weights: Mapping[str, float]) -> tantivy.Query:
        parts: list[tuple[tantivy.Occur, tantivy.Query]] = []
        for term, weight in weights.items():
            for name, boost in (("body", 1.0), ("title", TITLE_BOOST)):
                leaf = tantivy.Query.term_query(self.index.schema, name, term, "freq")
                weighted = tantivy.Query.boost_query(leaf, boost * weight)
                parts.append((tantivy.Occur.Should, weighted))
        return tantivy.Query.boolean_query(parts)


class _Links:
    """A folder of links to an index that lies where this process may not write.

    tantivy makes a lock file where it reads, so that no writer removes what is being opened.
    Here the lock protects nothing; opening fails in that case, and is done again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = Path(tempfile.mkdtemp(prefix="rag-lexical-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def renew(self) -> None:
        """Link what is new, and forget what is gone."""
        for link in self.path.iterdir():
            if link.is_symlink() and not link.exists():
                link.unlink()
        for path in self._folder.iterdir():
            link = self.path / path.name
            if path.suffix != ".lock" and not link.is_symlink():
                link.symlink_to(path.absolute())


class LexicalReader:
    """Follows what a writer in another process commits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._links: _Links | None = None
        self._index: tantivy.Index | None = None
        self._inode = 0

    def refresh(self) -> LexicalView | None:
        """The newest committed state; None before the first commit."""
        try:
            inode = self._folder.stat().st_ino
            if self._index is None or inode != self._inode:
                if not (self._folder / "meta.json").exists():
                    return None
                self._index, self._inode = _open(self._readable()), inode
                self._index.config_reader(reload_policy="manual")
            if self._links:
                self._links.renew()
            self._index.reload()
        except (FileNotFoundError, ValueError) as error:
            # Not written yet, or a rebuilt one is being switched in: the next call sees it.
            log.info("The lexical index %s is not readable now: %s", self._folder, error)
            self._index = None
            return None
        searcher = self._index.searcher()
        mark = _watermark(self._index, searcher)
        return LexicalView(self._index, searcher, mark, _count(self._index, searcher, _GLOSSED))

    def _readable(self) -> Path:
        """The folder, or one in its place where tantivy can open it."""
        if os.access(self._folder, os.W_OK):
            self._links = None
            return self._folder
        self._links = _Links(self._folder)
        self._links.renew()
        return self._links.path


class LexicalWriter:
    """Brings the index up to the catalog. One at a time (tantivy locks the folder)."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._folder = folder
        self._catalog = catalog
        self._recover()

    def _recover(self) -> None:
        beside = self._folder.with_name(self._folder.name + ".new")
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(self._folder.with_name(self._folder.name + ".old"), ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.glob(".tmp*"):
            left.unlink(missing_ok=True)  # tantivy was killed while it wrote one of its lists
        try:
            self._index = _open(self._folder)
            mark = _watermark(self._index, self._index.searcher())
            self.seq = mark.seq
            owned = mark.owner in ("", owner_of(self._catalog))
            usable = owned and mark.seq <= self._catalog.revision()
        except IndexCorrupt:
            usable = False
        if not usable:
            self._rebuild(beside)

    def _rebuild(self, beside: Path) -> None:
        # Beside the old one, which readers may be using, then switched in.
        beside.mkdir(parents=True)
        self._index, self.seq = tantivy.Index(_schema(), path=str(beside)), 0
        self.catch_up()
        retired = self._folder.with_name(self._folder.name + ".old")
        self._folder.rename(retired)
        beside.rename(self._folder)
        shutil.rmtree(retired, ignore_errors=True)
        self._index = _open(self._folder)

    def catch_up(self) -> int:
        """Replay every change since the watermark in one commit; returns the new one.

        A writer whose commit failed silently loses what it held, so each call takes a
        fresh one.
        """
        upto = self._catalog.revision()
        if upto == self.seq:
            return self.seq
        writer = self._index.writer(_HEAP_BYTES, 1)
        # A commit that was cut off has left files behind. Their names come from the number of
        # the operation, so they would be in the way of the same commit made again.
        writer.garbage_collect_files()
        glossing = bool(self._catalog.fingerprint.get("gloss"))
        for chunk_id in self._catalog.removed_chunks(self.seq, upto):
            writer.delete_documents_by_term("chunk_id", chunk_id)
        for chunk in self._catalog.added_chunks(self.seq, upto):
            writer.add_document(_document(chunk, glossing=glossing))
        writer.delete_documents_by_term("kind", "watermark")
        writer.add_document(
            tantivy.Document(kind="watermark", seq=upto, owner=owner_of(self._catalog))
        )
        writer.commit()
        writer.garbage_collect_files()
        writer.wait_merging_threads()
        self._index.reload()
        self.seq = upto
        return upto


def _document(chunk: IndexedChunk, *, glossing: bool) -> tantivy.Document:
    pages = {} if chunk.page is None else {"page": chunk.page, "page_end": chunk.page_end}
    if glossing and is_chinese(chunk.text):
        context = f"{chunk.table_header}\n{chunk.title}\n{chunk.heading}"
        gloss = {"kind": _GLOSSED, "gloss": " ".join(gloss_terms(f"{chunk.text}\n{context}"))}
    else:
        gloss = {}
    return tantivy.Document(
        chunk_id=chunk.chunk_id,
        doc_id=chunk.doc_id,
        **pages,
        **gloss,
        body=" ".join(analyze(f"{chunk.text}\n{chunk.table_header}")),
        title=" ".join(analyze(f"{chunk.title} {chunk.heading}")),
    )
