"""The model's own chat template, rendered so that no document text can pose as markup.

A chat template writes control tokens such as ``<|im_end|>`` as text. If the messages were
rendered into it and the whole tokenised, a document that contains ``<|im_end|>`` would end
its message and speak as the system. So the template is rendered with a placeholder in
place of each content, and cut at the placeholders: only what the template itself wrote may
become control tokens.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal

from rag_service.errors import GenerationError
from rag_service.generation.output_text import THINK_CLOSE, THINK_OPEN

ChatRole = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """One message as templates know it. ``example``: it is the same in every conversation."""

    role: ChatRole
    content: str
    example: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the prompt; only ``markup`` may contain control tokens."""

    text: str
    markup: bool


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """``thinking``: the template ends inside an opened reasoning block.

    The first ``stable`` segments are the system message, the examples and their markup: the
    same for every question asked with them.
    """

    segments: tuple[Segment, ...]
    thinking: bool
    stable: int = 0


class ChatTemplate:
    """A Jinja chat template from a model file."""

    def __init__(
        self, template: str, *, bos_token: str, eos_token: str, thinking: bool = False
    ) -> None:
        """``thinking``: what templates that know a switch for it are told.

        Raises jinja2's TemplateSyntaxError when ``template`` is not Jinja.
        """
        self._thinking = thinking
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter  # 0.3 s

        self._render = Jinja2ChatFormatter(template, eos_token=eos_token, bos_token=bos_token)
        self._nonce = secrets.token_hex(8)
        self._placeholder = re.compile(rf"\[\[{self._nonce}:(\d+)\]\]")

    def render(self, turns: Sequence[ChatTurn]) -> RenderedPrompt:
        """Lay out a conversation as a prompt that ends where the answer begins.

        Some templates refuse a system message or two messages of one role in a row, and
        some drop the system message silently. Then the system text goes in front of the
        user's, and neighbours are joined.

        Raises:
            GenerationError: the template can express the conversation neither way.
        """
        reason = "it leaves out or repeats a message"
        for arrangement in (list(turns), _join_neighbours(_as_user(turns))):
            try:
                segments = self._segments(arrangement)
            except Exception as error:  # noqa: BLE001  a template is foreign code
                reason = str(error)
                continue
            if segments is not None:
                if arrangement[0].role != "system" and turns[0].role == "system":
                    segments = _system_apart(segments, turns[0].content.strip())
                stable = _stable(turns, segments)
                return RenderedPrompt(tuple(segments), _opens_thinking(segments), stable)
        raise GenerationError(
            f"The model's chat template cannot express this conversation: {reason}."
        )

    def _segments(self, turns: Sequence[ChatTurn]) -> list[Segment] | None:
        """Cut the rendered template at the placeholders; None when one is not there once."""
        messages = [
            {"role": turn.role, "content": self._stand_in(number, turn.content)}
            for number, turn in enumerate(turns)
        ]
        # Templates that do not know enable_thinking ignore it.
        text = self._render(messages=messages, enable_thinking=self._thinking).prompt
        found = sorted(int(match[1]) for match in self._placeholder.finditer(text))
        if found != [number for number, turn in enumerate(turns) if turn.content.strip()]:
            return None
        return list(self._cut(text, [turn.content for turn in turns]))

    def _stand_in(self, number: int, content: str) -> str:
        """The placeholder, in the content's own white space: templates may trim that or not."""
        body = content.strip()
        return content.replace(body, f"[[{self._nonce}:{number}]]", 1) if body else content

    def _cut(self, text: str, contents: Sequence[str]) -> Iterator[Segment]:
        position = 0
        for match in self._placeholder.finditer(text):
            content = contents[int(match[1])]
            before, inside, end = _with_white_space(text, position, match, content)
            yield from _segment(before, markup=True)
            yield from _segment(inside, markup=False)
            position = end
        yield from _segment(text[position:], markup=True)


def _with_white_space(
    text: str, position: int, match: re.Match[str], content: str
) -> tuple[str, str, int]:
    """Give the content the white space that belongs to its first and last word.

    That is its own, as far as the template has kept it, and the template's spaces in front:
    tokenisers treat a word together with the space before it. Returns the markup before,
    the content, and where the markup goes on.
    """
    body = content.strip()
    lead, _, trail = content.partition(body)
    before, inside, end = text[position : match.start()], body, match.end()
    if before.endswith(lead):
        before, inside = before[: len(before) - len(lead)], lead + inside
    if text.startswith(trail, end):
        inside, end = inside + trail, end + len(trail)
    markup = before.rstrip(" ")
    return markup, before[len(markup) :] + inside, end


def _segment(text: str, *, markup: bool) -> Iterator[Segment]:
    if text:
        yield Segment(text, markup)


def _system_apart(segments: Sequence[Segment], system: str) -> list[Segment]:
    """Cut the message that the system's text was put in front of behind that text."""
    first = next(n for n, segment in enumerate(segments) if not segment.markup)
    text = segments[first].text
    end = text.find(system) + len(system)
    end += len(text[end:]) - len(text[end:].lstrip())
    parts = (*_segment(text[:end], markup=False), *_segment(text[end:], markup=False))
    return [*segments[:first], *parts, *segments[first + 1 :]]


def _stable(turns: Sequence[ChatTurn], segments: Sequence[Segment]) -> int:
    """How many segments come before the content of the first message that may differ."""
    contents = [number for number, segment in enumerate(segments) if not segment.markup]
    same = list(takewhile(lambda turn: turn.role == "system" or turn.example, turns))
    return contents[len(same)] if 0 < len(same) < len(contents) else 0


def _opens_thinking(segments: Sequence[Segment]) -> bool:
    if not segments or not segments[-1].markup:
        return False
    tail = segments[-1].text
    return tail.rfind(THINK_OPEN) > tail.rfind(THINK_CLOSE)


def _as_user(turns: Sequence[ChatTurn]) -> list[ChatTurn]:
    return [replace(turn, role="user") if turn.role == "system" else turn for turn in turns]


def _join_neighbours(turns: Sequence[ChatTurn]) -> list[ChatTurn]:
    joined: list[ChatTurn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            joined[-1] = replace(turn, content=f"{joined[-1].content}\n\n{turn.content}")
        else:
            joined.append(turn)
    return joined
