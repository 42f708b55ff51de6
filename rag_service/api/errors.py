"""From errors to HTTP: the one table of statuses, and the one shape of an error's body."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

from rag_service import errors
from rag_service.api.conversion import error_response
from rag_service.api.metrics import route_template
from rag_service.api.openai_errors import (
    OpenAIErrorResponse,
    is_openai,
    openai_error,
    openai_status,
)
from rag_service.api.schemas import ErrorResponse
from rag_service.api.shapes import Shape

logger = logging.getLogger(__name__)

CLIENT_CLOSED_REQUEST = 499  # nginx's status for a caller that went away; nobody reads it

STATUS: Mapping[type[errors.RagError], int] = {
    errors.RagError: 500,
    errors.InvalidRequest: 422,
    errors.QuestionTooLong: 413,
    errors.InvalidCollectionName: 422,
    errors.InvalidFileName: 422,
    errors.NotFound: 404,
    errors.CollectionNotFound: 404,
    errors.DocumentNotFound: 404,
    errors.JobNotFound: 404,
    errors.PathNotFound: 404,
    errors.Conflict: 409,
    errors.CollectionExists: 409,
    errors.CollectionBusy: 409,
    errors.WorkerRunning: 409,
    errors.NotUploaded: 409,
    errors.IndexMismatch: 409,
    errors.IndexCorrupt: 500,
    errors.StorageError: 500,
    errors.StorageFull: 507,
    errors.ConfigError: 500,
    errors.EmbeddingModelError: 500,
    errors.RerankerModelError: 500,
    errors.ChatModelError: 500,
    errors.PromptError: 500,
    errors.DocumentError: 422,
    errors.UnsupportedFormat: 415,
    errors.UnreadableFile: 422,
    errors.EncryptedFile: 422,
    errors.BrokenFile: 422,
    errors.NotText: 422,
    errors.UnknownEncoding: 422,
    errors.NoText: 422,
    errors.EmptyFile: 422,
    errors.ParserFailed: 422,
    errors.RemoteServiceError: 502,
    errors.Overloaded: 503,
    errors.DeadlineExceeded: 504,
    errors.ShuttingDown: 503,
    errors.Cancelled: CLIENT_CLOSED_REQUEST,
    errors.GenerationError: 502,
}

# What Starlette and FastAPI refuse before any of our code runs.
_HTTP_CODES = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "invalid_request",
}
_HTTP_MESSAGES = {
    400: "The body cannot be read: send what /docs shows, a JSON object in UTF-8 for most.",
    404: "There is nothing at this address; /docs lists what there is.",
    405: "This address does not take this method; /docs lists what it takes.",
}
UNEXPECTED_CODE = errors.RagError.code
UNEXPECTED_MESSAGE = "The service failed in a way it should not. Its log says more."

_NOT_AN_OBJECT = frozenset({"model_attributes_type", "model_type", "dict_type", "missing"})
_SHOWN_PROBLEMS = 5
_SHOWN_NAME = 60

# Added to every route's OpenAPI entry; 422 also replaces FastAPI's own shape for it.
DOCUMENTED_ERRORS: dict[int | str, dict[str, Any]] = {
    422: {"model": ErrorResponse, "description": "The request does not fit."},
    "default": {"model": ErrorResponse, "description": "Any other error."},
}


def status_of(error: errors.RagError) -> int:
    """The status of the most specific class of ``error`` in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def request_id_of(request: Request) -> str:
    request_id: str = request.state.request_id
    return request_id


def error_of(error: Exception, request_id: str) -> ErrorResponse:
    """The body for ``error``; the text of an unexpected one is not shown to the caller."""
    if isinstance(error, errors.RagError):
        return error_response(error.code, str(error), request_id)
    return error_response(UNEXPECTED_CODE, UNEXPECTED_MESSAGE, request_id)


def log_error(error: Exception, request_id: str) -> None:
    """Write to the log what an operator must look at; a caller's own mistake is not."""
    if not isinstance(error, errors.RagError):
        logger.error("request %s: unexpected error", request_id, exc_info=error)
    elif status_of(error) >= 500:
        logger.error("request %s: %s: %s", request_id, error.code, error)


def operations_of(request: Request) -> dict[str, Any]:
    """What the address takes, as the API description has it: by method, in small letters."""
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    return paths.get(route_template(request.scope), {})


def error_reply(
    scope: Scope,
    status: int,
    code: str,
    message: str,
    *,
    headers: Mapping[str, str] | None = None,
    param: str | None = None,
) -> Response:
    """The response to a request that failed, in the shape that its address is known for."""
    request_id: str = scope["state"]["request_id"]
    body: Shape = error_response(code, message, request_id)
    if is_openai(scope):
        body = openai_error(status, code, message, request_id, param)
        status = openai_status(status)
    return Response(body.model_dump_json(), status, headers, "application/json")


def unexpected_reply(error: Exception, scope: Scope) -> Response:
    log_error(error, scope["state"]["request_id"])
    return error_reply(scope, 500, UNEXPECTED_CODE, UNEXPECTED_MESSAGE)


def openai_error_of(error: Exception, request_id: str) -> OpenAIErrorResponse:
    """`error_of` for OpenAI's clients."""
    if isinstance(error, errors.RagError):
        return openai_error(status_of(error), error.code, str(error), request_id)
    return openai_error(500, UNEXPECTED_CODE, UNEXPECTED_MESSAGE, request_id)


async def _on_rag_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.RagError)
    log_error(error, request_id_of(request))
    headers: dict[str, str] = {}
    if isinstance(error, errors.Overloaded):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.DeadlineExceeded):
        headers["X-Should-Retry"] = "false"  # OpenAI's clients would ask twice more by themselves
    return error_reply(request.scope, status_of(error), error.code, str(error), headers=headers)


def _field_name(location: Iterable[int | str]) -> str:
    """``("body", "history", 0, "role")`` → ``history.0.role``; "" for the body itself."""
    name = ".".join(str(part) for part in list(location)[1:])
    return name if len(name) <= _SHOWN_NAME else f"{name[:_SHOWN_NAME]}…"


def _problem(item: Mapping[str, Any]) -> str:
    """One validation error as a clause for people, naming the field."""
    name, kind = _field_name(item["loc"]), item["type"]
    if kind == "json_invalid":
        return f"the body is not valid JSON: {item['ctx']['error']} at character {item['loc'][1]}"
    if not name and kind in _NOT_AN_OBJECT:
        return "the body must be a JSON object, sent with Content-Type: application/json"
    if kind == "missing":
        return f"{name}: is required"
    if kind == "extra_forbidden":
        return f"{name}: is not a known field"
    text = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{name or 'the body'}: {text}"


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    items = error.errors()
    problems = "; ".join(_problem(item) for item in items[:_SHOWN_PROBLEMS])
    more = len(items) - _SHOWN_PROBLEMS
    message = f"{problems}; and {more} more" if more > 0 else problems
    param = _field_name(items[0]["loc"]) if items else None
    return error_reply(request.scope, 422, "invalid_request", message, param=param)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "http_error")
    message = _HTTP_MESSAGES.get(error.status_code, error.detail)
    headers = dict(error.headers or {})
    if error.status_code == 405 and (operations := operations_of(request)):
        # What Starlette says names the methods of the first route at this address alone.
        allowed = {method.upper() for method in operations}
        headers["Allow"] = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
    return error_reply(request.scope, error.status_code, code, message, headers=headers)


def add_error_handlers(app: FastAPI) -> None:
    """Unexpected exceptions are not handled here but in the outermost middleware."""
    app.add_exception_handler(errors.RagError, _on_rag_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
