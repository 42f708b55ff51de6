"""Which of a repository's files make up a model, and nothing that could run code when loaded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rag_service.errors import InvalidRequest
from rag_service.models.catalog import KnownModel

SAFE_WEIGHTS = ".safetensors"
PICKLED_WEIGHTS = "pytorch_model.bin"

# Configuration, tokenizer and licence. Code (.py) is never run, so it is not fetched.
_TEXTS = re.compile(r".*\.(json|txt|model)|LICEN[CS]E.*|NOTICE.*", re.IGNORECASE)
# One of several files that make up one GGUF model.
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)
# sentence-transformers keeps each step of a model in a folder of its own: 1_Pooling, 2_Dense …
_STEP = re.compile(r"\d+_\w+")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository. ``sha256`` is "" where the hub does not tell it."""

    path: str
    size: int
    sha256: str = ""


def chosen_files(
    name: str, files: Sequence[RemoteFile], known: KnownModel | None, file: str | None
) -> list[RemoteFile]:
    """What to fetch of a model.

    Args:
        known: the recommended model of this name, if it is one.
        file: the one that is wanted of several GGUF files.

    Raises:
        InvalidRequest: there is nothing that could be used, or there is a choice to be made.
    """
    files = [found for found in files if _stays_inside(PurePosixPath(found.path))]
    ggufs = [found for found in files if found.path.lower().endswith(".gguf")]
    wanted = file or (known.file if known else "")
    if wanted or ggufs:
        return [_chosen_gguf(name, ggufs, wanted)]
    return _transformer_files(name, files)


def _stays_inside(path: PurePosixPath) -> bool:
    """Names come from the network: none may lead out of the model's folder."""
    return not path.is_absolute() and ".." not in path.parts and "\\" not in str(path)


def _chosen_gguf(name: str, ggufs: Sequence[RemoteFile], wanted: str) -> RemoteFile:
    whole = [found for found in ggufs if not _PART.search(found.path)]
    named = [found for found in whole if found.path == wanted] if wanted else whole
    if len(named) == 1:
        return named[0]
    listed = ", ".join(sorted(found.path for found in whole)) or "none"
    raise InvalidRequest(
        f"{name} has no one GGUF file {wanted}".rstrip() + f". Choose one with --file: {listed}."
    )


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
