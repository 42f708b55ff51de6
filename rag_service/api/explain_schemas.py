"""The JSON shapes that say why a search came out as it did."""

from __future__ import annotations

from pydantic import Field

from rag_service.api.shapes import Shape


class LegOut(Shape):
    """Where one retrieval leg placed a passage."""

    rank: int = Field(description="Place in that leg, from 1.")
    score: float = Field(description="Cosine (dense) or BM25 (lexical); higher is better.")


class StagePlaceOut(Shape):
    """Where one stage after the legs left a passage."""

    stage: str = Field(description="What placed it there.", examples=["fused"])
    rank: int = Field(description="Place after that stage, from 1.")
    score: float = Field(description="Score after that stage, 0 to 1.")


class MatchedTermOut(Shape):
    """A term of the question that a passage holds."""

    term: str = Field(description="As it is indexed: stemmed, simplified, in small letters.")
    idf: float = Field(description="How much it says: rare terms say more.")
    in_text: int = Field(description="How often it stands in the passage.")
    in_context: int = Field(description="How often it stands in title and headings.")
    in_gloss: int = Field(description="How often in the English gloss of a Chinese passage.")


class ExplainedOut(Shape):
    """The way of a candidate through the search."""

    legs: dict[str, LegOut] = Field(description="By the name of the leg that proposed it.")
    stages: list[StagePlaceOut] = Field(description="The stages it came through, in order.")
    terms: list[MatchedTermOut] = Field(description="What it has of the question; rarest first.")


class DroppedOut(ExplainedOut):
    """A candidate that is not among the results."""

    chunk_id: int = Field(description="Number of the passage.")
    source: str | None = Field(description="Path of its document; null: no longer there.")
    page: int | None = Field(description="Page, from 1; null for formats without pages.")
    reason: str = Field(description="Why it is not among the results.")
