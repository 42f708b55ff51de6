"""The OpenAI-compatible interface, used by OpenAI's own client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from fastapi.testclient import TestClient
from openai import OpenAI

from rag_service.api.app import create_app
from rag_service.api.openai_conversion import history_of, source_list
from rag_service.api.openai_schemas import CompletionRequest
from rag_service.errors import DeadlineExceeded, GenerationError, Overloaded, QuestionTooLong
from rag_service.settings import ApiSettings, Settings
from rag_service.types import Answer, Statement, StatementStatus, Turn, Usage
from tests.api.conftest import served
from tests.api.fakes import REFUSAL, TEST_HOST, FakeService
from tests.api.test_ask import ANSWER, QUESTION

TEXT = f"{ANSWER['answer']}\n\nSources:\n[1] manuals/car.md, page 1"
MESSAGES: Any = [{"role": "user", "content": QUESTION}]
HEADERS = {"X-Request-ID": "test-1"}


@pytest.fixture
def openai_client(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


def create(client: OpenAI, messages: Any = MESSAGES, **more: Any) -> Any:
    return client.chat.completions.create(
        model="default", messages=messages, extra_headers=HEADERS, **more
    )


# Answers


def test_a_completion_is_the_answer_with_its_sources_below(openai_client: OpenAI) -> None:
    completion = create(openai_client)
    (choice,) = completion.choices
    assert (choice.index, choice.message.role, choice.message.content) == (0, "assistant", TEXT)
    assert (choice.finish_reason, choice.logprobs) == ("stop", None)
    assert (completion.id, completion.object) == ("chatcmpl-test-1", "chat.completion")
    assert completion.model == "default"
    assert completion.usage.model_dump(exclude_none=True) == {
        "prompt_tokens": 11,
        "completion_tokens": 5,
        "total_tokens": 16,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def test_the_native_reply_rides_in_an_extra_field(openai_client: OpenAI) -> None:
    assert create(openai_client).rag == {**ANSWER, "ignored": []}


def doubted_answer(sentence: str, start: int, status: StatementStatus) -> Answer:
    return Answer(
        answer=sentence,
        status="answered",
        generator="chat",
        confidence=0.9,
        citations=(),
        sources=(),
        dropped=(),
        model="fake",
        collection="default",
        revision=1,
        usage=Usage(),
        timings={},
        statements=(Statement(start, len(sentence), status, 0.1, ()),),
    )


@pytest.mark.parametrize(
    ("answer", "start", "status", "heading"),
    [
        ("Yes. It flies at night.", 5, "unsupported", "No source supports:"),
        ("它在夜里会飞。", 0, "unsupported", "以下语句没有来源支持："),
        ("它在夜裡會飛。", 0, "unsupported", "以下語句沒有來源支持："),
        (
            "It flies.",
            0,
            "unverified",
            "Not verified, because the sources are in another language:",
        ),
        ("它在夜里会飞。", 0, "unverified", "以下语句与来源的语言不同，未能核实："),
        ("它在夜裡會飛。", 0, "unverified", "以下語句與來源的語言不同，未能核實："),
    ],
)
def test_doubted_sentences_are_listed_below_and_taken_off_again(
    answer: str, start: int, status: StatementStatus, heading: str
) -> None:
    listed = f"\n\n{heading}\n- {answer[start:]}"
    assert source_list(doubted_answer(answer, start, status)) == listed
    turns: Any = [{"role": "assistant", "content": answer + listed}, *MESSAGES]
    body = CompletionRequest(model="default", messages=turns)
    assert history_of(body) == (Turn("assistant", answer),)


def test_a_stream_ends_with_the_sources_the_reason_and_the_native_reply(
    openai_client: OpenAI,
) -> None:
    chunks = list(create(openai_client, stream=True))
    assert {(chunk.id, chunk.object, chunk.model) for chunk in chunks} == {
        ("chatcmpl-test-1", "chat.completion.chunk", "default")
    }
    first, *pieces, last = [chunk.choices[0] for chunk in chunks]
    assert (first.delta.role, first.delta.content) == ("assistant", "")
    assert [piece.finish_reason for piece in pieces] == [None] * 7
    assert "".join(piece.delta.content for piece in pieces) == TEXT
    assert (last.delta.content, last.finish_reason) == (None, "stop")
    assert chunks[-1].rag == {**ANSWER, "ignored": []}
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_counts_tokens_in_a_last_chunk_if_asked_to(openai_client: OpenAI) -> None:
    *_, before, last = create(openai_client, stream=True, stream_options={"include_usage": True})
    assert (before.usage, before.choices[0].finish_reason) == (None, "stop")
    assert (last.choices, last.usage.total_tokens) == ([], 16)


def test_a_stream_is_events_without_names_and_says_that_it_is_done(url: str) -> None:
    body = {"model": "default", "messages": MESSAGES, "stream": True}
    response = httpx.post(f"{url}/v1/chat/completions", json=body)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, done, nothing = response.text.split("\n\n")
    assert (done, nothing) == ("data: [DONE]", "")
    assert all(json.loads(event.removeprefix("data: ")) for event in events)


def test_the_queue_is_told_in_comments_that_clients_pass_over(
    url: str, service: FakeService, openai_client: OpenAI
) -> None:
    service.ahead = 1
    body = {"model": "default", "messages": MESSAGES, "stream": True}
    text = httpx.post(f"{url}/v1/chat/completions", json=body).text
    assert text.startswith(": queued at position 1\n\ndata: ")
    chunks = create(openai_client, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT


def test_chinese_answers_have_a_chinese_list_of_sources(openai_client: OpenAI) -> None:
    completion = create(openai_client, [{"role": "user", "content": "年假有几天？"}])
    assert completion.choices[0].message.content.endswith("\n\n来源：\n[1] 规章.txt")


def test_the_list_of_sources_can_be_left_out(openai_client: OpenAI) -> None:
    completion = create(openai_client, extra_body={"rag": {"source_list": False}})
    assert completion.choices[0].message.content == ANSWER["answer"]


def test_a_refusal_cites_nothing(openai_client: OpenAI) -> None:
    completion = create(openai_client, [{"role": "user", "content": "zebra"}])
    assert completion.choices[0].message.content == REFUSAL
    assert completion.rag["status"] == "refused"


def test_reasoning_is_apart_and_only_there_if_asked_for(
    openai_client: OpenAI, service: FakeService
) -> None:
    service.thoughts = ("Three", " years?")
    asked: Any = {"extra_body": {"rag": {"reasoning": True}}}
    assert create(openai_client).choices[0].message.reasoning_content is None
    message = create(openai_client, **asked).choices[0].message
    assert (message.content, message.reasoning_content) == (TEXT, "Three years?")
    deltas = [chunk.choices[0].delta for chunk in create(openai_client, stream=True, **asked)]
    thoughts = [getattr(delta, "reasoning_content", None) for delta in deltas]
    assert [thought for thought in thoughts if thought] == ["Three", " years?"]


def test_collections_are_the_models(openai_client: OpenAI, service: FakeService) -> None:
    service.create_collection("empty")
    models = openai_client.models.list().data
    assert [(model.id, model.object, model.created) for model in models] == [
        ("default", "model", 1735787045),
        ("empty", "model", 0),
    ]
    assert openai_client.models.retrieve("default") == models[0]


# What reaches the core


def test_the_conversation_becomes_question_and_history(
    openai_client: OpenAI, service: FakeService
) -> None:
    messages = [
        {"role": "system", "content": "Answer in French."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": TEXT},
        {"role": "developer", "content": "Ignore the documents."},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    ]
    completion = create(openai_client, messages)
    assert service.asked["question"] == QUESTION
    assert service.asked["history"] == (
        Turn("user", "Hello"),
        Turn("assistant", str(ANSWER["answer"])),
    )
    assert completion.rag["ignored"] == ["messages of the developer", "messages of the system"]


def test_a_reply_can_be_sent_back_as_it_came(openai_client: OpenAI, service: FakeService) -> None:
    reply = create(openai_client).choices[0].message
    create(openai_client, [*MESSAGES, reply, *MESSAGES])
    assert service.asked["history"] == (
        Turn("user", QUESTION),
        Turn("assistant", str(ANSWER["answer"])),
    )


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_numbers_and_options_reach_the_core(
    openai_client: OpenAI, service: FakeService, name: str
) -> None:
    options = {"top_k": 3, "filters": {"doc_ids": [1]}}
    numbers = {name: 20, "temperature": 0.5, "seed": 2**40}
    create(openai_client, extra_body={"rag": options}, **numbers)
    assert service.asked["max_tokens"] == 20
    assert (service.asked["temperature"], service.asked["seed"]) == (0.5, 2**40 % (2**32 - 1))
    assert service.asked["top_k"] == 3
    assert getattr(service.asked["filters"], "doc_ids", None) == (1,)


def test_parameters_that_only_tune_the_text_are_ignored_and_named(openai_client: OpenAI) -> None:
    completion = create(openai_client, top_p=0.9, user="me", presence_penalty=0.1)
    assert completion.rag["ignored"] == ["presence_penalty", "top_p", "user"]


NEUTRAL: dict[str, Any] = {
    "n": 1,
    "tools": [],
    "response_format": {"type": "text"},
    "logprobs": False,
    "tool_choice": "none",
    "modalities": ["text"],
}


def test_parameters_that_change_nothing_are_taken(openai_client: OpenAI) -> None:
    completion = create(openai_client, **NEUTRAL)
    assert completion.rag["ignored"] == []


# Refusals


GRAMMAR = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}


@pytest.mark.parametrize(
    "parameter",
    [
        {"n": 2},
        {"tools": [TOOL]},
        {"response_format": {"type": "json_object"}},
        {"response_format": GRAMMAR},
        {"logprobs": True},
        {"stop": ["."]},
        {"extra_body": {"grammar": "root ::= root"}},
        {"extra_body": {"temprature": 0}},
    ],
    ids=lambda parameter: next(iter(parameter.get("extra_body", parameter))),
)
def test_parameters_that_promise_what_is_not_done_are_refused(
    openai_client: OpenAI, service: FakeService, parameter: dict[str, Any]
) -> None:
    (name,) = parameter.get("extra_body", parameter)
    with pytest.raises(openai.BadRequestError, match=repr(name)):
        create(openai_client, **parameter)
    assert service.asked == {}


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([], "messages"),
        ([{"role": "user", "content": " "}], "The question is empty"),
        ([{"role": "assistant", "content": "Hello"}], "the last one must be the user's"),
        ([{"role": "tool", "content": "42", "tool_call_id": "1"}], "messages.0.role"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "messages.0.content"),
    ],
    ids=["none", "blank", "assistant", "tool", "image"],
)
def test_conversations_without_a_question_are_refused(
    openai_client: OpenAI, messages: Any, problem: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=problem):
        create(openai_client, messages)


def test_an_error_has_openais_shape(url: str) -> None:
    body = {"model": "nosuch", "messages": MESSAGES}
    for stream in (False, True):
        response = httpx.post(
            f"{url}/v1/chat/completions", json={**body, "stream": stream}, headers=HEADERS
        )
        assert response.status_code == 404
        assert response.json() == {
            "error": {
                "message": "There is no collection 'nosuch'.",
                "type": "invalid_request_error",
                "param": "model",
                "code": "model_not_found",
                "request_id": "test-1",
            }
        }


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (QuestionTooLong("Long."), openai.BadRequestError, "context_length_exceeded"),
        (Overloaded("Full.", 9), openai.InternalServerError, "overloaded"),
        (DeadlineExceeded("Late."), openai.InternalServerError, "deadline_exceeded"),
        (OSError("secret"), openai.InternalServerError, "internal_error"),
    ],
    ids=["too long", "overloaded", "late", "unexpected"],
)
def test_errors_become_those_of_openais_client(
    openai_client: OpenAI,
    service: FakeService,
    error: Exception,
    kind: type[openai.APIStatusError],
    code: str,
) -> None:
    service.fail_first = error
    with pytest.raises(kind) as raised:
        create(openai_client)
    assert raised.value.code == code
    assert "secret" not in str(raised.value)


def test_a_full_queue_says_when_to_try_again(openai_client: OpenAI, service: FakeService) -> None:
    service.fail_first = Overloaded("Full.", 9)
    with pytest.raises(openai.InternalServerError) as raised:
        create(openai_client)
    assert (raised.value.status_code, raised.value.response.headers["retry-after"]) == (503, "9")


def test_what_took_too_long_is_not_asked_again_by_the_client(
    url: str, service: FakeService
) -> None:
    service.fail_first = DeadlineExceeded("Late.")
    with (
        OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=3) as client,
        pytest.raises(openai.InternalServerError) as raised,
    ):
        create(client)
    assert raised.value.request.headers["x-stainless-retry-count"] == "0"


def test_an_error_within_a_stream_reaches_the_client(
    openai_client: OpenAI, service: FakeService
) -> None:
    service.fail_later = GenerationError("The model stopped.")
    pieces: list[str] = []
    with pytest.raises(openai.APIError, match=r"The model stopped\."):
        pieces += (c.choices[0].delta.content for c in create(openai_client, stream=True))
    assert service.closed.wait(5)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nosuch", 404),
        ("GET", "/v1/chat/completions", 405),
        ("GET", "/v1/models/x", 404),
    ],
)
def test_every_error_below_v1_has_openais_shape(
    client: TestClient, method: str, path: str, status: int
) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert response.json()["error"].keys() == {"message", "type", "param", "code", "request_id"}


def test_a_body_over_the_limit_is_a_bad_request() -> None:
    small = FakeService(Settings(api=ApiSettings(max_body_bytes=2000, allowed_hosts=(TEST_HOST,))))
    with TestClient(create_app(lambda: small)) as client:
        response = client.post("/v1/chat/completions", content="x" * 3000)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "body_too_large")


def test_a_client_that_leaves_a_stream_stops_the_answer() -> None:
    service = FakeService()
    service.hold = "token"
    with (
        served(create_app(lambda: service)) as url,
        OpenAI(base_url=f"{url}/v1", api_key="none") as client,
    ):
        stream = create(client, stream=True)
        assert next(stream).choices[0].delta.role == "assistant"
        stream.close()
        assert service.closed.wait(5)


def test_an_answer_of_white_space_without_end_is_read_at_once() -> None:
    said = "Yes." + " " * 1_000_000 + "No."
    turns: Any = [{"role": "assistant", "content": said}, *MESSAGES]
    assert history_of(CompletionRequest(model="default", messages=turns)) == (
        Turn("assistant", said),
    )
