"""The calibration that a user has fitted to a collection: a small JSON file beside its indexes.

<data>/collections/<name>/calibration.json

It says which models and analyzer it was fitted with, and is not used with others.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field

from rag_service.retrieval.confidence import SHIPPED, Calibration, Logistic
from rag_service.retrieval.evidence import FEATURES, Kind
from rag_service.store.home import CollectionHome, storage_errors
from rag_service.text.analysis import ANALYZER_VERSION

_HOW = "rag eval QUESTIONS.jsonl --calibrate"

# Finite, and far from where sums of products overflow.
_Parameter = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class StoredCalibration(BaseModel):
    """What the file holds.

    Attributes:
        fitted_for: what the evidence depends on; see `fitted_for`.
        models: for each kind of evidence the bias, and a weight by the name of its feature.
        answerable, unanswerable: questions it was fitted on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    made_at: str
    fitted_for: dict[str, Any]
    answerable: int
    unanswerable: int
    models: dict[Kind, dict[str, _Parameter]]

    @classmethod
    def of(cls, calibration: Calibration, **about: Any) -> Self:
        return cls(models=parameters(calibration), **about)

    def calibration(self) -> Calibration:
        """
        Raises:
            ValueError: a kind or a feature is missing, or there is another.
        """
        for kind, values in self.models.items():
            if values.keys() != {"bias", *FEATURES[kind]}:
                raise ValueError(f"{kind} evidence has other features")
        return Calibration(
            {
                kind: Logistic(values["bias"], tuple(values[name] for name in FEATURES[kind]))
                for kind, values in self.models.items()
            }
        )


def parameters(calibration: Calibration) -> dict[Kind, dict[str, float]]:
    """By kind of evidence: the bias, and a weight by the name of its feature."""
    return {
        kind: {"bias": model.bias} | dict(zip(FEATURES[kind], model.weights, strict=True))
        for kind, model in calibration.models.items()
    }


def fitted_for(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """What the evidence of a collection depends on: its models, chunks and analyzer."""
    return {**fingerprint, "analyzer": ANALYZER_VERSION}


def calibration_path(home: CollectionHome) -> Path:
    return home.folder / "calibration.json"


def write_calibration(home: CollectionHome, stored: StoredCalibration) -> Path:
    """Put it in place in one step: whoever reads sees the old one or the new one, whole.

    Raises:
        StorageError: the folder cannot be written to.
    """
    path = calibration_path(home)
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    with storage_errors(path):
        with beside.open("w", encoding="utf-8") as stream:
            stream.write(stored.model_dump_json(indent=1) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    return path


class Used(NamedTuple):
    """The calibration to judge a collection's answers by; ``note``: why it is not its own."""

    calibration: Calibration
    note: str = ""


class Calibrations:
    """Reads each collection's calibration, again when its file has changed. Thread-safe."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[tuple[int, int], StoredCalibration | None]] = {}
        self._lock = threading.Lock()

    def of(self, home: CollectionHome, fingerprint: Mapping[str, Any]) -> Used:
        """Its own if there is one that fits, else what is shipped."""
        path = calibration_path(home)
        try:
            status = path.stat()
        except OSError:
            return Used(SHIPPED)
        with self._lock:
            seen = self._read.get(path)
            stamp = (status.st_mtime_ns, status.st_ino)
            if seen is None or seen[0] != stamp:
                seen = self._read[path] = stamp, _stored(path)
        return _used(seen[1], path, fitted_for(fingerprint))


def _stored(path: Path) -> StoredCalibration | None:
    try:
        stored = StoredCalibration.model_validate_json(path.read_bytes())
        stored.calibration()
    except (OSError, ValueError):  # a ValidationError is a ValueError
        return None
    return stored


def _used(stored: StoredCalibration | None, path: Path, wanted: Mapping[str, Any]) -> Used:
    if stored is None:
        return Used(
            SHIPPED, f"{path.name} of this collection cannot be read and is not used: {_HOW}"
        )
    if stored.fitted_for != wanted:
        return Used(
            SHIPPED,
            "The confidence was calibrated for another embedding model, chunking or analyzer of "
            f"this collection; that calibration is not used. Make it anew with: {_HOW}",
        )
    return Used(stored.calibration())
