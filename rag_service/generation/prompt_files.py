"""Prompt files: the built-in ones and the user's own, read and checked once.

A template is a Markdown file of parts, each opened by a line ``## name``; a variable is a
name in braces, and every other brace is plain text. Examples are a file of JSON lines. What
is wrong is told with file and line, and what would be right.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag_service.errors import PromptError

NO_ANSWER = "NO_ANSWER"
LANGUAGES = ("zh", "en")
# Among the ``additional_kwargs`` of a message: it belongs to an example, so it is the same in
# every conversation.
EXAMPLE = "example"

# What each template must have: its parts, and the variables of each part.
PARTS: dict[str, dict[str, frozenset[str]]] = {
    "answer": {"system": frozenset(), "user": frozenset({"context", "question"})},
    "steps": {"system": frozenset(), "user": frozenset({"context", "question"})},
    "condense": {"system": frozenset(), "user": frozenset({"history", "question"})},
    "refusal": {
        "message": frozenset({"question"}),
        "searched": frozenset({"terms"}),
        "absent": frozenset({"terms"}),
        "between": frozenset(),
        "nearest": frozenset(),
        "page": frozenset({"source", "page"}),
        "small_talk": frozenset(),
    },
    "draft": {"system": frozenset(), "user": frozenset({"title", "passage"})},
}
# What may be left out of a file: it is not said then.
OPTIONAL = {
    "refusal": frozenset({"searched", "absent", "between", "nearest", "page", "small_talk"}),
}
ANSWERING = ("answer", "steps")  # the tasks that answer from passages, and can have examples
TEMPLATE_NAMES = tuple(f"{task}.{language}.md" for task in PARTS for language in LANGUAGES)
EXAMPLE_NAMES = tuple(f"{task}.{language}.jsonl" for task in ANSWERING for language in LANGUAGES)

_HEADING = re.compile(r"##[ \t]+\S+[ \t]*")
# Letters of any script, so that a translated name is reported, not passed over.
VARIABLE = re.compile(r"\{([^\W\d]\w*)\}")
_CITATION = re.compile(r"\[(\d+)\]")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExamplePassage(_Strict):
    """A made-up passage; it is shown as a real one would be."""

    source: str = Field(min_length=1)
    text: str = Field(min_length=1)
    title: str = ""
    page: int | None = None
    section: str = ""


class Example(_Strict):
    """A question, passages, and the answer that the model should write."""

    passages: tuple[ExamplePassage, ...] = Field(min_length=1)
    question: str = Field(min_length=1)
    answer: str = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class PromptFiles:
    """Templates by file name and part, examples by file name; ``own``: the user's files."""

    templates: Mapping[str, Mapping[str, str]]
    examples: Mapping[str, tuple[Example, ...]]
    own: tuple[str, ...] = ()


def read_prompt_files(folder: Path | None) -> PromptFiles:
    """Read the built-in files, each replaced by the one of its name in ``folder``.

    Raises:
        PromptError: the folder is missing or holds a file that is none of ours; a file is
            not UTF-8, or lacks or has too many parts, variables or fields.
    """
    own = _own_files(folder) if folder else {}
    return PromptFiles(
        {name: _template(name, _read(name, own.get(name))) for name in TEMPLATE_NAMES},
        {name: tuple(_examples(_read(name, own.get(name)))) for name in EXAMPLE_NAMES},
        tuple(sorted(own)),
    )


def _own_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise PromptError(f"The prompt folder {folder} does not exist or is not a folder.")
    # Hidden files are left by desktops and version control, not written as prompts.
    found = {path.name: path for path in folder.iterdir() if not path.name.startswith(".")}
    known = (*TEMPLATE_NAMES, *EXAMPLE_NAMES)
    if unknown := sorted(found.keys() - set(known)):
        meant = difflib.get_close_matches(unknown[0], known, n=1)
        raise PromptError(
            f"{folder} holds {', '.join(unknown)}, which is no prompt file. "
            + (f"Is {meant[0]} meant? " if meant else "")
            + f"Prompt files are named {', '.join(known)}."
        )
    return found


@dataclass(frozen=True, slots=True)
class _File:
    """``place`` is what messages call it: a path of the user's, or a built-in name."""

    place: str
    lines: Sequence[str]

    def fault(self, line: int, message: str) -> NoReturn:
        raise PromptError(f"{self.place}, line {line}: {message}")


