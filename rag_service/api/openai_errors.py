"""Errors as OpenAI's clients expect them. The statuses are those of `errors.py` but for a few
that these clients know by other numbers.
"""

from __future__ import annotations

from pydantic import Field
from starlette.types import Scope

from rag_service.api.shapes import Shape

PREFIX = "/v1/"
# A request that does not fit is always 400 there.
_STATUS = {422: 400, 413: 400}
_CODES = {
    "question_too_long": "context_length_exceeded",
    "collection_not_found": "model_not_found",
    "invalid_collection_name": "model_not_found",
}
_PARAMS = {"model_not_found": "model", "context_length_exceeded": "messages"}


class OpenAIErrorBody(Shape):
    """What went wrong."""

    message: str = Field(description="For people; says what to do next.")
    type: str = Field(description="invalid_request_error or server_error.")
    param: str | None = Field(description="The parameter at fault, if it is one.")
    code: str = Field(description="Stable and machine-readable.")
    request_id: str = Field(description="Also in the X-Request-ID header and the log.")


class OpenAIErrorResponse(Shape):
    """Every error under /v1 has this body."""

    error: OpenAIErrorBody = Field(description="Kind, text and request.")


def is_openai(scope: Scope) -> bool:
    """Whether the request is for the OpenAI-compatible interface."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")).startswith(PREFIX)


def openai_status(status: int) -> int:
    return _STATUS.get(status, status)


def openai_error(
    status: int, code: str, message: str, request_id: str, param: str | None = None
) -> OpenAIErrorResponse:
    """``status`` and ``code`` are those of the native interface."""
    code = _CODES.get(code, code)
    return OpenAIErrorResponse(
        error=OpenAIErrorBody(
            message=message,
            type="invalid_request_error" if status < 500 else "server_error",
            param=param or _PARAMS.get(code),
            code=code,
            request_id=request_id,
        )
    )
