"""Is the process alive, and can it answer."""

from __future__ import annotations

from fastapi import APIRouter, Response

from rag_service.api.dependencies import ServiceDep
from rag_service.api.schemas import HealthResponse, ReadyResponse

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="The process is alive")
async def healthz() -> HealthResponse:
    return HealthResponse(status="ok")


@router.get(
    "/readyz",
    summary="Questions can be answered",
    responses={503: {"model": ReadyResponse, "description": "Not now; `reasons` says why."}},
)
def readyz(service: ServiceDep, response: Response) -> ReadyResponse:
    reasons = service.readiness()
    backlog = service.jobs.backlog()
    response.status_code = 503 if reasons else 200
    return ReadyResponse(
        ready=not reasons,
        reasons=reasons,
        jobs_queued=backlog.queued,
        jobs_running=backlog.running,
        worker_alive=backlog.worker_alive,
    )
