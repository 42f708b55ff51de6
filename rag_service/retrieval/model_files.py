"""Where the files of a model are on this machine. Nothing is ever downloaded."""

from __future__ import annotations

from pathlib import Path

from rag_service.models.local import recorded_name


def model_folder(model: str) -> Path | None:
    """The folder of a model given by its path, or by its name in the local Hugging Face cache.

    None: there is no such folder, and the cache does not hold it.
    """
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return None


def display_name(model: str) -> str:
    """What a model is called: one that was fetched as the hub does, a folder by its last part."""
    if not Path(model).is_dir():
        return model
    return recorded_name(Path(model)) or Path(model).name
