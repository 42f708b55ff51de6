"""What `/metrics` counts. Labels come from fixed sets: never a path, name or text of a caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rag_service.errors import RagError
from rag_service.store.jobs_schema import Backlog
from rag_service.types import Answer

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# From a cached search (ms) to a long answer on a slow machine (minutes).
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


def route_template(scope: Any) -> str:
    """``/collections/{c}`` rather than the path asked for; "unmatched" for unknown ones."""
    return str(getattr(scope.get("route"), "path", "unmatched"))


class _JobsCollector(Collector):
    """Jobs are counted where they are kept, because the worker is another process."""

    def __init__(self) -> None:
        self.read: Callable[[], Backlog] | None = None  # none before the service is open

    def collect(self) -> Iterator[Metric]:
        try:
            backlog = self.read() if self.read else None
        except RagError:
            return  # a gap in these figures must not hide the others
        if backlog is None:
            return
        open_jobs = GaugeMetricFamily("rag_jobs", "Jobs that are not done.", labels=["status"])
        open_jobs.add_metric(["queued"], backlog.queued)
        open_jobs.add_metric(["running"], backlog.running)
        ended = CounterMetricFamily("rag_jobs_ended", "Jobs that have ended.", labels=["status"])
        ended.add_metric(["done"], backlog.done)
        ended.add_metric(["failed"], backlog.failed)
        alive = int(backlog.worker_alive)
        yield from (
            open_jobs,
            ended,
            GaugeMetricFamily("rag_worker_alive", "Whether a worker runs.", value=alive),
        )


class Metrics:
    """The counters of one app, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "rag_http_requests",
            "HTTP requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "rag_http_request_seconds",
            "Time from a request to the end of its response.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._answers = Counter(
            "rag_answers", "Answers given.", ["status", "generator"], registry=self.registry
        )
        self._tokens = Counter(
            "rag_tokens", "Tokens of the chat model.", ["kind"], registry=self.registry
        )
        self._jobs = _JobsCollector()
        self.registry.register(self._jobs)

    def watch_jobs(self, read: Callable[[], Backlog]) -> None:
        """From now on, show the jobs as ``read`` tells of them."""
        self._jobs.read = read

    def request(self, scope: Any, status: int | None, seconds: float) -> None:
        """``status`` is ``None`` when the caller left before there was one."""
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = route_template(scope)
        self._requests.labels(method, route, "none" if status is None else str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answer(self, answer: Answer) -> None:
        self._answers.labels(answer.status, answer.generator).inc()
        self._tokens.labels("prompt").inc(answer.usage.prompt_tokens)
        self._tokens.labels("completion").inc(answer.usage.completion_tokens)


router = APIRouter(tags=["operation"])


@router.get("/metrics", response_class=Response, summary="Counters in Prometheus text format")
def metrics(request: Request) -> Response:
    registry = request.app.state.metrics.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
