"""Any LangChain chat model as the answerer sees it, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from rag_service.generation.backend import CallOptions, whole_reply
from rag_service.generation.remote import LangChainBackend

ASKED = [HumanMessage("How long?")]
THOUGHT = "The passage says\nthree years.\n"
OPENED_BY_TEMPLATE = f"{THOUGHT}</think>\n\nThree years [1]."


class Letters(BaseChatModel):
    """Streams its replies a few letters at a time, one reply per call."""

    replies: list[str]
    finish_reason: str = "stop"
    size: int = 3

    @property
    def _llm_type(self) -> str:
        return "letters"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self.replies.pop(0)))])

    def _stream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> Iterator[ChatGenerationChunk]:
        text = self.replies.pop(0)
        for start in range(0, len(text), self.size):
            piece = AIMessageChunk(content=text[start : start + self.size])
            yield ChatGenerationChunk(message=piece)
        end = AIMessageChunk(content="", response_metadata={"finish_reason": self.finish_reason})
        yield ChatGenerationChunk(message=end)


@pytest.fixture
def opened() -> Iterator[Any]:
    """Makes backends and closes them after the test."""
    backends: list[LangChainBackend] = []

    def backend(model: BaseChatModel) -> LangChainBackend:
        backends.append(LangChainBackend(model, "other", 4096, "in this process"))
        return backends[-1]

    yield backend
    for made in backends:
        made.close()


def streamed(backend: LangChainBackend) -> tuple[str, str]:
    """Answer and reasoning as a reader of the stream puts them together."""
    answer, thought = "", ""
    for piece in backend.stream(ASKED, CallOptions(100)):
        if piece.additional_kwargs.get("answer_restarts"):
            answer = thought = ""
        answer += str(piece.content)
        thought += piece.additional_kwargs.get("reasoning_content", "")
    return answer, thought


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_reasoning_that_the_server_s_template_opens_is_told_from_the_answer(
    opened: Any, size: int
) -> None:
    backend = opened(Letters(replies=[OPENED_BY_TEMPLATE] * 3, size=size))
    for _ in range(2):
        answer, thought = streamed(backend)
        assert (answer, thought.strip()) == ("Three years [1].", THOUGHT.strip())
    assert whole_reply(backend, ASKED, CallOptions(100)) == "Three years [1]."


def test_once_a_server_has_shown_it_no_reasoning_is_taken_for_the_answer(opened: Any) -> None:
    backend = opened(Letters(replies=[OPENED_BY_TEMPLATE] * 2))
    streamed(backend)
    pieces = list(backend.stream(ASKED, CallOptions(100)))
    assert "".join(str(piece.content) for piece in pieces) == "Three years [1]."
    assert not any("answer_restarts" in piece.additional_kwargs for piece in pieces)


def test_a_reply_without_reasoning_after_one_with_it_is_an_answer(opened: Any) -> None:
    backend = opened(Letters(replies=[OPENED_BY_TEMPLATE, "Two years.", "One year."]))
    answers = [streamed(backend)[0] for _ in range(3)]
    assert answers == ["Three years [1].", "Two years.", "One year."]


def test_a_reply_cut_off_while_reasoning_is_no_answer(opened: Any) -> None:
    backend = opened(Letters(replies=[OPENED_BY_TEMPLATE, THOUGHT], finish_reason="length"))
    streamed(backend)
    assert streamed(backend) == ("", THOUGHT)


@pytest.mark.parametrize(
    ("reply", "answer", "thought"),
    [
        ("<think>Hm.</think>Three years.", "Three years.", "Hm."),
        ("The tag </think> ends it.", "The tag </think> ends it.", ""),
        ("<think>Hm.\n</think>\nYes.\n</think>\nNo.", "Yes.\n</think>\nNo.", "Hm.\n"),
    ],
)
def test_a_closing_tag_elsewhere_changes_nothing(
    opened: Any, reply: str, answer: str, thought: str
) -> None:
    assert streamed(opened(Letters(replies=[reply]))) == (answer, thought)


def test_any_chat_model_of_langchain_will_do(opened: Any) -> None:
    backend = opened(FakeListChatModel(responses=["Three years."]))
    assert streamed(backend) == ("Three years.", "")
