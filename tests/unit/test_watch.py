"""Following folders: real files, and the system that tells of their changes."""

from __future__ import annotations

import io
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from ingest.watch import WatchOptions, watch, watch_changes
from rag_service.errors import CollectionBusy, ConfigError, PathNotFound, RagError
from tests.privileges import without_privileges

QUICK = WatchOptions(debounce_ms=50, poll_s=0.1)
POLLING = replace(QUICK, poll=True)
PATIENCE_S = 20.0  # how long a test waits for what must happen
QUIET_S = 0.6  # how long nothing must happen


class Watched:
    """Bursts of changes as they are told, from a thread."""

    def __init__(self, root: Path, options: WatchOptions) -> None:
        self.messages: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._bursts: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(root, options))
        self._thread.start()

    def _run(self, root: Path, options: WatchOptions) -> None:
        for burst in watch_changes([root], stop=self._stop, say=self.messages.put, options=options):
            self._bursts.put(burst)

    def expect(self) -> None:
        """Wait for a burst, and let its stragglers pass."""
        self._bursts.get(timeout=PATIENCE_S)
        time.sleep(0.3)
        while not self._bursts.empty():
            self._bursts.get()

    def is_quiet(self) -> bool:
        try:
            self._bursts.get(timeout=QUIET_S)
        except queue.Empty:
            return True
        return False

    def close(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


@contextmanager
def watching(root: Path, options: WatchOptions) -> Iterator[Watched]:
    watched = Watched(root, options)
    try:
        watched.expect()  # the first, as soon as the folder is watched
        yield watched
    finally:
        watched.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("options", [QUICK, POLLING], ids=["told by the system", "polling"])
def test_every_kind_of_change_is_seen(root: Path, options: WatchOptions) -> None:
    with watching(root, options) as watched:
        (root / "a.txt").write_text("one")
        watched.expect()
        (root / "a.txt").write_text("two!")
        watched.expect()
        (root / "a.txt").rename(root / "b.txt")
        watched.expect()
        (root / "new" / "deep").mkdir(parents=True)
        (root / "new" / "deep" / "手册.md").write_text("three")
        watched.expect()
        shutil.rmtree(root / "new")
        watched.expect()
        assert watched.is_quiet()


@pytest.mark.parametrize("options", [QUICK, POLLING], ids=["told by the system", "polling"])
def test_hidden_and_temporary_files_are_no_change_but_ignore_files_are(
    root: Path, options: WatchOptions
) -> None:
    own_data = root / "data"
    own_data.mkdir()
    (root / ".git").mkdir()
    with watching(root, replace(options, ignore=(own_data,))) as watched:
        for name in (".hidden", ".git/index", "a.txt~", "b.swp", "~$c.docx", "data/catalog.sqlite"):
            (root / name).write_text("x")
        assert watched.is_quiet()
        (root / ".ragignore").write_text("*.log")
        watched.expect()


def test_reading_is_no_change(root: Path) -> None:
    (root / "a.txt").write_text("one")
    with watching(root, QUICK) as watched:
        (root / "a.txt").read_text()
        assert [path.name for path in root.iterdir()] == ["a.txt"]
        assert watched.is_quiet()


def test_many_changes_at_once_are_one_burst(root: Path) -> None:
    with watching(root, replace(QUICK, debounce_ms=300)) as watched:
        for n in range(50):
            (root / f"{n}.txt").write_text("x")
        watched._bursts.get(timeout=PATIENCE_S)
        assert watched.is_quiet()


@pytest.mark.parametrize("options", [QUICK, POLLING], ids=["told by the system", "polling"])
def test_a_folder_that_goes_away_is_waited_for_and_followed_again(
    root: Path, options: WatchOptions
) -> None:
    with watching(root, options) as watched:
        root.rename(root.with_name("elsewhere"))
        assert watched.messages.get(timeout=PATIENCE_S) == (
            f"{root} is gone; waiting for it to come back."
        )
        while not watched._bursts.empty():
            watched._bursts.get()
        assert watched.is_quiet()
        root.mkdir()
        assert watched.messages.get(timeout=PATIENCE_S) == f"{root} is back."
        watched.expect()
        (root / "a.txt").write_text("one")
        watched.expect()
        assert watched.messages.empty()


def test_a_folder_that_is_replaced_at_once_is_followed_too(root: Path) -> None:
    with watching(root, QUICK) as watched:
        root.rename(root.with_name("elsewhere"))
        root.mkdir()
        watched.expect()
        assert watched.is_quiet()
        (root / "a.txt").write_text("one")
        watched.expect()


# -- the loop around it ------------------------------------------------------------------------


class Runs:
    """Counts its calls, answers with the errors it was given, and ends the watch."""

    def __init__(self, *answers: RagError | None) -> None:
        self.stop = threading.Event()
        self._answers = list(answers)

    def __call__(self) -> None:
        answer = self._answers.pop(0)
        if not self._answers:
            self.stop.set()
        if answer is not None:
            raise answer


def watched_until_stopped(runs: Runs, root: Path, options: WatchOptions) -> list[str]:
    """Watch until the runs are used up; returns what was said."""
    stream = io.StringIO()
    console = Console(file=stream, width=40)
    watch(runs, [root], console=console, options=options, stop=runs.stop)
    return stream.getvalue().splitlines()


def test_it_runs_at_the_start_and_every_so_often_without_a_change(root: Path) -> None:
    assert watched_until_stopped(Runs(None, None), root, replace(QUICK, compare_every_s=0.1)) == []


def test_it_runs_again_after_a_change(root: Path) -> None:
    runs = Runs(None, None)

    def write_then(run: Callable[[], None]) -> Callable[[], None]:
        def both() -> None:
            (root / "a.txt").write_text("one")
            run()

        return both

    watch(write_then(runs), [root], console=Console(quiet=True), options=QUICK, stop=runs.stop)


@pytest.mark.parametrize(
    "error", [CollectionBusy("It is busy."), PathNotFound("No documents."), ConfigError("Odd.")]
)
def test_an_error_is_told_once_and_does_not_end_the_watch(root: Path, error: RagError) -> None:
    runs = Runs(error, error, None)
    said = watched_until_stopped(runs, root, replace(QUICK, compare_every_s=0.1))
    assert said == [f"error: {error}"]


def test_an_error_that_comes_back_after_a_good_run_is_told_again(root: Path) -> None:
    error = ConfigError("A sentence that is longer than the forty columns of this console.")
    runs = Runs(error, None, error, None)
    said = watched_until_stopped(runs, root, replace(QUICK, compare_every_s=0.1))
    assert said == [f"error: {error}"] * 2


def test_a_bug_ends_the_watch(root: Path) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watch(broken, [root], console=Console(quiet=True), options=QUICK)


def test_a_folder_that_is_not_there_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match="gone is not a folder; nothing is watched"):
        watch(Runs(None), [tmp_path / "gone"], console=Console(quiet=True))


