"""What a run leaves behind: one outcome a question, kept in a JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rag_service.errors import InvalidRequest, PathNotFound, StorageError


class Outcome(BaseModel):
    """How one question was served.

    Attributes:
        metrics: by name; only those that the question has the labels for.
        refused, confidence, ask_ms: None where only the search was run.
        found: the first distinct documents ("path" or "path p. 3"), best first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    question: str
    lang: str
    tags: tuple[str, ...] = ()
    answerable: bool = True
    metrics: dict[str, float] = {}
    refused: bool | None = None
    confidence: float | None = None
    found: tuple[str, ...] = ()
    search_ms: float
    ask_ms: float | None = None


class Run(BaseModel):
    """A set of questions put to one collection.

    Attributes:
        label: what tables and plots call it.
        made_at: ISO 8601, UTC.
        target: the collection, the models and the settings that were measured.
        notes: what a reader of the figures must know.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    label: str
    made_at: str
    target: dict[str, Any]
    notes: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...]


def save_run(document: str, path: Path) -> None:
    """Write a run's JSON (`report.run_json`).

    Raises:
        StorageError: the file cannot be written.
    """
    try:
        path.write_text(document + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.") from error


def load_run(path: Path) -> Run:
    """Read what `save_run` wrote; figures in it are left aside, they follow from the outcomes.

    Raises:
        PathNotFound: there is no such file.
        InvalidRequest: it is no run.
    """
    try:
        text = path.read_text(encoding="utf-8")
        run = _SavedRun.model_validate_json(text)
    except FileNotFoundError:
        raise PathNotFound(f"There is no file {path}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidRequest(
            f"{path} is no saved run ({place}: {first['msg']}). "
            "Make one with: rag eval QUESTIONS.jsonl --save RUN.json"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}.") from error
    return Run.model_validate(run.model_dump(exclude={"figures", "confidence"}))


class _SavedRun(Run):
    figures: Any = None
    confidence: Any = None
