"""The JSON shapes of the OpenAI-compatible interface.

https://platform.openai.com/docs/api-reference/chat, as far as it makes sense here. Every
parameter of a request is one of these:

* honoured: the fields of `CompletionRequest`;
* ignored, and named in the reply's ``rag.ignored``: it would only tune how the text is drawn or
  how OpenAI runs its service (`IGNORED`);
* refused, unless its value changes nothing: the client counts on what it asks for (`REFUSED`).
  A grammar or a JSON schema is among them: a bad one ends the process in llama.cpp;
* unknown, and refused, so that a misspelt one is never silently ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from rag_service.api.filters import FiltersIn
from rag_service.api.schemas import AnswerResponse, TopK
from rag_service.api.shapes import RequestShape, Shape, Text

MOST_MESSAGES = 10_000
IGNORED = frozenset(
    {
        "frequency_penalty",
        "metadata",
        "moderation",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "service_tier",
        "store",
        "top_p",
        "user",
        "verbosity",
    }
)
# By parameter: the values that ask for nothing, besides null.
REFUSED: dict[str, tuple[Any, ...]] = {
    "audio": (),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "response_format": ({"type": "text"},),
    "stop": ([], ""),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "web_search_options": (),
}


class TextPart(RequestShape):
    """A part of a message. Images, sound and files are refused."""

    type: Literal["text"] = Field(description="Only text.")
    text: Text = Field(description="The text.")


class MessageIn(RequestShape):
    """A message. Other fields, such as those of a reply that is sent back, do not matter."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant"] = Field(
        description="Messages of system and developer are ignored: the answer comes from the "
        "documents, by the service's own rules."
    )
    content: Text | list[TextPart] | None = Field(None, description="The text.")

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(RequestShape):
    """How a stream is to be."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool | None = Field(None, description="Whether the last chunk counts tokens.")


class RagOptions(RequestShape):
    """What OpenAI's interface has no parameter for; `extra_body={"rag": …}` in its client."""

    top_k: TopK | None = Field(None, description="Passages handed to the answer.")
    filters: FiltersIn | None = Field(None, description="Restricts the documents asked.")
    reasoning: bool = Field(
        False, description="Return what a thinking model thought, as `reasoning_content`."
    )
    source_list: bool = Field(True, description="Put the cited sources at the end of the text.")


Tokens = Annotated[int, Field(ge=1, le=1_048_576)]


class CompletionRequest(RequestShape):
    """A question with its conversation. Only those parameters of OpenAI's are listed that have
    an effect; some others are ignored, which the reply says, or refused.
    """

    model_config = ConfigDict(extra="allow")

    model: Text = Field(description="Name of the collection asked.", examples=["default"])
    messages: list[MessageIn] = Field(
        min_length=1,
        max_length=MOST_MESSAGES,
        description="The conversation. The last message is the question.",
    )
    stream: bool | None = Field(None, description="Answer as server-sent events.")
    stream_options: StreamOptions | None = Field(None, description="Details of the stream.")
    max_tokens: Tokens | None = Field(None, description="Longest answer, in tokens.")
    max_completion_tokens: Tokens | None = Field(None, description="The same, newer name.")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        None, description="0: the likeliest answer; unset: setting chat.temperature."
    )
    seed: int | None = Field(None, description="The same seed gives the same answer.")
    rag: RagOptions | None = Field(None, description="Options of this service alone.")

    @model_validator(mode="after")
    def _check_others(self) -> Self:
        for name, value in self.others.items():
            if name in REFUSED:
                neutral = REFUSED[name]
                if not any(type(value) is type(one) and value == one for one in neutral):
                    raise ValueError(f"the parameter {name!r} is not supported here; leave it out")
            elif name not in IGNORED:
                raise ValueError(f"{name[:60]!r} is not a known parameter")
        return self

    @property
    def others(self) -> dict[str, Any]:
        """The parameters that are no fields; null is as good as none."""
        extra = self.model_extra or {}
        return {name: value for name, value in extra.items() if value is not None}

    @property
    def ignored(self) -> list[str]:
        """What the reply has to own up to."""
        roles = {message.role for message in self.messages} & {"system", "developer"}
        told = [f"messages of the {role}" for role in sorted(roles)]
        return told + sorted(IGNORED & self.others.keys())

    @property
    def options(self) -> RagOptions:
        return self.rag or RagOptions()


