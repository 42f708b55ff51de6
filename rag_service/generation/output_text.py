"""From the bytes of generated tokens to the text a reader sees."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of output, in whole characters; ``reasoning`` marks what is not the answer."""

    text: str
    reasoning: bool = False


class OutputText:
    """Turns token bytes into pieces of the answer, as early as that is safe.

    Tokens may end inside a character, a stop string or a tag; what could still become
    one is held back until the next token decides. ``<think>…</think>`` is the models'
    common mark for reasoning and comes out as pieces of its own. White space before the
    answer is dropped: it belongs to the prompt's layout or follows the reasoning.
    """

    def __init__(self, stop: Sequence[str] = (), *, thinking: bool = False) -> None:
        """``thinking``: the prompt has already opened the reasoning."""
        self.stopped = False
        self._stop = tuple(text for text in stop if text)
        self._thinking = thinking
        self._started = False
        self._pending = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def thinking(self) -> bool:
        """Whether the next piece belongs to the reasoning."""
        return self._thinking

    def feed(self, data: bytes) -> list[Piece]:
        """Add one token's bytes; return what can be shown now."""
        self._pending += self._decoder.decode(data)
        pieces = self._pass_markers()
        if not self.stopped:
            shown = len(self._pending) - _open_end(self._pending, self._markers())
            pieces += self._take(shown)
        return pieces

    def flush(self) -> list[Piece]:
        """Return what was held back, at the end; half a character is dropped."""
        return [] if self.stopped else self._take(len(self._pending))

    def _markers(self) -> tuple[str, ...]:
        return (THINK_CLOSE,) if self._thinking else (*self._stop, THINK_OPEN)

    def _pass_markers(self) -> list[Piece]:
        pieces: list[Piece] = []
        while not self.stopped and (found := _first(self._pending, self._markers())):
            position, marker = found
            pieces += self._take(position)
            self._pending = self._pending[len(marker) :]
            if marker in (THINK_OPEN, THINK_CLOSE) and marker not in self._stop:
                self._thinking = marker == THINK_OPEN
            else:
                self.stopped = True
        return pieces

    def _take(self, length: int) -> list[Piece]:
        text, self._pending = self._pending[:length], self._pending[length:]
        if not self._thinking and not self._started:
            text = text.lstrip()
            self._started = bool(text)
        return [Piece(text, self._thinking)] if text else []


def _first(text: str, markers: Sequence[str]) -> tuple[int, str] | None:
    """The marker that occurs first in ``text``, with its position."""
    found = [(position, marker) for marker in markers if (position := text.find(marker)) >= 0]
    return min(found) if found else None


def _open_end(text: str, markers: Sequence[str]) -> int:
    """Length of the longest end of ``text`` that may be the beginning of a marker."""
    longest = min(len(text), max(map(len, markers)) - 1)
    for length in range(longest, 0, -1):
        if any(marker.startswith(text[-length:]) for marker in markers):
            return length
    return 0
