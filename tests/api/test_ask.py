"""POST /ask as JSON: shapes, and every way a request can be wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rag_service.errors import GenerationError, Overloaded
from rag_service.settings import Settings
from rag_service.types import Turn
from tests.api.fakes import LEAVE, REFUSAL, WARRANTY, FakeService

SOURCE = {
    "n": 1,
    "chunk_id": 10,
    "doc_id": 1,
    "source": "manuals/car.md",
    "title": "Car manual",
    "page": 1,
    "char_start": 0,
    "char_end": 31,
    "score": 1.0,
    "text": WARRANTY,
}
ANSWER = {
    "answer": f"{WARRANTY} [1]",
    "status": "answered",
    "generator": "chat",
    "confidence": 0.75,
    "citations": [
        {
            "n": 1,
            "doc_id": 1,
            "source": "manuals/car.md",
            "page": 1,
            "char_start": 0,
            "char_end": 31,
            "quote": WARRANTY,
            "verified": True,
            "added": False,
        }
    ],
    "statements": [
        {
            "char_start": 0,
            "char_end": len(WARRANTY) + len(" [1]"),
            "status": "supported",
            "support": 0.75,
            "citations": [0],
        }
    ],
    "sources": [SOURCE],
    "dropped": [99],
    "model": "fake",
    "collection": "default",
    "revision": 7,
    "usage": {
        "prompt_tokens": 11,
        "completion_tokens": 5,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
    },
    "timings": {"total": 2.5},
    "request_id": "test-1",
    "notes": ["The embedding model knows no Chinese."],
    "reasoning": "",
    "standalone_question": "",
}
QUESTION = "How long is the warranty?"


def ask(client: TestClient, **body: Any) -> Any:
    return client.post("/ask", json=body, headers={"X-Request-ID": "test-1"})


def test_an_answer_has_exactly_the_published_shape(client: TestClient) -> None:
    response = ask(client, question=QUESTION)
    assert (response.status_code, response.json()) == (200, ANSWER)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"


def test_debug_adds_the_legs_of_each_source_and_nothing_else(client: TestClient) -> None:
    legs = {"1": {"lexical": {"rank": 1, "score": 2.0}}}
    assert ask(client, question=QUESTION, debug=True).json() == {**ANSWER, "legs": legs}


def test_an_empty_list_of_documents_is_refused_rather_than_taken_for_all(
    client: TestClient,
) -> None:
    response = ask(client, question=QUESTION, filters={"doc_ids": []})
    assert response.status_code == 422
    assert "doc_ids" in response.json()["error"]["message"]


def test_a_chinese_question_is_answered_from_the_chinese_document(client: TestClient) -> None:
    answer = ask(client, question="年假多少天？").json()
    assert answer["answer"] == f"{LEAVE} [1]"
    assert answer["citations"][0]["source"] == "规章.txt"
    assert answer["citations"][0]["page"] is None


def test_without_evidence_the_answer_is_a_refusal(client: TestClient) -> None:
    answer = ask(client, question="zebra").json()
    assert (answer["status"], answer["answer"]) == ("refused", REFUSAL)
    assert (answer["citations"], answer["sources"]) == ([], [])


def test_filters_restrict_the_documents_asked(client: TestClient) -> None:
    by_source = ask(client, question=QUESTION, filters={"source": "规章*"}).json()
    by_id = ask(client, question=QUESTION, filters={"doc_ids": [1]}).json()
    assert by_source["status"] == "refused"
    assert by_id["sources"][0]["doc_id"] == 1


def test_what_is_asked_reaches_the_core(client: TestClient, service: FakeService) -> None:
    history = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "您好"}]
    numbers = {"top_k": 3, "max_tokens": 20, "temperature": 0.5, "seed": 7}
    ask(client, question=QUESTION, history=history, **numbers)
    assert service.asked == {
        "question": QUESTION,
        "history": (Turn("user", "Hello"), Turn("assistant", "您好")),
        "filters": None,
        **numbers,
    }


def test_reasoning_is_returned_only_if_asked_for(client: TestClient, service: FakeService) -> None:
    service.thoughts = ("Three", " years?")
    assert ask(client, question=QUESTION).json() == ANSWER
    reply = ask(client, question=QUESTION, reasoning=True).json()
    assert reply == {**ANSWER, "reasoning": "Three years?"}


def test_the_generator_is_closed_by_the_thread_that_ran_it(
    client: TestClient, service: FakeService
) -> None:
    ask(client, question=QUESTION)
    assert service.closed.wait(5)
    assert service.closed_by == "answer"


WRONG_BODIES = {
    "blank question": ({"question": " \t\n"}, "question: must not be empty"),
    "invisible question": ({"question": "\u200b\ufeff"}, "question: must not be empty"),
    "no question": ({}, "question: is required"),
    "question of another type": ({"question": 5}, "question: should be a valid string"),
    "NUL in the question": ({"question": "a\0b"}, "question: must not contain the NUL character"),
    "unknown field": ({"question": "a", "colour": 1}, "colour: is not a known field"),
    "top_k too small": (
        {"question": "a", "top_k": 0},
        "top_k: should be greater than or equal to 1",
    ),
    "top_k too large": (
        {"question": "a", "top_k": 101},
        "top_k: should be less than or equal to 100",
    ),
    "top_k as text": ({"question": "a", "top_k": "5"}, "top_k: should be a valid integer"),
    "top_k as a truth value": (
        {"question": "a", "top_k": True},
        "top_k: should be a valid integer",
    ),
    "unknown role": (
        {"question": "a", "history": [{"role": "system", "content": "b"}]},
        "history.0.role: should be 'user' or 'assistant'",
    ),
    "document id beyond SQLite": (
        {"question": "a", "filters": {"doc_ids": [2**63]}},
        "filters.doc_ids.0: should be less than or equal to 9223372036854775807",
    ),
    "half of a character set": (
        {"question": "a", "filters": {"source": "[a-z"}},
        "filters: the source glob '[a-z' has a [ without its ]",
    ),
    "a glob from the root": (
        {"question": "a", "filters": {"source": ["*.md", "/srv/*"]}},
        "filters: the source glob '/srv/*' can match nothing: paths are relative to the ingested "
        "folder, such as manuals/*.pdf",
    ),
    "an empty glob": (
        {"question": "a", "filters": {"source": ""}},
        "filters.source.0: must not be empty",
    ),
    "no tags": (
        {"question": "a", "filters": {"tags": []}},
        "filters.tags: List should have at least 1 item after validation, not 0",
    ),
    "a day that is none": (
        {"question": "a", "filters": {"since": "2023-02-29"}},
        "filters.since: '2023-02-29' is not a day of any calendar",
    ),
    "a date in another notation": (
        {"question": "a", "filters": {"until": "31.5.2024"}},
        "filters.until: '31.5.2024' is not a date; write 2024-05-31, 2024-05 or 2024",
    ),
    "a date as a number": (
        {"question": "a", "filters": {"since": 2024}},
        "filters.since: should be a valid string",
    ),
    "dates the wrong way round": (
        {"question": "a", "filters": {"since": "2024-06", "until": "2024-05"}},
        "filters: since 2024-06-01 is after until 2024-05-31",
    ),
    "pages the wrong way round": (
        {"question": "a", "filters": {"page_from": 7, "page_to": 3}},
        "filters: page 7 is after page 3",
    ),
    "page 0": (
        {"question": "a", "filters": {"page_from": 0}},
        "filters.page_from: should be greater than or equal to 1",
    ),
    "a filter that does not exist": (
        {"question": "a", "filters": {"kind": "pdf"}},
        "filters.kind: is not a known field",
    ),
    "NUL in a glob": (
        {"question": "a", "filters": {"source": "\0"}},
        "filters.source.0: must not contain the NUL character",
    ),
}


@pytest.mark.parametrize(("body", "message"), WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_a_wrong_body_is_refused_with_the_field_named(
    client: TestClient, body: dict[str, Any], message: str
) -> None:
    response = ask(client, **body)
    error = {"code": "invalid_request", "message": message, "request_id": "test-1"}
    assert (response.status_code, response.json()) == (422, {"error": error})


UNREADABLE = {
    "not JSON": (b"{question", 422, "the body is not valid JSON: Expecting property name"),
    "empty": (b"", 422, "the body must be a JSON object"),
    "a list": (b"[]", 422, "the body must be a JSON object"),
    "null": (b"null", 422, "the body must be a JSON object"),
    "not UTF-8": (b'{"question": "\xff\xfe"}', 400, "The body cannot be read"),
    "too deep": (b"[" * 100_000, 400, "The body cannot be read"),
    "NaN": (b'{"question": "a", "top_k": NaN}', 422, "top_k: should be a "),
    "infinite": (b'{"question": "a", "top_k": 1e999}', 422, "top_k: should be a "),
    "endless integer": (b'{"question": "a", "top_k": ' + b"9" * 5000 + b"}", 400, "The body can"),
    "lone surrogate": (b'{"question": "\\ud800"}', 422, "question: must be valid Unicode"),
    "lone surrogate as name": (
        b'{"question": "a", "\\ud800": 1}',
        422,
        "the body: should be a valid string",
    ),
}


@pytest.mark.parametrize(("body", "status", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_body_is_refused_in_the_published_shape(
    client: TestClient, body: bytes, status: int, message: str
) -> None:
    response = client.post("/ask", content=body, headers={"Content-Type": "application/json"})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, "invalid_request")
    assert error["message"].startswith(message)


def test_a_body_that_is_not_called_json_is_refused(client: TestClient) -> None:
    body = json.dumps({"question": QUESTION}).encode()
    response = client.post("/ask", content=body, headers={"Content-Type": "text/plain"})
    assert response.status_code == 422
    assert response.json()["error"]["message"] == (
        "the body must be a JSON object, sent with Content-Type: application/json"
    )


def test_a_question_of_one_megabyte_is_too_long(client: TestClient) -> None:
    response = ask(client, question="x" * 1_000_000)
    assert response.status_code == 413
    assert response.json()["error"] == {
        "code": "question_too_long",
        "message": "The question has 1000000 characters; at most 8000 are accepted "
        "(setting api.max_question_chars).",
        "request_id": "test-1",
    }


def test_the_longest_question_allowed_is_answered(client: TestClient) -> None:
    longest = QUESTION + "?" * (Settings().api.max_question_chars - len(QUESTION))
    assert ask(client, question=longest).status_code == 200
    assert ask(client, question=f"{longest}?").status_code == 413


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("nowhere", 404, "collection_not_found"),
        ("../x", 422, "invalid_collection_name"),
        ("", 422, "invalid_collection_name"),
        ("a\0b", 422, "invalid_request"),
    ],
)
def test_a_wrong_collection_is_refused(
    client: TestClient, name: str, status: int, code: str
) -> None:
    response = ask(client, question=QUESTION, collection=name)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_a_full_queue_is_503_and_says_when_to_come_back(
    client: TestClient, service: FakeService
) -> None:
    service.fail_first = Overloaded("8 questions are waiting.", retry_after=12)
    response = ask(client, question=QUESTION)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "12"
    assert response.json()["error"]["code"] == "overloaded"


def test_a_failure_after_the_first_token_is_an_error_status(
    client: TestClient, service: FakeService
) -> None:
    service.fail_later = GenerationError("The chat model stopped.")
    response = ask(client, question=QUESTION)
    assert response.status_code == 502
    assert response.json()["error"]["message"] == "The chat model stopped."
