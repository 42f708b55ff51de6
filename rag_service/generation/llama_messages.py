"""Between LangChain's messages and what the llama.cpp lane takes and gives."""

from __future__ import annotations

from langchain_core.messages import AIMessageChunk, BaseMessage, ChatMessage
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from rag_service.errors import InvalidRequest
from rag_service.generation.chat_template import ChatRole, ChatTurn
from rag_service.generation.llama_lane import Finished
from rag_service.generation.output_text import Piece
from rag_service.generation.prompt_files import EXAMPLE

REASONING = "reasoning_content"
RESTARTS = "answer_restarts"  # what came before was reasoning too, and is in this message again

ROLES: dict[str, ChatRole] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
}  # LangChain's message types and OpenAI's names


def turn_of(message: BaseMessage) -> ChatTurn:
    """Raises InvalidRequest for anything but text from a user, an assistant or the system."""
    if isinstance(message.content, list) and any(
        isinstance(block, dict) and block.get("type") != "text" for block in message.content
    ):
        raise InvalidRequest("The local chat model takes text only.")
    return ChatTurn(_role(message), str(message.text), EXAMPLE in message.additional_kwargs)


def _role(message: BaseMessage) -> ChatRole:
    kind = message.role if isinstance(message, ChatMessage) else message.type
    role = ROLES.get(kind)
    if role is None:
        raise InvalidRequest(f"The local chat model takes no messages of type {kind!r}.")
    return role


def piece_message(piece: Piece) -> AIMessageChunk:
    """Reasoning goes where LangChain's integrations of thinking models put it."""
    if not piece.reasoning:
        return AIMessageChunk(content=piece.text)
    extra: dict[str, object] = {REASONING: piece.text}
    if piece.restarts:
        extra[RESTARTS] = True
    return AIMessageChunk(content="", additional_kwargs=extra)


def last_message(end: Finished, model_name: str) -> AIMessageChunk:
    return AIMessageChunk(
        content="",
        chunk_position="last",
        response_metadata={"finish_reason": end.reason, "model_name": model_name},
        usage_metadata=UsageMetadata(
            input_tokens=end.prompt,
            output_tokens=end.output,
            total_tokens=end.prompt + end.output,
            input_token_details=InputTokenDetails(cache_read=end.cached),
            output_token_details=OutputTokenDetails(reasoning=end.reasoning),
        ),
    )
