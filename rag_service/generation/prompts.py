"""Prompt templates: read from files, checked once, turned into chat messages.

The built-in files lie in the package ``prompts``; a folder of the user's own overrides
them file by file. A file is a sequence of parts, each opened by a line ``## name``, and a
variable is a name in braces. Only the template is ever searched for variables: braces in
questions and documents stay what they are.

The system part holds no variable, so that it is the same for every question of a
language and a chat model can keep its state of it (prefix cache).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.prompts import (
    ChatPromptTemplate,
    HumanMessagePromptTemplate,
    MessagesPlaceholder,
)

from rag_service.errors import PromptError
from rag_service.generation.citations import without_markers
from rag_service.text.language import to_traditional
from rag_service.types import Turn

NO_ANSWER = "NO_ANSWER"

# Longest question repeated in a refusal, in characters: enough to recognise it by.
SHOWN_QUESTION_CHARS = 80

# What each file must have: its parts, and the variables of each part.
_PARTS: dict[str, dict[str, frozenset[str]]] = {
    "answer": {"system": frozenset(), "user": frozenset({"context", "question"})},
    "condense": {"system": frozenset(), "user": frozenset({"history", "question"})},
    "refusal": {"message": frozenset({"question"})},
    "draft": {"system": frozenset(), "user": frozenset({"title", "passage"})},
}
_LANGUAGES = ("zh", "en")
_FILE_NAMES = tuple(f"{task}.{language}.md" for task in _PARTS for language in _LANGUAGES)

_HEADING = re.compile(r"^##[ \t]+(\S+)[ \t]*$", re.MULTILINE)
# Letters of any script, so that a translated name is reported, not passed over.
_VARIABLE = re.compile(r"\{([^\W\d]\w*)\}")

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
    """The templates by file name and part, all of them checked."""

    templates: Mapping[str, Mapping[str, str]]

    @classmethod
    def load(cls, folder: Path | None) -> PromptLibrary:
        """Read the built-in files, each replaced by the one of its name in ``folder``.

        Raises:
            PromptError: the folder is missing or holds a file that is none of ours; a
                file is not UTF-8, or lacks or has too many parts or variables.
        """
        own = _own_files(folder) if folder else {}
        texts = {name: _read(name, own.get(name)) for name in _FILE_NAMES}
        return cls({name: _parse(name, text) for name, text in texts.items()})

    def answer_template(self, language: str) -> ChatPromptTemplate:
        """Prompt of an answer; variables ``context``, ``question``, optional ``history``."""
        parts = self._parts("answer", language)
        return ChatPromptTemplate.from_messages(
            [
                SystemMessage(parts["system"]),
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
            context=context, question=question, history=[_message(turn) for turn in history]
        )

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
        return template.format_messages(title=title, passage=passage)

    def refusal(self, question: str, language: str) -> str:
        """What the user is told when the documents do not hold the answer."""
        shown = " ".join(question.split())
        if len(shown) > SHOWN_QUESTION_CHARS:
            shown = shown[:SHOWN_QUESTION_CHARS].rstrip() + "…"
        return self._parts("refusal", language)["message"].replace("{question}", shown)

    def _parts(self, task: str, language: str) -> Mapping[str, str]:
        parts = self.templates[f"{task}.{_script_family(language)}.md"]
        if language == "zh-Hant":
            return {part: to_traditional(text) for part, text in parts.items()}
        return parts


def _own_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise PromptError(f"The prompt folder {folder} does not exist or is not a folder.")
    # Hidden files are left by desktops and version control, not written as prompts.
    found = {path.name: path for path in folder.iterdir() if not path.name.startswith(".")}
    unknown = sorted(found.keys() - set(_FILE_NAMES))
    if unknown:
        raise PromptError(
            f"{folder} holds {', '.join(unknown)}, which is no prompt file. "
            f"Prompt files are named {', '.join(_FILE_NAMES)}."
        )
    return found


def _read(name: str, own: Path | None) -> str:
    try:
        source = own or files("prompts").joinpath(name)
        return source.read_text(encoding="utf-8").removeprefix("\ufeff")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"Prompt file {own or name} cannot be read as UTF-8: {error}") from error


def _parse(name: str, text: str) -> dict[str, str]:
    preamble, *rest = _HEADING.split(text)
    required = _PARTS[name.partition(".")[0]]
    titles = rest[::2]
    if preamble.strip() or titles != list(required):
        headings = " and ".join(f"'## {part}'" for part in required)
        raise PromptError(f"{name}: must consist of {headings}, in this order, and nothing else.")
    parts = {title: body.strip() for title, body in zip(titles, rest[1::2], strict=True)}
    for part, body in parts.items():
        _check_variables(f"{name}, part '{part}'", body, required[part])
    if name.startswith("answer.") and NO_ANSWER not in parts["system"]:
        raise PromptError(
            f"{name}, part 'system': must tell the model to reply {NO_ANSWER} when the "
            "passages do not answer the question; without it the service could not refuse."
        )
    return parts


def _check_variables(place: str, body: str, required: frozenset[str]) -> None:
    found = set(_VARIABLE.findall(body))
    for variable in sorted(required - found):
        raise PromptError(f"{place}: the variable {{{variable}}} is missing.")
    for variable in sorted(found - required):
        raise PromptError(f"{place}: the variable {{{variable}}} does not exist here.")


def _human(body: str) -> HumanMessagePromptTemplate:
    pieces = _VARIABLE.split(body)  # literal text and variable names in turn
    pieces[::2] = [text.replace("{", "{{").replace("}", "}}") for text in pieces[::2]]
    pieces[1::2] = [f"{{{name}}}" for name in pieces[1::2]]
    return HumanMessagePromptTemplate.from_template("".join(pieces))


def _message(turn: Turn) -> BaseMessage:
    if turn.role == "assistant":
        return AIMessage(without_markers(turn.content))
    return HumanMessage(turn.content)


def _transcript(history: Sequence[Turn], language: str) -> str:
    """One line per turn, so that no turn can contain what looks like another."""
    names = _ROLE_NAMES[_script_family(language)]
    return "\n".join(
        f"{names[turn.role]}: {' '.join(str(_message(turn).content).split())}" for turn in history
    )


def _script_family(language: str) -> str:
    return "zh" if language.startswith("zh") else "en"
