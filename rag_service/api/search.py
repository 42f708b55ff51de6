"""POST /search: passages without an answer."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from rag_service.api.conversion import search_response, to_filters
from rag_service.api.dependencies import KNOWN_QUERY, ServiceDep
from rag_service.api.questions import check_length
from rag_service.api.schemas import DebugSearchResponse, SearchRequest, SearchResponse

router = APIRouter(tags=["questions"], dependencies=KNOWN_QUERY)


@router.post(
    "/search",
    response_model=SearchResponse | DebugSearchResponse,
    summary="Find passages in a collection",
)
def search(body: SearchRequest, service: ServiceDep) -> Response:
    check_length(body.query, service.settings.api.max_question_chars)
    result = service.search(
        body.query,
        collection=body.collection,
        top_k=body.top_k,
        filters=to_filters(body.filters),
        explain=body.debug,
    )
    reply = search_response(result, debug=body.debug)
    return Response(
        reply.model_dump_json(),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
