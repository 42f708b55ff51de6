"""Which lines of our own code a call reaches: inputs that reach new ones are worth mutating on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType, TracebackType
from typing import Any, Final, Self

from benchmarks.fuzz.findings import PROJECT

_PATIENCE: Final = 100  # calls of a function without a new line before it is looked at rarely
_RARELY: Final = 32  # one call in so many


class ReachedLines:
    """A context manager; ``new`` are the lines that were reached for the first time in it."""

    def __init__(self) -> None:
        self._unseen: dict[CodeType, set[int]] = {}  # empty for what is not ours, or all seen
        self._boring: dict[CodeType, int] = {}  # calls since the last new line
        self.new: list[str] = []

    def __enter__(self) -> Self:
        self.new = []
        sys.settrace(self._on_call)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        sys.settrace(None)

    def _on_call(self, frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        unseen = self._unseen.get(code)
        if unseen is None:
            unseen = self._unseen[code] = _lines(code)
        if not unseen:
            return None
        calls = self._boring[code] = self._boring.get(code, 0) + 1
        return self._on_line if calls < _PATIENCE or calls % _RARELY == 0 else None

    def _on_line(self, frame: FrameType, event: str, _argument: Any) -> Callable[..., Any]:
        unseen = self._unseen[frame.f_code]
        if event == "line" and frame.f_lineno in unseen:
            unseen.remove(frame.f_lineno)
            self._boring[frame.f_code] = 0
            self.new.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        return self._on_line


def _lines(code: CodeType) -> set[int]:
    """The lines of a function of ours, but for comprehensions: they are one line, often run."""
    if not code.co_filename.startswith(PROJECT) or code.co_name.startswith("<"):
        return set()
    return {line for _, _, line in code.co_lines() if line and line != code.co_firstlineno}
