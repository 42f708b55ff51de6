"""The hub that models come from: huggingface.co, or what HF_ENDPOINT names (a mirror, such as
https://hf-mirror.com where the hub cannot be reached).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from rag_service.errors import (
    InvalidRequest,
    NotFound,
    RemoteServiceError,
    StorageError,
    StorageFull,
)
from rag_service.models.files import RemoteFile

ENDPOINT_VARIABLE = "HF_ENDPOINT"
_OFFLINE_VARIABLE = "HF_HUB_OFFLINE"


@dataclass(frozen=True, slots=True)
class Remote:
    """A model as the hub has it. ``revision`` is a commit, so what it means never changes."""

    name: str
    revision: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(file.size for file in self.files)


def require_online() -> None:
    """
    Raises:
        RemoteServiceError: the user wants nothing to be fetched.
    """
    if os.environ.get(_OFFLINE_VARIABLE, "").lower() in ("1", "true", "yes", "on"):
        raise RemoteServiceError(
            f"{_OFFLINE_VARIABLE} is set, so nothing is fetched. Unset it, or copy the model's "
            "folder here from a machine that has it."
        )


def look_up(name: str, revision: str | None) -> Remote:
    """What the hub has of a model; ``revision``: None for the newest."""
    from huggingface_hub import HfApi

    info = HfApi(endpoint=_endpoint()).model_info(name, revision=revision, files_metadata=True)
    files = [
        RemoteFile(found.rfilename, found.size or 0, found.lfs.sha256 if found.lfs else "")
        for found in info.siblings or []
    ]
    return Remote(name, info.sha or "", tuple(files))


def fetch(remote: Remote, incoming: Path, console: Console) -> None:
    """All files of a model into a folder, with a bar on a terminal."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    from rag_service.models.fetch import fetch_file

    headers = build_hf_headers()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    times = (TransferSpeedColumn(), TimeRemainingColumn())
    shown = console.is_terminal and not console.quiet
    with Progress(*columns, *times, console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task(remote.name, total=remote.size)
        for file in remote.files:
            url = hf_hub_url(remote.name, file.path, revision=remote.revision, endpoint=_endpoint())
            fetch_file(
                url,
                file,
                incoming / file.path,
                headers=headers,
                arrived=lambda count: bar.advance(task, count),
            )


@contextmanager
def hub_errors(name: str) -> Iterator[None]:
    """What the hub's library raises, as errors of ours."""
    import httpx
    from huggingface_hub import errors

    where = _endpoint() or "huggingface.co"
    try:
        yield
    except errors.GatedRepoError as error:
        raise RemoteServiceError(
            f"{name} is only given to those who have accepted its terms at {where}. Do that, and "
            "set HF_TOKEN to a token of yours."
        ) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise NotFound(f"{where} has no model {name}, or not this revision of it.") from error
    except errors.HFValidationError as error:
        raise InvalidRequest(f"{name!r} cannot name a model: {error}") from error
    except (httpx.HTTPError, errors.HfHubHTTPError) as error:
        raise _unreachable(where, error) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFull(f"The disk became full while {name} was fetched.") from error
        raise StorageError(f"{error.filename} cannot be written: {error.strerror}.") from error


def _endpoint() -> str | None:
    return os.environ.get(ENDPOINT_VARIABLE, "").rstrip("/") or None


def _unreachable(where: str, error: Exception) -> RemoteServiceError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return RemoteServiceError(
        f"{where} cannot be reached ({reason}). Run the command again to go on where it stopped. "
        f"Where the hub is blocked, {ENDPOINT_VARIABLE} names a mirror; without a network, copy "
        "the model's folder here from a machine that has it."
    )
