"""A service that answers all the time while the ingest beside it is killed."""

from __future__ import annotations

import random
import threading
from pathlib import Path

from benchmarks.crash.corpus import MARK, WORDS
from benchmarks.crash.standin import WordHashes
from rag_service.bootstrap import open_service
from rag_service.errors import CollectionNotFound
from rag_service.service import Service
from rag_service.settings import Settings


def cheap_service(data_dir: Path) -> Service:
    """The service with the children's model."""
    settings = Settings.model_validate({"data_dir": data_dir})
    return open_service(settings, WordHashes())


class Reader(threading.Thread):
    """Searches one collection after another; an error, a text that is gone, and a text that is
    not found although nobody touched it, are problems."""

    def __init__(self, service: Service, seed: int, pause_s: float = 0.1) -> None:
        super().__init__(name="reader")
        self._service = service
        self._rng = random.Random(seed)
        self._pause_s = pause_s
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._collection = ""
        self._gone: frozenset[str] = frozenset()
        self._stable: tuple[str, ...] = ()
        self.problems: list[str] = []
        self.searches = 0

    def expect(self, collection: str, *, gone: set[str], stable: set[str]) -> None:
        """Search this collection: never find texts marked ``gone``, always those ``stable``."""
        with self._lock:
            self._collection = collection
            self._gone, self._stable = frozenset(gone), tuple(sorted(stable))

    def run(self) -> None:
        while not self._done.wait(self._pause_s):
            try:
                with self._lock:
                    self._search()
            except CollectionNotFound:
                continue  # the first run has not got that far
            except Exception as error:  # noqa: BLE001 - any error at all is a finding
                self.problems.append(f"a search failed: {type(error).__name__}: {error}")

    def _search(self) -> None:
        if not self._collection:
            return
        word = self._rng.choice(self._stable) if self._stable else self._rng.choice(WORDS)
        hits = self._service.search(word, collection=self._collection, top_k=10).hits
        self.searches += 1
        shown = {found for hit in hits for found in MARK.findall(hit.chunk.text)}
        if shown & self._gone:
            self.problems.append(f"deleted text was found: {sorted(shown & self._gone)}")
        if self._stable and word not in shown:
            self.problems.append(f"{word} is there, unchanged, and was not found")

    def finish(self) -> None:
        self._done.set()
        self.join()
