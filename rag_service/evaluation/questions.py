"""Questions whose answers are known: one JSON object a line; docs/evaluation.md has the format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from rag_service.errors import InvalidRequest, PathNotFound
from rag_service.evaluation.metrics import normalize
from rag_service.text.language import detect_language

_SHOWN_PROBLEMS = 5


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str | int) else value


def _checked(text: str) -> str:
    if not normalize(text):
        raise ValueError("must hold a letter or a digit")
    return text


Text = Annotated[str, Field(strict=True), AfterValidator(_checked)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_list)]
Name = Annotated[str, Field(strict=True, min_length=1)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_as_list)]
Pages = Annotated[tuple[Annotated[int, Field(strict=True, ge=1)], ...], BeforeValidator(_as_list)]


class EvalQuestion(BaseModel):
    """One question and what a good service does with it.

    Attributes:
        id: names the question in every run; unset: made from its text.
        answers: any one of them will do.
        sources, titles: the documents wanted, by path (or glob) and by title.
        pages: of those documents; results on other pages do not count.
        span: where the answer stands in the text of the only source, end exclusive.
        answerable: False: the right reply is a refusal.
        lang: groups the figures; unset: detected.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Text
    id: str = ""
    answers: Texts = ()
    sources: Names = ()
    titles: Names = ()
    pages: Pages = ()
    span: tuple[int, int] | None = None
    answerable: Annotated[bool, Field(strict=True)] = True
    lang: str = ""
    tags: Names = ()

    @property
    def names_documents(self) -> bool:
        return bool(self.sources or self.titles)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.answerable and (self.answers or self.names_documents):
            raise ValueError(
                "answerable is false, but answers or documents are given: remove the one or the "
                "other"
            )
        if self.pages and not self.names_documents:
            raise ValueError("pages need the document they are of: add sources or titles")
        if self.span and (len(self.sources) != 1 or not 0 <= self.span[0] < self.span[1]):
            raise ValueError("span is [start, end] in the text of exactly one source")
        return self


def load_questions(path: Path, *, limit: int | None = None) -> list[EvalQuestion]:
    """Read the first ``limit`` questions of a file, each with its ``id`` and ``lang`` filled in.

    Raises:
        PathNotFound: there is no such file.
        InvalidRequest: a line does not fit; the message names the lines and what to change.
    """
    problems: list[str] = []
    found: dict[str, tuple[int, EvalQuestion]] = {}
    for number, line in _lines(path):
        try:
            question = parse_question(line)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            continue
        if question.id in found:
            problems.append(
                f"line {number}: the same question or id as in line {found[question.id][0]}: "
                "remove one, or give each an id of its own"
            )
        found.setdefault(question.id, (number, question))
    if problems:
        raise InvalidRequest(f"{path}: {_shown(problems)}")
    if not found:
        raise InvalidRequest(f"{path} holds no question. A line of it is {_EXAMPLE}")
    return [question for _, question in found.values()][:limit]


_EXAMPLE = '{"question": "How long is the warranty?", "answers": ["30 months"]}'


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise PathNotFound(f"There is no file {path}.") from None
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not UTF-8: save it as UTF-8.") from error
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.") from error
    lines = enumerate(text.split("\n"), start=1)
    return ((number, line) for number, line in lines if line.strip())


def parse_question(line: str) -> EvalQuestion:
    """The question of one line, with its ``id`` and ``lang`` filled in.

    Raises:
        ValueError: the line does not fit; the message says what to change.
    """
    try:
        fields = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error.msg} at column {error.colno})") from error
    if not isinstance(fields, dict):
        raise ValueError(f"is not an object: a line is {_EXAMPLE}")
    try:
        question = EvalQuestion.model_validate(fields)
    except ValidationError as error:
        raise ValueError("; ".join(map(_explained, error.errors()))) from error
    return question.model_copy(
        update={
            "id": question.id or hashlib.sha256(question.question.encode()).hexdigest()[:10],
            "lang": question.lang or detect_language(question.question),
        }
    )


def _explained(problem: Any) -> str:
    place = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        near = get_close_matches(place, EvalQuestion.model_fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "remove it, or put it into tags."
        return f"{place!r} is no field; {hint} Fields: {', '.join(EvalQuestion.model_fields)}"
    if problem["type"] == "missing":
        return f"{place!r} is missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def _shown(problems: list[str]) -> str:
    more = len(problems) - _SHOWN_PROBLEMS
    rest = [f"and {more} more lines"] if more > 0 else []
    return "; ".join([*problems[:_SHOWN_PROBLEMS], *rest])
