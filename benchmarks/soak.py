"""Many clients at one chat model, many of which leave before they have their answer.

What must not happen: a request that never ends, an answer that is neither whole nor cleanly ended,
an error other than "the queue is full", a service that dies, or one that keeps memory, threads or
open files of requests that are over. The model is tiny and says a fixed text, so every whole
answer is known.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import httpx
from httpx_sse import EventSource, ServerSentEvent

from benchmarks.chat import ANSWER, QUESTION, chat_home, scripted
from benchmarks.results import Figure, note, print_figures, write_json
from benchmarks.service import running_service
from benchmarks.service_memory import resident_mb

NAME = "soak"
PATIENCE_S = 60.0  # a request that takes longer hangs
_LEAVE_SHARE = 0.4
_SETTLE_S = 3.0
_WARM_UP_S = 10.0

Outcome = Literal["whole", "left", "refused", "ended", "wrong", "failed", "hung"]
BAD: tuple[Outcome, ...] = ("wrong", "failed", "hung")


@dataclass(frozen=True, slots=True)
class _Plan:
    """One request. ``leave_after``: events read before the client leaves; None: it stays."""

    path: str
    stream: bool
    leave_after: int | None
    patience_s: float


def soak(url: str, *, seconds: float, clients: int, seed: int = 1) -> Counter[Outcome]:
    """Ask without pause for so long, with so many clients at once; how the requests ended.

    "whole": the answer was complete. "left": by the client. "refused": 503, the queue was full.
    "ended": the stream closed with an error event. The others are faults of the service.
    """
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(clients) as pool:
        work = partial(_client, url, until)
        tallies = pool.map(work, range(seed, seed + clients))
        return sum(tallies, Counter[Outcome]())


def _client(url: str, until: float, seed: int) -> Counter[Outcome]:
    chance = random.Random(seed)
    tally: Counter[Outcome] = Counter()
    while time.monotonic() < until:
        tally[_ask(url, _plan(chance))] += 1
    return tally


def _plan(chance: random.Random) -> _Plan:
    path = chance.choice(("/ask", "/v1/chat/completions"))
    stream = chance.random() < 0.75
    if chance.random() >= _LEAVE_SHARE:
        return _Plan(path, stream, None, PATIENCE_S)
    if stream:
        return _Plan(path, stream, chance.randrange(20), PATIENCE_S)
    return _Plan(path, stream, None, chance.uniform(0.01, 0.5))


def _ask(url: str, plan: _Plan) -> Outcome:
    timeout = httpx.Timeout(PATIENCE_S, read=plan.patience_s)
    try:
        with (
            httpx.Client(timeout=timeout) as client,
            client.stream("POST", url + plan.path, json=_body(plan)) as response,
        ):
            if response.status_code != 200:
                return _refusal(response)
            if not plan.stream:
                return _judge(json.loads(response.read()))
            return _read(EventSource(response).iter_sse(), plan)
    except httpx.TimeoutException:
        return "left" if plan.patience_s < PATIENCE_S else "hung"
    except httpx.TransportError as error:
        note(f"{plan}: {error!r}")
        return "failed"


def _body(plan: _Plan) -> dict[str, Any]:
    if plan.path == "/ask":
        return {"question": QUESTION, "stream": plan.stream}
    messages = [{"role": "user", "content": QUESTION}]
    return {"model": "default", "messages": messages, "stream": plan.stream}


def _refusal(response: httpx.Response) -> Outcome:
    response.read()
    if response.status_code == 503 and int(response.headers["retry-after"]) >= 1:
        time.sleep(0.05)
        return "refused"
    note(f"{response.status_code}: {response.text[:200]}")
    return "failed"


def _read(events: Iterator[ServerSentEvent], plan: _Plan) -> Outcome:
    for number, event in enumerate(events):
        if plan.leave_after == number:
            return "left"
        if event.data == "[DONE]":
            return "wrong"  # without the native reply before it
        data = event.json()
        if "error" in data:
            return "ended"
        if event.event == "done" or "rag" in data:
            return _judge(data)
    return "wrong"  # cut off without a word


def _judge(reply: dict[str, Any]) -> Outcome:
    reply = reply.get("rag", reply)
    return "whole" if reply["answer"] == ANSWER and reply["citations"] else "wrong"


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds."""

    memory_mb: float
    threads: int
    files: int

    @classmethod
    def of(cls, pid: int) -> Footprint:
        process = Path(f"/proc/{pid}")
        threads, files = (sum(1 for _ in (process / what).iterdir()) for what in ("task", "fd"))
        return cls(resident_mb(pid), threads, files)


def run(*, minutes: float, clients: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        home = chat_home(Path(temporary))
        chat = scripted(home, queue_size=clients // 2)
        with running_service(home / "data", settings=chat) as service:
            url = f"http://127.0.0.1:{service.port}"
            note("Warming up ...")
            soak(url, seconds=_WARM_UP_S, clients=clients, seed=1000)
            time.sleep(_SETTLE_S)
            before = Footprint.of(service.pid)
            note(f"{clients} clients for {minutes:g} minutes ...")
            tally = soak(url, seconds=60 * minutes, clients=clients)
            time.sleep(_SETTLE_S)
            return _figures(tally, before, Footprint.of(service.pid), _last(url))


def _last(url: str) -> Outcome:
    """A request when all is quiet."""
    return _ask(url, _Plan("/ask", stream=True, leave_after=None, patience_s=PATIENCE_S))


def _figures(
    tally: Counter[Outcome], before: Footprint, after: Footprint, last: Outcome
) -> list[Figure]:
    figure = partial(Figure, NAME)
    outcomes: tuple[Outcome, ...] = ("whole", "left", "refused", "ended", *BAD)
    return [
        figure("requests", tally.total(), ""),
        *(figure(name, tally[name], "", 0 if name in BAD else None) for name in outcomes),
        figure("no whole answer when all is quiet again", int(last != "whole"), "", 0),
        figure("memory before", before.memory_mb, "MB"),
        figure("memory grown", after.memory_mb - before.memory_mb, "MB", 30),
        figure("threads left over", after.threads - before.threads, "", 0),
        figure("open files left over", after.files - before.files, "", 0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long")
    parser.add_argument("--clients", type=int, default=32, help="how many at once")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    args = parser.parse_args()
    figures = run(minutes=args.minutes, clients=args.clients)
    print_figures(figures)
    if args.json:
        write_json(figures, args.json)
    sys.exit(any(figure.verdict == "MISSED" for figure in figures))


if __name__ == "__main__":
    main()
