"""What is gained by what the chat model has read before, and how fast it lets go of a prompt.

The model says a fixed text, but computes as much as a small one would. Its tokens are bytes, so
the prompts are some thousands of tokens long. Times are ratios to those of a cold question: one
that comes after a question in the other language, with which it shares nothing, to a service that
keeps no states (`chat.prefix_cache_mb` 0). That service and one that does take turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import connect_sse

from benchmarks.chat import QUESTION, chat_home
from benchmarks.results import Figure, note, report
from benchmarks.service import BenchmarkFailed, running_service
from rag_service.errors import Cancelled
from rag_service.generation.chat_model import LlamaCppChat, open_llama_chat
from rag_service.settings import ChatSettings
from tests.gguf_models import write_scripted_gguf

NAME = "prefix cache"
_ANSWER = "The warranty lasts three years [1]."
_CHINESE = "记录仪的保修期是多久？"
_SECOND = "Where should the Aldra recorder be stored?"
_FOLLOW_UP = "And from when on does it run?"
_STANDS_ALONE = "From when on does the warranty of the Aldra recorder run?"
_HISTORY = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": _ANSWER}]
_LAYERS, _FFN, _WINDOW = 8, 1024, 16_384
_CANCELS = 20
_BEFORE_CANCEL_S = (0.1, 0.05)  # the first one, and so much later each one after it


@dataclass(frozen=True, slots=True)
class First:
    """How long the first piece of an answer took, and what of its prompt was known."""

    seconds: float
    cached: int
    prompt: int


def first_token(url: str, question: str, **body: Any) -> First:
    started = time.perf_counter()
    seconds = 0.0
    asked = {"question": question, "stream": True, **body}
    with (
        httpx.Client(timeout=300) as client,
        connect_sse(client, "POST", f"{url}/ask", json=asked) as source,
    ):
        for event in source.iter_sse():
            if event.event == "token":
                seconds = seconds or time.perf_counter() - started
            elif event.event == "done":
                usage = event.json()["usage"]
                return First(seconds, usage["cached_tokens"], usage["prompt_tokens"])
    raise BenchmarkFailed(f"There was no whole answer to {question!r}.")


def _rounds(plain: str, keeping: str, rounds: int) -> Mapping[str, list[First]]:
    """Both services are asked the same things, the one that keeps states also more."""
    found: dict[str, list[First]] = {"cold": [], **{name: [] for name in _LABELS}}
    first_token(keeping, QUESTION)
    first_token(keeping, _FOLLOW_UP, history=_HISTORY)
    for _ in range(rounds):
        for url in (plain, keeping):
            first_token(url, _CHINESE)
            found["cold" if url == plain else "return"].append(first_token(url, QUESTION))
            turn = first_token(url, _FOLLOW_UP, history=_HISTORY)
            found["plain turn" if url == plain else "turn"].append(turn)
        found["alone"].append(first_token(keeping, _STANDS_ALONE, history=_HISTORY))
        found["second"].append(first_token(keeping, _SECOND))
        found["again"].append(first_token(keeping, _SECOND))
    return found


_LABELS = {
    "second": "second question on the collection",
    "again": "the same question again",
    "return": "question after one in the other language",
    "plain turn": "second turn, question rewritten first, no states kept",
    "turn": "second turn, question rewritten first",
    "alone": "second turn, question that stands alone",
}


def _ratios(found: Mapping[str, Sequence[First]]) -> list[Figure]:
    figure = partial(Figure, NAME)
    cold = found["cold"]
    figures = [
        figure("cold question: first token, median", _median(cold) * 1e3, "ms"),
        figure("cold question: tokens read", cold[0].prompt, ""),
    ]
    for name, label in _LABELS.items():
        pairs = zip(found[name], cold, strict=True)
        ratio = statistics.median(one.seconds / other.seconds for one, other in pairs)
        share = statistics.median(one.cached / one.prompt for one in found[name])
        figures.append(figure(f"{label}: first token, ratio to cold", ratio, ""))
        figures.append(figure(f"{label}: share of the prompt known", share, ""))
    return figures


def _median(firsts: Sequence[First]) -> float:
    return statistics.median(first.seconds for first in firsts)


def cancel_latencies(model: Path) -> list[float]:
    """Seconds from the wish to stop in the middle of a prompt to the next question's turn."""
    settings = ChatSettings(model=str(model), context_tokens=_WINDOW, queue_size=1)
    chat = open_llama_chat(settings)
    try:
        return [_cancel(chat, number) for number in range(_CANCELS)]
    finally:
        chat.close()


def _cancel(chat: LlamaCppChat, number: int) -> float:
    alone = _short_call(chat)
    cancelled = threading.Event()
    prompt = f"{number} " + "word " * (_WINDOW // 6)
    reader = threading.Thread(target=_read, args=(chat, prompt, cancelled))
    reader.start()
    first, step = _BEFORE_CANCEL_S
    time.sleep(first + step * number)
    cancelled.set()
    taken = _short_call(chat)
    reader.join()
    return max(0.0, taken - alone)


def _short_call(chat: LlamaCppChat) -> float:
    started = time.perf_counter()
    chat.invoke("?", max_tokens=1)
    return time.perf_counter() - started


def _read(chat: LlamaCppChat, prompt: str, cancelled: threading.Event) -> None:
    try:
        chat.invoke(prompt, cancelled=cancelled)
    except Cancelled:
        return
    raise BenchmarkFailed("The prompt was read before it could be cancelled.")


def run(*, rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        home = chat_home(Path(temporary))
        model = write_scripted_gguf(home / "slow.gguf", _ANSWER, layers=_LAYERS, ffn=_FFN)
        note("Cancelling prompts ...")
        latencies = cancel_latencies(model)
        chat = {"RAG_CHAT__MODEL": str(model), "RAG_CHAT__CONTEXT_TOKENS": str(_WINDOW)}
        note("Asking ...")
        keep_none = chat | {"RAG_CHAT__PREFIX_CACHE_MB": "0"}
        with (
            running_service(home / "data", settings=keep_none) as plain,
            running_service(home / "data", settings=chat) as keeping,
        ):
            local = "http://127.0.0.1"
            found = _rounds(f"{local}:{plain.port}", f"{local}:{keeping.port}", rounds)
    cancel = partial(Figure, NAME)
    return [
        *_ratios(found),
        cancel("cancel in mid-prompt, median", statistics.median(latencies) * 1e3, "ms"),
        cancel("cancel in mid-prompt, worst", max(latencies) * 1e3, "ms", 1000),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prefix_cache", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="of each kind of question")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    args = parser.parse_args()
    report(partial(run, rounds=args.rounds), args.json)


if __name__ == "__main__":
    main()
