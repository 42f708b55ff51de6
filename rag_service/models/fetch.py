"""One file from a hub, going on where an earlier attempt stopped.

The hub's own library keeps nothing of a file that was cut off (huggingface_hub 1.33), and the
weights of a model are one file of up to gigabytes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

from rag_service.models.files import RemoteFile

_ATTEMPTS = 5  # without a byte between them
_TIMEOUT_S = 30.0
_BLOCK = 1 << 20


def fetch_file(
    url: str,
    file: RemoteFile,
    path: Path,
    *,
    headers: Mapping[str, str],
    arrived: Callable[[int], None] = lambda _: None,
) -> None:
    """Fetch ``file`` to ``path``; ``arrived`` is told of the bytes as they come.

    Raises:
        httpx.HTTPError, huggingface_hub.errors.HfHubHTTPError: the hub is not there, or refuses.
    """
    if path.is_file():  # whole, because it only gets its name then
        arrived(file.size)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    arrived(_size(part))
    failures = 0
    while _size(part) < file.size or not part.exists():
        before = _size(part)
        try:
            _go_on(url, part, headers, arrived)
        except httpx.TransportError:
            failures = 0 if _size(part) > before else failures + 1
            if failures >= _ATTEMPTS:
                raise
            time.sleep(failures)
    part.replace(path)


def _go_on(
    url: str, part: Path, headers: Mapping[str, str], arrived: Callable[[int], None]
) -> None:
    have = _size(part)
    ranged = {**headers, "Range": f"bytes={have}-"} if have else dict(headers)
    # Compressed, its bytes could not be counted.
    ranged["Accept-Encoding"] = "identity"
    with (
        httpx.stream(
            "GET", url, headers=ranged, follow_redirects=True, timeout=_TIMEOUT_S
        ) as reply,
    ):
        hf_raise_for_status(reply)
        if have and reply.status_code != httpx.codes.PARTIAL_CONTENT:  # it sends all of it again
            arrived(-have)
            have = 0
        with part.open("ab" if have else "wb") as stream:
            for block in reply.iter_bytes(_BLOCK):
                stream.write(block)
                arrived(len(block))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def is_as_told(path: Path, file: RemoteFile) -> bool:
    """Whether a file is what the hub says it is."""
    if path.stat().st_size != file.size:
        return False
    if not file.sha256:
        return True
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
