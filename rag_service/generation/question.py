"""What a caller asks."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field

from rag_service.filters import Filters
from rag_service.generation.backend import CallOptions
from rag_service.types import Turn


@dataclass(frozen=True, slots=True)
class Question:
    """What the caller asked. ``top_k`` and ``max_tokens`` are already resolved.

    ``temperature`` and ``seed``: None leaves them as the settings have them. ``deadline`` is
    when the chat model must be done (``time.monotonic``).
    """

    text: str
    collection: str
    top_k: int
    max_tokens: int
    filters: Filters | None = None
    history: tuple[Turn, ...] = ()
    temperature: float | None = None
    seed: int | None = None
    deadline: float = math.inf
    cancelled: threading.Event = field(default_factory=threading.Event)

    def options(self, max_tokens: int) -> CallOptions:
        """How the chat model is to reply."""
        return CallOptions(max_tokens, self.temperature, self.seed, self.deadline, self.cancelled)
