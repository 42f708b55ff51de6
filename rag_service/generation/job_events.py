"""Waiting for what the model's thread says of a call."""

from __future__ import annotations

import asyncio
import contextlib
import queue

from langchain_core.messages import AIMessageChunk

from rag_service.errors import RagError
from rag_service.generation.llama_lane import Finished, Job, JobEvent
from rag_service.generation.llama_messages import piece_message
from rag_service.generation.output_text import Piece
from rag_service.types import QueuedEvent

WATCH_INTERVAL_S = 0.02  # how often a waiting caller looks whether it has been cancelled


def next_event(events: queue.SimpleQueue[JobEvent], job: Job) -> JobEvent:
    """The next event; raises as soon as the caller has left or its time is over."""
    while True:
        _raise_if_over(job)
        with contextlib.suppress(queue.Empty):
            return events.get(timeout=WATCH_INTERVAL_S)


async def next_event_async(events: asyncio.Queue[JobEvent], job: Job) -> JobEvent:
    """``next_event`` for an event loop."""
    while True:
        _raise_if_over(job)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WATCH_INTERVAL_S):  # wait_for may forget a cancellation
                return await events.get()


def told(event: JobEvent) -> QueuedEvent | AIMessageChunk:
    """What the caller is told of an event; raises it if it is an error."""
    match event:
        case QueuedEvent():
            return event
        case Piece():
            return piece_message(event)
        case RagError():
            raise event
        case Finished():
            raise AssertionError("the end has no text; this is a bug")


def _raise_if_over(job: Job) -> None:
    if over := job.over():
        raise over
