"""Prompt templates, turned into chat messages.

Only the template is ever searched for variables: braces in questions and documents stay
what they are.

What is the same for every question of a language comes first, the system part, which holds
no variable, and the examples, if they are shown: a chat model can keep its state of them
(prefix cache).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.prompts import (
    ChatPromptTemplate,
    HumanMessagePromptTemplate,
    MessagesPlaceholder,
)

from rag_service.generation.context import disarmed, fence, quoted
from rag_service.generation.markers import without_markers
from rag_service.generation.prompt_files import (
    EXAMPLE,
    LANGUAGES,
    NO_ANSWER,
    VARIABLE,
    ExamplePassage,
    PromptFiles,
    read_prompt_files,
)
from rag_service.generation.refusal import LookedFor, Place, refusal_text
from rag_service.settings import AnswerStyle
from rag_service.text.language import to_traditional
from rag_service.types import Chunk, Hit, Turn

_NOTHING_TOLD = LookedFor()

_ROLE_NAMES = {
    "zh": {"user": "用户", "assistant": "助手"},
    "en": {"user": "User", "assistant": "Assistant"},
}

# The marker alone on a line (with a citation or punctuation around it), or at the head
# of the answer with an explanation after it, as small models like to write.
_ALONE = re.compile(r"^[\W_]*no[ _]answer(?:[\W_]|\d)*$", re.IGNORECASE | re.MULTILINE)
_BEFORE_THE_MARKER = re.compile(r"\A[\W_]+")
_AT_THE_HEAD = re.compile(rf"^\W*{NO_ANSWER}\s*[^\w\s]")


def is_no_answer(text: str) -> bool:
    """Whether the model said that the passages do not answer the question."""
    return bool(_ALONE.search(text) or _AT_THE_HEAD.match(text))


def may_become_no_answer(text: str) -> bool:
    """Whether a reply, or a line of it, that begins with ``text`` may be the marker."""
    head = _BEFORE_THE_MARKER.sub("", text)[: len(NO_ANSWER)].upper().replace(" ", "_")
    return head == NO_ANSWER[: len(head)] and (len(head) < len(NO_ANSWER) or is_no_answer(text))


@dataclass(frozen=True, slots=True)
class PromptLibrary:
    """The checked prompt files, and how answers are asked for.

    ``style`` "steps" asks for the steps that lead to the answer; ``show_examples`` puts the
    examples of that style before the question.
    """

    files: PromptFiles
    style: AnswerStyle = "plain"
    show_examples: bool = False

    @classmethod
    def load(
        cls, folder: Path | None, *, style: AnswerStyle = "plain", show_examples: bool = False
    ) -> PromptLibrary:
        """Read the built-in files, each replaced by the one of its name in ``folder``.

        Raises:
            PromptError: a file is not as it should be; see ``read_prompt_files``.
        """
        return cls(read_prompt_files(folder), style, show_examples)

    def answer_template(self, language: str) -> ChatPromptTemplate:
        """Prompt of an answer; variables ``context``, ``question``, optional ``history``."""
        task = "steps" if self.style == "steps" else "answer"
        parts = self._parts(task, language)
        return ChatPromptTemplate.from_messages(
            [
                SystemMessage(parts["system"]),
                *(self._examples(task, language) if self.show_examples else ()),
                MessagesPlaceholder("history", optional=True),
                _human(parts["user"]),
            ]
        )

    def answer_messages(
        self, question: str, context: str, language: str, history: Sequence[Turn]
    ) -> list[BaseMessage]:
        """Messages that ask the chat model to answer from ``context``.

        Citation numbers are taken out of earlier answers, since they counted the
        passages of another question.
        """
        return self.answer_template(language).format_messages(
            context=context,
            question=disarmed(question),
            history=[_message(turn) for turn in history],
        )

    def frames(self) -> list[list[BaseMessage]]:
        """By language, the messages of an answer without passages and question."""
        return [self.answer_messages("", "", language, ()) for language in LANGUAGES]

    def condense_messages(
        self, question: str, history: Sequence[Turn], language: str
    ) -> list[BaseMessage]:
        """Messages that ask for a question understandable without ``history``."""
        parts = self._parts("condense", language)
        template = ChatPromptTemplate.from_messages(
            [SystemMessage(parts["system"]), _human(parts["user"])]
        )
        return template.format_messages(question=question, history=_transcript(history, language))

    def draft_messages(self, title: str, passage: str, language: str) -> list[BaseMessage]:
        """Messages that ask for a question which ``passage`` answers, and its answer."""
        parts = self._parts("draft", language)
        template = ChatPromptTemplate.from_messages(
            [SystemMessage(parts["system"]), _human(parts["user"])]
        )
        return template.format_messages(title=" ".join(title.split()), passage=quoted(passage))

    def refusal(
        self,
        question: str,
        language: str,
        terms: LookedFor = _NOTHING_TOLD,
        places: Sequence[Place] = (),
    ) -> str:
        """What the user is told when the documents do not hold the answer."""
        return refusal_text(self._parts("refusal", language), question, terms, places)

    def small_talk(self, language: str) -> str:
        """The reply to a greeting or thanks; "" if the template has none."""
        return self._parts("refusal", language).get("small_talk", "")

    def _parts(self, task: str, language: str) -> Mapping[str, str]:
        parts = self.files.templates[f"{task}.{_script_family(language)}.md"]
        return {part: _in_script(text, language) for part, text in parts.items()}

    def _examples(self, task: str, language: str) -> Iterator[BaseMessage]:
        """Each as the two turns that a real question and its answer would be."""
        user = self._parts(task, language)["user"]
        for example in self.files.examples[f"{task}.{_script_family(language)}.jsonl"]:
            context = fence([Hit(_chunk(passage), 1.0) for passage in example.passages])
            asked = _fill(user, context=context, question=disarmed(example.question))
            answer = _in_script(example.answer, language)
            yield HumanMessage(_in_script(asked, language), additional_kwargs={EXAMPLE: True})
            yield AIMessage(answer, additional_kwargs={EXAMPLE: True})


def _fill(body: str, **values: str) -> str:
    return VARIABLE.sub(lambda found: values[found[1]], body)


def _human(body: str) -> HumanMessagePromptTemplate:
    pieces = VARIABLE.split(body)  # literal text and variable names in turn
    pieces[::2] = [text.replace("{", "{{").replace("}", "}}") for text in pieces[::2]]
    pieces[1::2] = [f"{{{name}}}" for name in pieces[1::2]]
    return HumanMessagePromptTemplate.from_template("".join(pieces))


def _message(turn: Turn) -> BaseMessage:
    text = disarmed(turn.content)  # answers quote documents
    return AIMessage(without_markers(text)) if turn.role == "assistant" else HumanMessage(text)


def _chunk(passage: ExamplePassage) -> Chunk:
    text = passage.text
    return Chunk(
        0, 0, 0, passage.source, passage.title, passage.section, passage.page, 0, len(text), text
    )


def _in_script(text: str, language: str) -> str:
    return to_traditional(text) if language == "zh-Hant" else text


def _transcript(history: Sequence[Turn], language: str) -> str:
    """One line per turn, so that no turn can contain what looks like another."""
    names = _ROLE_NAMES[_script_family(language)]
    return "\n".join(
        f"{names[turn.role]}: {' '.join(str(_message(turn).content).split())}" for turn in history
    )


def _script_family(language: str) -> str:
    return "zh" if language.startswith("zh") else "en"
