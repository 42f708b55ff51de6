"""What the JSON shapes of the HTTP interface are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from rag_service.api.questions import is_blank, text_problem

MAX_ID = 2**63 - 1  # SQLite's largest integer


def _valid_text(text: str) -> str:
    if problem := text_problem(text):
        raise ValueError(problem)
    return text


def _not_blank(text: str) -> str:
    if is_blank(text):
        raise ValueError("must not be empty")
    return text


Text = Annotated[str, AfterValidator(_valid_text)]
NotBlank = Annotated[str, AfterValidator(_valid_text), AfterValidator(_not_blank)]
DocumentId = Annotated[int, Field(ge=1, le=MAX_ID)]


class Shape(BaseModel):
    """What every shape has in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class RequestShape(Shape):
    """What every shape that is sent to the service has in common."""

    model_config = ConfigDict(strict=True)
