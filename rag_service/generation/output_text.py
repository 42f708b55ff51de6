"""From the bytes of generated tokens to the text a reader sees."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"
# As models write it after their reasoning; in the middle of a line it may be quoted.
_CLOSE_ALONE = re.compile(rf"(?:^|\n)[ \t]{{0,9}}{THINK_CLOSE}(?=\s)")

_CLOSE_REACH = 32  # no longer than this is such a line


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of output, in whole characters; ``reasoning`` marks what is not the answer.

    ``restarts``: so was all that came before it, and is in it again.
    """

    text: str
    reasoning: bool = False
    restarts: bool = False


class UnknownPromptText:
    """`OutputText` for a model whose prompt another program writes.

    Whether that opens the reasoning is not known: a reply that closes what it never opened
    shows that it did. The text before is then given again, as reasoning that ``restarts`` the
    answer. ``opened`` is what a reply has shown, for the next ones to begin with.
    """

    def __init__(self, *, opened: bool) -> None:
        self.opened = opened
        self._text = OutputText(thinking=opened)
        self._all = ""

    def feed(self, text: str) -> list[Piece]:
        """As `OutputText.feed`, for whole characters."""
        self._all += text
        fresh = max(0, len(self._all) - len(text) - _CLOSE_REACH)
        end = None if self.opened else _CLOSE_ALONE.search(self._all, fresh)
        if end is None or THINK_OPEN in self._all[: end.start()]:
            return self._text.feed(text.encode())
        self.opened, self._text = True, OutputText()
        before = Piece(self._all[: end.start()], reasoning=True, restarts=True)
        return [before, *self._text.feed(self._all[end.end() :].encode())]

    def flush(self, *, cut: bool) -> list[Piece]:
        """As `OutputText.flush`. A reply that ended, and was not ``cut``, without closing the
        reasoning had none: all of it is the answer.
        """
        rest = self._text.flush()
        if not (self._text.thinking and self.opened) or cut:
            return rest
        self.opened = False
        return [*rest, Piece(self._all.lstrip())]


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