@pytest.mark.parametrize(("number", "poll"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_a_signal_ends_it_cleanly(root: Path, number: signal.Signals, poll: bool) -> None:
    program = f"""
import signal
from pathlib import Path
from rich.console import Console
from ingest.watch import WatchOptions, watch

def interrupt(number, frame):
    raise KeyboardInterrupt

for number in (signal.SIGINT, signal.SIGTERM):  # one may be ignored where the tests run
    signal.signal(number, interrupt)
watch(
    lambda: print("ran", flush=True),
    [Path({str(root)!r})],
    console=Console(),
    options=WatchOptions(debounce_ms=50, poll={poll}),
)
print("done", flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ran\n"
            process.send_signal(number)
            rest, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert rest.splitlines() == ["Stopped watching. What was finished is kept.", "done"]
    assert process.returncode == 0


def test_where_the_system_cannot_tell_it_is_said_and_changes_are_looked_for() -> None:
    """One unreadable folder hides others from the system's watch."""
    said: list[str] = []
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are private
        root = Path(name)
        root.chmod(0o777)
        (root / "locked").mkdir(mode=0)
        with without_privileges():
            changes = watch_changes([root], stop=threading.Event(), say=said.append, options=QUICK)
            next(changes)
            (root / "a.txt").write_text("x")
            next(changes)
        (root / "locked").chmod(0o755)
    (told,) = said
    assert told.startswith("The system cannot tell of changes (Permission denied")
    assert told.endswith("looking for them every 0.1 seconds instead.")
