"""A model hub on this machine: as much of the Hugging Face hub's HTTP as fetching a model takes."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"

_INFO = re.compile(r"/api/models/([^/]+/[^/]+?)(?:/revision/([^/]+))?")
_FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Hub:
    """What it holds, and what was asked of it.

    Attributes:
        cut_after: so many bytes of a file, and the hub is gone: it sends no more, and answers
            nothing until it is `back`.
        lies: files that are sent with their last byte changed.
        sent: for each file, the byte ranges that were sent, as (first, last + 1).
    """

    repositories: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    cut_after: int | None = None
    lies: set[str] = field(default_factory=set)
    sent: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    url: str = ""
    gone: bool = False

    def back(self) -> None:
        """Answer again, and send all of every file."""
        self.cut_after, self.gone = None, False


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve it on a port of its own until the end of the ``with`` statement."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, hub))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, hub: Hub, *args: object) -> None:
        self._hub = hub
        super().__init__(*args)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        if self._hub.gone:
            self.close_connection = True
            return
        if info := _INFO.fullmatch(path):
            self._info(info[1], info[2])
        elif file := _FILE.fullmatch(path):
            self._file(file[1], file[3], body=body)
        else:
            self._missing("EntryNotFound")

    def _info(self, name: str, revision: str | None) -> None:
        files = self._hub.repositories.get(name)
        if files is None:
            self._missing("RepoNotFound")
            return
        if revision not in (None, "main", COMMIT):
            self._missing("RevisionNotFound")
            return
        siblings = [
            {"rfilename": path, "size": len(data), "lfs": _lfs(data)}
            for path, data in files.items()
        ]
        told = {"id": name, "sha": COMMIT, "siblings": siblings}
        self._send(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def _file(self, name: str, path: str, *, body: bool) -> None:
        data = self._hub.repositories.get(name, {}).get(path)
        if data is None:
            self._missing("EntryNotFound")
            return
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT}
        if path in self._hub.lies:
            data = data[:-1] + bytes([data[-1] ^ 1])
        if not body:
            self._send(200, data, headers, body=False)
            return
        first = int(re.sub(r"\D", "", self.headers.get("Range", "0")) or 0)
        total = len(data)
        headers["Content-Range"] = f"bytes {first}-{total - 1}/{total}"
        cut = self._hub.cut_after
        end = total if cut is None else min(total, first + cut)
        self._hub.sent.setdefault(path, []).append((first, end))
        self._send(206 if first else 200, data[first:], headers, upto=end - first)

    def _missing(self, code: str) -> None:
        self._send(404, b"", {"X-Error-Code": code})

    def _send(
        self,
        status: int,
        data: bytes,
        headers: Mapping[str, str],
        *,
        body: bool = True,
        upto: int | None = None,
    ) -> None:
        """``upto``: of the bytes that were promised, send only so many."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data[:upto])
        if upto is not None and upto < len(data):
            self._hub.gone = self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _lfs(data: bytes) -> dict[str, object] | None:
    """Large files have a hash that is told; here, those that are not text."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return None
