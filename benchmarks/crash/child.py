"""What runs in the process that is killed: an ingest with a model that costs nothing.

Light to import, because the parser processes import it again. The steps of an ingest are made
small, so that a small folder goes through as many of them as a large one would.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from benchmarks.crash.places import Trace

# Imported once by the server that children are forked from. None of them starts a thread.
PRELOAD = ("ingest.cli", "ingest.run", "ingest.watch", "ingest.worker", "ingest.uploads")

LARGE_BYTES, PART_BYTES = 64 << 10, 16 << 10

Program = Literal["ingest", "worker"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a child is to run, and where it is to stop; see `places.Trace`.

    ``real_sizes`` leaves the sizes of steps and parts as they are in the product.
    """

    command: Program
    arguments: tuple[str, ...]
    data_dir: str
    log: str
    out: str
    pause: tuple[str, int] | None = None
    real_sizes: bool = False


def main(order: Order, events: Connection) -> None:
    """Carry out the order, and exit with its code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # where it is ignored, too
    os.setsid()  # so that all it starts can be found, and killed with it
    _forget_tracker()
    _redirect(order)
    os.environ["RAG_DATA_DIR"] = order.data_dir
    from benchmarks.crash.places import Trace, watch_places

    trace = Trace(events.fileno(), order.pause)
    watch_places(trace)
    _use_stand_in(trace)
    if not order.real_sizes:
        _make_steps_small()
    code = _run(order)
    atexit._run_exitfuncs()  # as at the end of a command, but not of a forked process
    sys.exit(code)


def _forget_tracker() -> None:
    """Start a resource tracker of its own, as a command does: it must end by itself too."""
    tracker: Any = getattr(resource_tracker, "_resource_tracker")  # noqa: B009 - not in the stubs
    tracker._fd = tracker._pid = None


def _run(order: Order) -> int:
    import ingest.cli
    import ingest.worker

    if order.command == "worker":
        return ingest.worker.main(list(order.arguments))
    return ingest.cli.run(list(order.arguments))


def _redirect(order: Order) -> None:
    for path, descriptor in ((order.out, 1), (order.log, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(opened, descriptor)
        os.close(opened)


def _use_stand_in(trace: Trace) -> None:
    import ingest.run
    from benchmarks.crash.standin import WordHashes

    embeddings = WordHashes(lambda texts: trace.tell(f"#{texts}"))
    vars(ingest.run)["open_embeddings"] = lambda *_, **__: embeddings


def _make_steps_small() -> None:
    from ingest import large, pipeline, steps, watch
    from rag_service.store import collection_writer

    large.LARGE_BYTES, large.PART_BYTES = LARGE_BYTES, PART_BYTES
    pipeline.EMBED_GROUP, pipeline.COMMIT_GROUP = 24, 6
    steps.EMBED_STEP, steps._PUBLISH_AFTER_S = 8, 0.05
    collection_writer.SNAPSHOT_CHUNKS = 40
    watch.WatchOptions = partial(watch.WatchOptions, debounce_ms=100)  # type: ignore[assignment, misc]
