"""POST /ask through a real server: streams, errors in them, and callers who leave."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest
from httpx_sse import ServerSentEvent, connect_sse

from rag_service.api.app import create_app
from rag_service.errors import CollectionNotFound, GenerationError, Overloaded
from tests.api.conftest import served
from tests.api.fakes import FakeService
from tests.api.test_ask import ANSWER, QUESTION, SOURCE

HEADERS = {"X-Request-ID": "test-1"}


def stream(url: str, **body: Any) -> list[ServerSentEvent]:
    with (
        httpx.Client() as client,
        connect_sse(
            client, "POST", f"{url}/ask", json={"stream": True, **body}, headers=HEADERS
        ) as source,
    ):
        return list(source.iter_sse())


def test_a_stream_is_sources_then_tokens_then_the_whole_answer(url: str) -> None:
    events = stream(url, question=QUESTION)
    kinds = [event.event for event in events]
    assert kinds == ["sources", *["token"] * 6, "done"]
    assert events[0].json() == {"sources": [SOURCE], "revision": 7, "request_id": "test-1"}
    assert "".join(event.json()["text"] for event in events[1:-1]) == ANSWER["answer"]
    assert events[1].json() == {"text": "The"}
    assert events[-1].json() == ANSWER


def test_a_stream_with_debug_ends_with_the_legs(url: str) -> None:
    done = stream(url, question=QUESTION, debug=True)[-1].json()
    assert done == {**ANSWER, "legs": {"1": {"lexical": {"rank": 1, "score": 2.0}}}}


def test_a_stream_tells_proxies_not_to_hold_it_back(url: str) -> None:
    with httpx.stream("POST", f"{url}/ask", json={"question": "a", "stream": True}) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-accel-buffering"] == "no"
        assert len(response.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("error", "status"),
    [(Overloaded("Full.", 9), 503), (CollectionNotFound("None."), 404), (OSError("x"), 500)],
)
def test_an_error_before_the_stream_is_a_status(
    url: str, service: FakeService, error: Exception, status: int
) -> None:
    service.fail_first = error
    response = httpx.post(f"{url}/ask", json={"question": "a", "stream": True})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json()["error"]["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (GenerationError("The model stopped."), "generation_error", "The model stopped."),
        (
            OSError("secret"),
            "internal_error",
            "The service failed in a way it should not. Its log says more.",
        ),
    ],
)
def test_an_error_within_the_stream_is_its_last_event(
    url: str, service: FakeService, error: Exception, code: str, message: str
) -> None:
    service.fail_later = error
    events = stream(url, question=QUESTION)
    assert [event.event for event in events] == ["sources", "token", "error"]
    assert events[-1].json() == {
        "error": {"code": code, "message": message, "request_id": "test-1"}
    }


def test_a_silent_stream_is_kept_alive_by_comments(url: str, service: FakeService) -> None:
    service.pause.clear()
    body = {"question": QUESTION, "stream": True}
    with httpx.stream("POST", f"{url}/ask", json=body) as response:
        lines = response.iter_lines()
        assert next(line for line in lines if line.startswith(":")) == ": keep-alive"
        service.pause.set()
        events = [line for line in lines if line.startswith("event:")]
    assert events == [*["event: token"] * 6, "event: done"]


def leave_unanswered(url: str, **body: Any) -> None:
    """Ask, and close the connection before a single byte of the response has come."""
    with httpx.Client() as client, pytest.raises(httpx.ReadTimeout):
        client.post(f"{url}/ask", json=body, timeout=httpx.Timeout(5, read=0.3))


# The fake holds until it is told to stop, so without that the waits below would fail.
@pytest.mark.parametrize("place", ["start", "token"])
def test_a_caller_who_leaves_stops_the_answer(url: str, service: FakeService, place: str) -> None:
    service.hold = place
    leave_unanswered(url, question=QUESTION)
    assert service.closed.wait(5)
    assert service.closed_by == "answer"


def test_a_caller_who_leaves_before_the_stream_begins_stops_the_answer(
    service: FakeService,
) -> None:
    service.hold = "start"
    with served(create_app(lambda: service)) as url:
        leave_unanswered(url, question=QUESTION, stream=True)
        assert service.closed.wait(5)


@pytest.mark.parametrize(
    ("place", "first_line"), [("start", ": keep-alive"), ("token", "event: sources")]
)
def test_a_caller_who_leaves_within_the_stream_stops_the_answer(
    url: str, service: FakeService, place: str, first_line: str
) -> None:
    service.hold = place
    body = {"question": QUESTION, "stream": True}
    with httpx.stream("POST", f"{url}/ask", json=body) as response:
        assert next(response.iter_lines()) == first_line
    assert service.closed.wait(5)
    assert service.closed_by == "answer"


def test_the_service_answers_others_while_an_answer_is_being_made(
    url: str, service: FakeService
) -> None:
    service.pause.clear()
    first: list[int] = []
    body = {"question": QUESTION}
    asking = threading.Thread(
        target=lambda: first.append(httpx.post(f"{url}/ask", json=body).status_code)
    )
    asking.start()
    assert service.entered.wait(5)
    assert httpx.get(f"{url}/healthz").status_code == 200
    assert httpx.post(f"{url}/search", json={"query": "warranty"}).status_code == 200
    service.pause.set()
    asking.join()
    assert first == [200]


def test_a_body_over_the_limit_is_answered_even_while_it_is_being_sent(url: str) -> None:
    response = httpx.post(
        f"{url}/ask",
        content=json.dumps({"question": "x" * 6_000_000}),
        headers={"Content-Type": "application/json"},
    )
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "body_too_large"


def test_answers_still_running_at_shutdown_are_stopped_before_the_service_is_closed() -> None:
    service = FakeService()
    service.hold = "token"
    body = {"question": QUESTION, "stream": True}
    with httpx.Client() as client:
        with served(create_app(lambda: service), grace_s=1) as url:
            request = client.build_request("POST", f"{url}/ask", json=body)
            reply = client.send(request, stream=True)
            assert next(reply.iter_lines()) == "event: sources"
        reply.close()
    assert service.shut_down
    assert not service.answering_at_shut_down


def test_a_stream_tells_where_the_question_stands_in_the_queue(
    url: str, service: FakeService
) -> None:
    service.ahead = 2
    events = stream(url, question=QUESTION)
    assert [(event.event, event.json()) for event in events[:2]] == [
        ("queued", {"position": 2, "wait_s": 3.0}),
        ("queued", {"position": 1, "wait_s": 1.5}),
    ]
    assert events[2].event == "sources"


def test_reasoning_is_streamed_apart_and_only_if_asked_for(url: str, service: FakeService) -> None:
    service.thoughts = ("Three", " years?")
    asked, unasked = (stream(url, question=QUESTION, reasoning=told) for told in (True, False))
    thoughts = [event.json()["text"] for event in asked if event.event == "reasoning"]
    assert thoughts == ["Three", " years?"]
    assert asked[-1].json()["reasoning"] == "Three years?"
    assert {event.event for event in unasked} == {"sources", "token", "done"}
    assert unasked[-1].json() == ANSWER
