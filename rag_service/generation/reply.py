"""The chat model's reply while it arrives: its text, and how much of that may be shown."""

from __future__ import annotations

from collections.abc import Iterator

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata

from rag_service.generation.backend import continued
from rag_service.generation.llama_messages import REASONING, RESTARTS
from rag_service.generation.prompts import may_become_no_answer
from rag_service.types import ReasoningEvent, TokenEvent, Usage


class Reply:
    """What the chat model writes, and how much of it may be shown.

    A line that is, or may still become, NO_ANSWER is held back. What was shown before such
    a line cannot be taken back; ``begun`` says that there is something.
    """

    def __init__(self) -> None:
        self.text = ""
        self.reasoning = ""
        self.usage = Usage()
        self.cut = False
        self.begun = False
        self._held = ""
        self._line_open = False  # the line being written has proved to be no marker

    def push(self, piece: AIMessageChunk) -> Iterator[ReasoningEvent | TokenEvent]:
        """What may be shown now."""
        content, thought = str(piece.content), str(piece.additional_kwargs.get(REASONING, ""))
        if RESTARTS in piece.additional_kwargs:
            self.reasoning, self._held, self._line_open = "", "", False
        self.text = continued(self.text, piece)
        self.reasoning += thought
        if piece.usage_metadata:
            self.usage = _usage(piece.usage_metadata)
        self.cut |= piece.response_metadata.get("finish_reason") == "length"
        if thought:
            yield ReasoningEvent(thought)
        if ready := "".join(map(self._push, content.splitlines(keepends=True))):
            yield TokenEvent(ready)

    def rest(self) -> str:
        """What was held back; the white space before an answer is not part of it."""
        held, self._held = self._held, ""
        shown = held if self.begun else held.lstrip()
        self.begun |= bool(shown)
        return shown

    def notes(self) -> tuple[str, ...]:
        if not self.cut:
            return ()
        if self.reasoning and not self.text.strip():
            return ("The model spent all of its tokens on thinking: raise max_tokens.",)
        return ("The answer was cut off: the model had reached the most tokens allowed.",)

    def _push(self, part: str) -> str:
        """``part`` holds no line break but at its end."""
        self._held += part
        if not self._line_open and may_become_no_answer(self._held):
            return ""
        self._line_open = not part.endswith("\n")
        return self.rest()


def _usage(counted: UsageMetadata) -> Usage:
    return Usage(
        counted["input_tokens"],
        counted["output_tokens"],
        counted.get("input_token_details", {}).get("cache_read", 0),
        counted.get("output_token_details", {}).get("reasoning", 0),
    )