def _read(name: str, own: Path | None) -> _File:
    place = str(own or name)
    try:
        data = (own or files("prompts").joinpath(name)).read_bytes()
    except OSError as error:
        raise PromptError(f"{place} cannot be read: {error.strerror}.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PromptError(f"{place}, line {line}: not UTF-8. Save the file as UTF-8.") from error
    return _File(place, text.replace("\r\n", "\n").split("\n"))


@dataclass(frozen=True, slots=True)
class _Part:
    """``line`` is that of its heading, from 1; ``lines`` are those below it."""

    name: str
    line: int
    lines: Sequence[str]

    @property
    def body(self) -> str:
        return "\n".join(self.lines).strip()


def _template(name: str, file: _File) -> dict[str, str]:
    task = name.partition(".")[0]
    required = PARTS[task]
    parts: dict[str, _Part] = {}
    for part in _split(file, required):
        if part.name in parts:
            file.fault(part.line, f"'## {part.name}' is there already. {_wanted(required)}")
        parts[part.name] = part
    needed = [part for part in required if part not in OPTIONAL.get(task, ())]
    for missing in (part for part in needed if part not in parts):
        raise PromptError(f"{file.place}: '## {missing}' is missing. {_wanted(required)}")
    for part in parts.values():
        _check(file, part, required[part.name])
    if task in ANSWERING and NO_ANSWER not in parts["system"].body:
        file.fault(
            parts["system"].line,
            f"the part 'system' must tell the model to reply {NO_ANSWER} when the passages do "
            "not answer the question; without it the service could not refuse.",
        )
    return {name: part.body for name, part in parts.items()}


def _split(file: _File, known: Iterable[str]) -> Iterator[_Part]:
    starts = [n for n, line in enumerate(file.lines) if _HEADING.fullmatch(line)]
    for number, line in enumerate(file.lines[: starts[0] if starts else None], start=1):
        if line.strip():
            file.fault(number, f"there is text before the first part. {_wanted(known)}")
    for start, end in pairwise([*starts, len(file.lines)]):
        name = file.lines[start].split()[1]
        if name not in known:
            file.fault(
                start + 1,
                f"'## {name}' is no part of this file. {_wanted(known)} A heading within a "
                f"part is written '### {name}'.",
            )
        yield _Part(name, start + 1, file.lines[start + 1 : end])


def _check(file: _File, part: _Part, required: frozenset[str]) -> None:
    if not part.body:
        file.fault(part.line, f"the part '{part.name}' is empty.")
    names = ", ".join(f"{{{name}}}" for name in sorted(required)) or "none"
    allowed = f"Variables of the part '{part.name}': {names}."
    for number, line in enumerate(part.lines, start=part.line + 1):
        for name in VARIABLE.findall(line):
            if name not in required:
                file.fault(
                    number,
                    f"the variable {{{name}}} does not exist here. {allowed} Braces that are "
                    f"meant as text have a space inside: '{{ {name} }}'.",
                )
    for name in sorted(required - set(VARIABLE.findall(part.body))):
        file.fault(part.line, f"the variable {{{name}}} is missing. {allowed}")


def _wanted(known: Iterable[str]) -> str:
    headings = " and ".join(f"'## {part}'" for part in known)
    return f"The file must consist of {headings}."


def _examples(file: _File) -> Iterator[Example]:
    for number, line in enumerate(file.lines, start=1):
        if line.strip():
            yield _example(file, number, line)


def _example(file: _File, number: int, line: str) -> Example:
    try:
        example = Example.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        file.fault(number, f"not JSON: {error.msg} (column {error.colno}).")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the line"
        file.fault(
            number,
            f"{where}: {first['msg']}. An example has passages (each with source and text, and "
            "at will title, page and section), question and answer.",
        )
    cited = {int(n) for n in _CITATION.findall(example.answer)}
    if invented := sorted(cited - set(range(1, len(example.passages) + 1))):
        file.fault(
            number, f"the answer cites [{invented[0]}], but has {len(example.passages)} passages."
        )
    if not cited and example.answer != NO_ANSWER:
        file.fault(number, f"the answer cites no passage; write [1], or {NO_ANSWER} as a whole.")
    return example
