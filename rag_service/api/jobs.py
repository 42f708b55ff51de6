"""What became of uploads and deletions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from rag_service.api.conversion import job_out
from rag_service.api.dependencies import KNOWN_QUERY, ServiceDep
from rag_service.api.job_schemas import JobOut, JobsResponse

router = APIRouter(prefix="/jobs", tags=["jobs"], dependencies=KNOWN_QUERY)

JobId = Annotated[str, Path(description="Name of the job.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Most jobs to return.")]
OfCollection = Annotated[str | None, Query(description="Only jobs of this collection.")]


@router.get("", summary="Recent jobs, newest first")
def list_jobs(
    service: ServiceDep, collection: OfCollection = None, limit: Limit = 50
) -> JobsResponse:
    jobs = service.jobs.recent(collection=collection, limit=limit)
    return JobsResponse(jobs=[job_out(job) for job in jobs])


@router.get("/{job_id}", summary="One job")
def get_job(job_id: JobId, service: ServiceDep) -> JobOut:
    return job_out(service.job(job_id))
