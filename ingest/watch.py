"""Follows folders: runs the ingest at the start and after every burst of changes.

What changed is not used: the ingest compares the whole folder anyway, which is cheap, and
events can be lost (queues overflow, network mounts tell nothing). For the same reason it
also runs every few minutes without a change.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import watchfiles
from rich.console import Console

from ingest.folders import folder_identity
from ingest.ignore import IGNORE_FILE
from ingest.names import is_hidden
from rag_service.errors import CollectionBusy, PathNotFound, RagError, StorageError

# What editors and browsers write beside a file before it gets its name.
_TEMPORARY_SUFFIXES = (".tmp", ".swp", ".part", ".crdownload", "~")
# Between two looks at whether the folders are still there and whether a run is due.
_TICK_S = 0.5
_TICK_MS = int(_TICK_S * 1000)
# Longest wait for a burst of changes to end, in debounce times.
_LONGEST_BURST = 20
_FIRST_RETRY_S, _LAST_RETRY_S = 2.0, 60.0
# What passes without a change in the folder: trying again is worth it.
_PASSING = (CollectionBusy, PathNotFound, StorageError)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """``debounce_ms`` is how long nothing must change before a burst of changes is over.

    ``poll`` looks for changes every ``poll_s`` seconds instead of being told of them by the
    system: for network mounts. ``compare_every_s`` is the time to a run without changes.
    Changes within ``ignore``, such as the folder of the collections, are none.
    """

    debounce_ms: int = 500
    poll: bool = False
    poll_s: float = 10.0
    compare_every_s: float = 600.0
    ignore: tuple[Path, ...] = ()


DEFAULT_OPTIONS = WatchOptions()


def watch(
    run_once: Callable[[], object],
    roots: Sequence[Path],
    *,
    console: Console,
    options: WatchOptions = DEFAULT_OPTIONS,
    stop: threading.Event | None = None,
) -> None:
    """Call ``run_once`` at the start and after changes, until Ctrl-C or ``stop``.

    An error of ours is shown and does not end it; a collection that is busy, a folder that
    is gone and a full disk are tried again after some seconds, then less and less often.

    Raises:
        PathNotFound: a folder is not there at the start.
    """
    for root in roots:
        if not root.is_dir():
            raise PathNotFound(f"{root} is not a folder; nothing is watched.")

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    runner = _Runner(run_once, say, options.compare_every_s)
    watcher = _Watcher(roots, options, stop or threading.Event(), say)
    try:
        for changed in watcher.ticks():
            runner.tick(changed)
    except KeyboardInterrupt:
        say("Stopped watching. What was finished is kept.")


def watch_changes(
    roots: Sequence[Path],
    *,
    stop: threading.Event,
    say: Say,
    options: WatchOptions = DEFAULT_OPTIONS,
) -> Iterator[None]:
    """Yield once as soon as the folders are watched, then after every burst of changes.

    Hidden files other than .ragignore and editors' temporary files do not count. While a
    folder is gone nothing is yielded; when it is back, that is a change.
    """
    for changed in _Watcher(roots, options, stop, say).ticks():
        if changed:
            yield


class _Runner:
    """Decides when to run, and outlives the errors of a run."""

    def __init__(self, run_once: Callable[[], object], say: Say, compare_every_s: float) -> None:
        self._run_once = run_once
        self._say = say
        self._compare_every_s = compare_every_s
        self._due = time.monotonic() + compare_every_s
        self._retry_s = _FIRST_RETRY_S
        self._told = ""

    def tick(self, changed: bool) -> None:
        if changed or time.monotonic() >= self._due:
            self._due = self._run() + time.monotonic()

    def _run(self) -> float:
        """Run, and return the seconds to the next run if nothing changes before."""
        try:
            self._run_once()
        except RagError as error:
            self._tell(str(error))
            if not isinstance(error, _PASSING):
                return self._compare_every_s
            wait, self._retry_s = self._retry_s, min(2 * self._retry_s, _LAST_RETRY_S)
            return min(wait, self._compare_every_s)
        self._retry_s, self._told = _FIRST_RETRY_S, ""
        return self._compare_every_s

    def _tell(self, message: str) -> None:
        if message != self._told:  # not at every attempt
            self._say(f"error: {message}")
        self._told = message


class _Watcher:
    def __init__(
        self, roots: Sequence[Path], options: WatchOptions, stop: threading.Event, say: Say
    ) -> None:
        self._roots = [os.path.realpath(root) for root in roots]
        self._ignored = tuple(os.path.realpath(path) for path in options.ignore)
        self._options = options
        self._poll = options.poll
        self._stop = stop
        self._say = say

    def ticks(self) -> Iterator[bool]:
        """Whether something changed, about twice a second while all folders are there."""
        gone = ""
        while not self._stop.is_set():
            identities = self._identities()
            missing = next((root for root, found in identities.items() if found is None), "")
            if missing:
                if missing != gone:
                    self._say(f"{missing} is gone; waiting for it to come back.")
                self._stop.wait(_TICK_S)
            else:
                if gone:
                    self._say(f"{gone} is back.")
                yield from self._while_the_same(identities)
            gone = missing

    def _identities(self) -> dict[str, tuple[int, int] | None]:
        return {root: folder_identity(root) for root in self._roots}

    def _while_the_same(self, identities: dict[str, tuple[int, int] | None]) -> Iterator[bool]:
        # The system watches a folder, not its path: one that was deleted and made again,
        # or a disk that was mounted on it, would not be seen.
        try:
            for changed in self._polled() if self._poll else self._notified():
                if self._identities() != identities:
                    return
                yield changed
        except FileNotFoundError:
            return
        except (OSError, RuntimeError) as error:  # no more watches, or a folder not ours to read
            self._poll = True
            self._say(
                f"The system cannot tell of changes ({error}); looking for them every "
                f"{self._options.poll_s:g} seconds instead."
            )

    def _notified(self) -> Iterator[bool]:
        debounce_ms = self._options.debounce_ms
        fresh = True
        for changes in watchfiles.watch(
            *self._roots,
            watch_filter=None,
            debounce=_LONGEST_BURST * debounce_ms,
            step=debounce_ms,
            stop_event=self._stop,
            rust_timeout=_TICK_MS,
            yield_on_timeout=True,
            # With True, one unreadable folder would silently end the watch of all after it.
            ignore_permission_denied=False,
        ):
            yield fresh or any(self._matters(path) for _, path in changes)
            fresh = False

    def _polled(self) -> Iterator[bool]:
        before = None
        while not self._stop.is_set():
            now = self._snapshot()
            yield now != before
            before = now
            until = time.monotonic() + self._options.poll_s
            while time.monotonic() < until:
                if self._stop.wait(min(_TICK_S, self._options.poll_s)):
                    return
                yield False

    def _snapshot(self) -> int:
        """A number that changes with any name, size or time stamp that matters."""
        number = 0
        folders = list(self._roots)
        while folders:
            try:
                with os.scandir(folders.pop()) as listing:
                    for entry in listing:
                        if not self._matters(entry.path):
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        found = entry.stat(follow_symlinks=False)
                        number ^= hash((entry.path, found.st_size, found.st_mtime_ns))
            except OSError:
                continue  # the ingest will report it
        return number

    def _matters(self, path: str) -> bool:
        if any(path == ignored or path.startswith(ignored + os.sep) for ignored in self._ignored):
            return False
        root = next((r for r in self._roots if path.startswith(r + os.sep)), path)
        *folders, name = path[len(root) + 1 :].split(os.sep)  # noqa: PTH206
        if any(map(is_hidden, folders)) or name.endswith(_TEMPORARY_SUFFIXES):
            return False
        return name == IGNORE_FILE or not is_hidden(name)
