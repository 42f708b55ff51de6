"""From the core's types to the JSON shapes, and back."""

from __future__ import annotations

from typing import Any

from rag_service.api.collection_schemas import CollectionOut, DocumentOut
from rag_service.api.explain_schemas import DroppedOut, LegOut, MatchedTermOut, StagePlaceOut
from rag_service.api.filters import FiltersIn
from rag_service.api.job_schemas import JobErrorOut, JobFileOut, JobOut
from rag_service.api.schemas import (
    AnswerResponse,
    CitationOut,
    DebugAnswerResponse,
    DebugResultOut,
    DebugSearchResponse,
    ErrorBody,
    ErrorResponse,
    ResultOut,
    SearchResponse,
    SourceOut,
    SourcesEventOut,
    StatementOut,
    TurnIn,
    UsageOut,
)
from rag_service.collection_types import CollectionInfo, DocumentInfo
from rag_service.filters import Filters
from rag_service.search_types import CandidateTrace, SearchResult, SearchTrace
from rag_service.store.jobs_schema import Job
from rag_service.text.highlight import matched_spans
from rag_service.types import Answer, Citation, Hit, LegScore, SourcesEvent, Statement, Turn


def to_filters(filters: FiltersIn | None) -> Filters | None:
    return None if filters is None else filters.to_filters()


def to_turns(history: list[TurnIn]) -> tuple[Turn, ...]:
    return tuple(Turn(role=turn.role, content=turn.content) for turn in history)


def _passage(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    return {
        "chunk_id": chunk.chunk_id,
        "doc_id": chunk.doc_id,
        "source": chunk.source,
        "title": chunk.title,
        "page": chunk.page,
        "char_start": chunk.char_start,
        "char_end": chunk.char_end,
        "text": chunk.text,
        "score": hit.score,
    }


def _leg(leg: LegScore | None) -> LegOut | None:
    return None if leg is None else LegOut.model_validate(leg, from_attributes=True)


def _debug_result(hit: Hit, trace: CandidateTrace) -> DebugResultOut:
    terms = {matched.term for matched in trace.terms}
    return DebugResultOut(
        **_passage(hit),
        **_explained(trace),
        dense=_leg(hit.dense),
        lexical=_leg(hit.lexical),
        coverage=round(hit.coverage, 4),
        rerank=hit.rerank,
        highlights=matched_spans(hit.chunk.text, terms),
    )


def _explained(trace: CandidateTrace) -> dict[str, Any]:
    return {
        "legs": {
            name: LegOut.model_validate(leg, from_attributes=True)
            for name, leg in trace.legs.items()
        },
        "stages": [
            StagePlaceOut.model_validate(place, from_attributes=True) for place in trace.stages
        ],
        "terms": [
            MatchedTermOut.model_validate(term, from_attributes=True) for term in trace.terms
        ],
    }


def _dropped(trace: CandidateTrace) -> DroppedOut:
    return DroppedOut(
        **_explained(trace),
        chunk_id=trace.chunk_id,
        source=trace.chunk.source if trace.chunk else None,
        page=trace.chunk.page if trace.chunk else None,
        reason=trace.reason,
    )


def _trace_of(result: SearchResult) -> SearchTrace:
    assert result.trace is not None, "a debug reply needs a search with a trace; this is a bug"
    return result.trace


def search_response(result: SearchResult, *, debug: bool) -> SearchResponse | DebugSearchResponse:
    if not debug:
        return SearchResponse(
            results=[ResultOut(**_passage(hit)) for hit in result.hits],
            revision=result.revision,
            timings=result.timings,
            notes=list(result.notes),
        )
    trace = _trace_of(result)
    return DebugSearchResponse(
        results=[
            _debug_result(hit, traced)
            for hit, traced in zip(result.hits, trace.results, strict=True)
        ],
        revision=result.revision,
        timings=result.timings,
        legs=list(result.legs),
        notes=list(result.notes),
        terms=list(trace.terms),
        gloss_terms=list(trace.gloss_terms),
        dropped=[_dropped(candidate) for candidate in trace.dropped],
    )


def _sources(hits: tuple[Hit, ...]) -> list[SourceOut]:
    return [SourceOut(n=n, **_passage(hit)) for n, hit in enumerate(hits, start=1)]


def _citation(citation: Citation) -> CitationOut:
    return CitationOut.model_validate(citation, from_attributes=True)


def _statement(statement: Statement) -> StatementOut:
    return StatementOut.model_validate(statement, from_attributes=True)


def _answer(answer: Answer, request_id: str) -> dict[str, Any]:
    return {
        "answer": answer.answer,
        "status": answer.status,
        "generator": answer.generator,
        "confidence": answer.confidence,
        "citations": [_citation(citation) for citation in answer.citations],
        "statements": [_statement(statement) for statement in answer.statements],
        "sources": _sources(answer.sources),
        "dropped": list(answer.dropped),
        "model": answer.model,
        "collection": answer.collection,
        "revision": answer.revision,
        "usage": UsageOut.model_validate(answer.usage, from_attributes=True),
        "timings": answer.timings,
        "request_id": request_id,
        "notes": list(answer.notes),
        "reasoning": answer.reasoning,
        "standalone_question": answer.standalone_question,
    }


def _legs(hit: Hit) -> dict[str, LegOut]:
    placed = {"dense": _leg(hit.dense), "lexical": _leg(hit.lexical)}
    return {name: leg for name, leg in placed.items() if leg}


def answer_response(
    answer: Answer, *, request_id: str, debug: bool
) -> AnswerResponse | DebugAnswerResponse:
    if not debug:
        return AnswerResponse(**_answer(answer, request_id))
    return DebugAnswerResponse(
        **_answer(answer, request_id),
        legs={n: _legs(hit) for n, hit in enumerate(answer.sources, start=1)},
    )


def sources_event(event: SourcesEvent, *, request_id: str) -> SourcesEventOut:
    return SourcesEventOut(
        sources=_sources(event.sources), revision=event.revision, request_id=request_id
    )


def collection_out(info: CollectionInfo) -> CollectionOut:
    return CollectionOut.model_validate(info, from_attributes=True)


def document_out(info: DocumentInfo) -> DocumentOut:
    return DocumentOut.model_validate(info, from_attributes=True)


def job_out(job: Job) -> JobOut:
    return JobOut(
        job_id=job.job_id,
        collection=job.collection,
        kind=job.kind,
        status=job.status,
        note=job.note,
        error=JobErrorOut(code=job.code, message=job.message) if job.code else None,
        files=[JobFileOut.model_validate(file, from_attributes=True) for file in job.files],
        files_done=sum(file.status != "waiting" for file in job.files),
        revision=job.revision,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def error_response(code: str, message: str, request_id: str) -> ErrorResponse:
    """``message`` may hold anything: what cannot be sent as UTF-8 is replaced."""
    sendable = message.encode("utf-8", "replace").decode("utf-8")
    return ErrorResponse(error=ErrorBody(code=code, message=sendable, request_id=request_id))
