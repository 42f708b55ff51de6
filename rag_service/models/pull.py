"""Fetching a model from a hub: `rag models pull`, the only thing that ever downloads one.

A model is fetched beside its place, checked against the hashes that the hub tells, and moved
there whole; what is cut off goes on where it was.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from rag_service.errors import (
    InvalidRequest,
    RemoteServiceError,
    StorageFull,
)
from rag_service.models.catalog import KnownModel, known_model
from rag_service.models.files import PICKLED_WEIGHTS, RemoteFile, chosen_files
from rag_service.models.hub import Remote, fetch, hub_errors, look_up, require_online
from rag_service.models.local import (
    INCOMING,
    RECORD,
    Pulled,
    chat_file,
    folder_of,
    gguf_files,
    kind_of,
    pulled_model,
)
from rag_service.models.references import GGUF, Reference, parse_reference
from rag_service.settings import BUILTIN_EMBEDDING

_SPARE_BYTES = 256 << 20  # a disk that is quite full serves nobody


def pull(
    name: str,
    models: Path,
    *,
    revision: str | None = None,
    file: str | None = None,
    console: Console,
) -> Pulled:
    """Fetch a model into the folder ``models``.

    Args:
        name: "organisation/name"; of several GGUF files with ":Q4_K_M" or "/file.gguf" after it.
        revision: branch, tag or commit; None: the newest, or what is here already.
        file: which of several GGUF files, as another way to name it.

    Raises:
        InvalidRequest, NotFound: there is no such model, or nothing that could be used.
        RemoteServiceError: the hub cannot be reached, or gave something else.
        StorageFull: there is no room for it.
    """
    reference = _pullable(name, file)
    known = known_model(reference.repository)
    if known:
        reference = replace(reference, repository=known.name)
    present = _present(models, reference, known)
    if present and not revision:
        return pulled_model(models, present)
    require_online()
    with hub_errors(reference.repository):
        remote = look_up(reference.repository, revision)
        remote = replace(remote, files=tuple(chosen_files(reference, remote.files, known)))
        incoming = _incoming(models, remote)
        _require_room(incoming, remote)
        fetch(remote, incoming, console)
        _check(remote, incoming)
        _convert_pickled(remote, incoming)
        return _put_in_place(remote, incoming, models)


def _pullable(name: str, file: str | None) -> Reference:
    if name == BUILTIN_EMBEDDING:
        raise InvalidRequest(f"{name} is built in; there is nothing to fetch.")
    reference = parse_reference(name)
    if reference is None:
        raise InvalidRequest(
            f"{name!r} cannot name a model: models are named organisation/name, as in "
            "intfloat/multilingual-e5-small, and one of several GGUF files as in "
            "Qwen/Qwen3-4B-GGUF:Q4_K_M. See `rag models list`."
        )
    if file and (reference.tag or reference.file):
        raise InvalidRequest(f"{name} names a file already; leave out --file.")
    return replace(reference, file=file) if file else reference


def _incoming(models: Path, remote: Remote) -> Path:
    """Where this revision is gathered; what is left of others is removed."""
    flat = remote.name.replace("/", "--")
    incoming = models / INCOMING / f"{flat}@{remote.revision[:12]}"
    for other in incoming.parent.glob(f"{flat}@*"):
        if other != incoming:
            shutil.rmtree(other, ignore_errors=True)
    return incoming


def _present(models: Path, reference: Reference, known: KnownModel | None) -> Path | None:
    """The folder of the model, if what is meant of it is there."""
    folder = folder_of(models, reference.repository)
    if folder is None or (kind_of(reference.repository, models) != "chat"):
        return folder
    if known and not (reference.tag or reference.file):
        reference = replace(reference, file=known.file)
    return folder if chat_file(models, str(reference)) else None


def _require_room(incoming: Path, remote: Remote) -> None:
    incoming.mkdir(parents=True, exist_ok=True)
    here = sum(path.stat().st_size for path in incoming.rglob("*") if path.is_file())
    pickled = sum(file.size for file in remote.files if file.path.endswith(PICKLED_WEIGHTS))
    needed = remote.size + pickled - here + _SPARE_BYTES
    free = shutil.disk_usage(incoming).free
    if free < needed:
        raise StorageFull(
            f"{remote.name} needs {needed / 1e6:.0f} MB, and {incoming.parent.parent} has "
            f"{free / 1e6:.0f} MB left. Make room, or set RAG_DATA_DIR to another disk."
        )


def _check(remote: Remote, incoming: Path) -> None:
    """Every file must be what the hub says it is."""
    from rag_service.models.fetch import is_as_told

    for file in remote.files:
        if not is_as_told(incoming / file.path, file):
            (incoming / file.path).unlink()
            raise RemoteServiceError(
                f"{file.path} of {remote.name} is not what the hub says it is. It was removed; run "
                "the command again."
            )


def _convert_pickled(remote: Remote, incoming: Path) -> None:
    """Weights that are only published as a pickle become safetensors."""
    for path in [path for path in incoming.rglob(PICKLED_WEIGHTS) if path.is_file()]:
        try:
            _convert(path)
        except (pickle.UnpicklingError, RuntimeError, AttributeError, EOFError) as error:
            shutil.rmtree(incoming)
            raise InvalidRequest(
                f"{remote.name} cannot be converted: {path.name} holds more than weights, or is "
                "damaged. Nothing of it was run, and it was removed."
            ) from error


def _convert(path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    # weights_only: the pickle may make tensors and nothing else, so no code of it runs.
    loaded = torch.load(path, weights_only=True, map_location="cpu")
    tensors = {name: tensor.clone().contiguous() for name, tensor in loaded.items()}
    save_file(tensors, path.with_name("model.safetensors"), metadata={"format": "pt"})
    path.unlink()


def _put_in_place(remote: Remote, incoming: Path, models: Path) -> Pulled:
    place = models / remote.name
    _record(remote, incoming, place)
    if place.is_dir() and remote.files[0].path.endswith(GGUF):
        for file in (*_paths(remote.files), RECORD):
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (incoming / file).replace(place / file)
        shutil.rmtree(incoming)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        _swap(incoming, place)
    return pulled_model(models, place)


def _record(remote: Remote, incoming: Path, place: Path) -> None:
    """Write down what was fetched, with the GGUF files that are there from before."""
    before = gguf_files(place)
    files = sorted({*before, *_paths(remote.files)})
    record = {"name": remote.name, "revision": remote.revision, "files": files}
    (incoming / RECORD).write_text(json.dumps(record, indent=2), encoding="utf-8")


def _paths(files: Sequence[RemoteFile]) -> list[str]:
    return [file.path for file in files]


def _swap(incoming: Path, place: Path) -> None:
    """Put a folder in the place of what may be there, which is then removed."""
    retired = incoming.with_name(incoming.name + ".old")
    shutil.rmtree(retired, ignore_errors=True)
    if place.is_dir():
        place.replace(retired)
    incoming.replace(place)
    shutil.rmtree(retired, ignore_errors=True)
