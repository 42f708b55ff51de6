"""Which of a repository's files make up a model, and nothing that could run code when loaded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rag_service.errors import InvalidRequest
from rag_service.models.catalog import KnownModel
from rag_service.models.references import (
    GGUF,
    Reference,
    choices,
    first_parts,
    matching,
    parts_of,
)

SAFE_WEIGHTS = ".safetensors"
PICKLED_WEIGHTS = "pytorch_model.bin"

# Configuration, tokenizer and licence. Code (.py) is never run, so it is not fetched.
_TEXTS = re.compile(r".*\.(json|txt|model)|LICEN[CS]E.*|NOTICE.*", re.IGNORECASE)
# sentence-transformers keeps each step of a model in a folder of its own: 1_Pooling, 2_Dense …
_STEP = re.compile(r"\d+_\w+")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository. ``sha256`` is "" where the hub does not tell it."""

    path: str
    size: int
    sha256: str = ""


def chosen_files(
    reference: Reference, files: Sequence[RemoteFile], known: KnownModel | None
) -> list[RemoteFile]:
    """What to fetch of a model; ``known`` is the recommended model of its name, if there is one.

    Raises:
        InvalidRequest: there is nothing that could be used, or there is a choice to be made.
    """
    files = [found for found in files if _stays_inside(PurePosixPath(found.path))]
    if known and known.file and not (reference.tag or reference.file):
        reference = Reference(known.name, file=known.file)
    chooses = reference.tag or reference.file
    if chooses or any(found.path.lower().endswith(GGUF) for found in files):
        return _chosen_gguf(reference, files)
    return _transformer_files(reference.repository, files)


def _stays_inside(path: PurePosixPath) -> bool:
    """Names come from the network: none may lead out of the model's folder."""
    return not path.is_absolute() and ".." not in path.parts and "\\" not in str(path)


def _chosen_gguf(reference: Reference, files: Sequence[RemoteFile]) -> list[RemoteFile]:
    """All the parts of the one file that is meant, the first part last."""
    by_path = {found.path: found for found in files}
    usable = first_parts(by_path)
    found = matching(reference, usable)
    if len(found) != 1:
        which = "several GGUF files" if found else "no GGUF file of this name or quantisation"
        raise InvalidRequest(
            f"{reference} has {which}. Choose one: "
            f"{choices(reference.repository, found or usable)}."
        )
    parts = parts_of(found[0])
    if missing := [part for part in parts if part not in by_path]:
        raise InvalidRequest(f"{reference} is not complete: {missing[0]} is missing at the hub.")
    return [by_path[part] for part in reversed(parts)]


def _transformer_files(name: str, files: Sequence[RemoteFile]) -> list[RemoteFile]:
    ours = [found for found in files if _belongs(PurePosixPath(found.path))]
    weights = [found for found in ours if found.path.endswith(SAFE_WEIGHTS)]
    safe = {str(PurePosixPath(found.path).parent) for found in weights}
    pickled = [
        found
        for found in ours
        if PurePosixPath(found.path).name == PICKLED_WEIGHTS
        and str(PurePosixPath(found.path).parent) not in safe
    ]
    if not weights and not pickled:
        raise InvalidRequest(
            f"{name} has neither a GGUF file nor weights as safetensors, so nothing of it can be "
            "used. See `rag models list` for models that can."
        )
    return [found for found in ours if _TEXTS.fullmatch(Path(found.path).name)] + weights + pickled


def _belongs(path: PurePosixPath) -> bool:
    """Whether it lies where sentence-transformers looks: not in onnx/, openvino/ and the like."""
    folders = path.parts[:-1]
    return not folders or (len(folders) == 1 and _STEP.fullmatch(folders[0]) is not None)