class PromptDetails(Shape):
    """Of the tokens read."""

    cached_tokens: int = Field(description="Known from the question before.")


class CompletionDetails(Shape):
    """Of the tokens written."""

    reasoning_tokens: int = Field(description="Before the answer, thinking.")


class CompletionUsage(Shape):
    """Tokens of the chat model; zeros when none ran."""

    prompt_tokens: int = Field(description="Tokens read.")
    completion_tokens: int = Field(description="Tokens written.")
    total_tokens: int = Field(description="Both.")
    prompt_tokens_details: PromptDetails = Field(description="More on the tokens read.")
    completion_tokens_details: CompletionDetails = Field(description="More on the tokens written.")


class RagReply(AnswerResponse):
    """The reply of `POST /ask`, with what of the request had no effect."""

    ignored: list[str] = Field(description="Parts of the request that had no effect.")


class MessageOut(Shape):
    """The answer."""

    role: Literal["assistant"] = Field("assistant", description="Always assistant.")
    content: str = Field(description="The answer with [n], then the list of its sources.")
    reasoning_content: str | None = Field(
        None, description="What a thinking model thought; only if asked for."
    )


class ChoiceOut(Shape):
    """The one answer."""

    index: Literal[0] = Field(0, description="Always 0.")
    message: MessageOut = Field(description="What the assistant says.")
    finish_reason: Literal["stop", "length"] = Field(description="length: it was cut off.")
    logprobs: None = Field(None, description="Always null.")


class _Reply(Shape):
    id: str = Field(description="Holds the request id.")
    created: int = Field(description="Seconds since 1970.")
    model: str = Field(description="The collection.")


class Completion(_Reply):
    """An answer."""

    object: Literal["chat.completion"] = Field("chat.completion", description="The kind.")
    choices: list[ChoiceOut] = Field(description="One.")
    usage: CompletionUsage = Field(description="Token counts.")
    rag: RagReply = Field(description="Citations, sources, confidence and all else.")


class _Sparse(Shape):
    @model_serializer(mode="wrap")
    def _without_nothing(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class Delta(_Sparse):
    """What a chunk adds to the message. Fields that are not set are left out."""

    role: Literal["assistant"] | None = Field(None, description="In the first chunk.")
    content: str | None = Field(None, description="The next piece of the answer.")
    reasoning_content: str | None = Field(None, description="The next piece of the reasoning.")


class DeltaChoice(Shape):
    """The one answer, so far."""

    index: Literal[0] = Field(0, description="Always 0.")
    delta: Delta = Field(description="What comes next.")
    finish_reason: Literal["stop", "length"] | None = Field(None, description="In the last chunk.")


class CompletionChunk(_Reply, _Sparse):
    """A piece of an answer. Fields that are not set are left out."""

    object: Literal["chat.completion.chunk"] = Field("chat.completion.chunk", description="Kind.")
    choices: list[DeltaChoice] = Field(description="One; none in the chunk that counts tokens.")
    usage: CompletionUsage | None = Field(None, description="Only with include_usage.")
    rag: RagReply | None = Field(None, description="With finish_reason.")


class ModelOut(Shape):
    """A collection, which is a model to OpenAI's clients."""

    id: str = Field(description="Name of the collection.")
    object: Literal["model"] = Field("model", description="The kind.")
    created: int = Field(description="Last change, in seconds since 1970; 0: never.")
    owned_by: str = Field("local-rag-service", description="This service.")


class ModelsOut(Shape):
    """All collections, by name."""

    object: Literal["list"] = Field("list", description="The kind.")
    data: list[ModelOut] = Field(description="All collections, by name.")
