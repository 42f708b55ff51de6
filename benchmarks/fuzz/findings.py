"""What the fuzzer reports, and where in our own code it happened."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PROJECT: Final = tuple(f"{ROOT / package}/" for package in ("ingest", "rag_service"))
_DUMPED_FRAME: Final = re.compile(r'^  File "(.+)", line (\d+) in (.+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Finding:
    """``kind``: exception, memory, slow, crash, stuck, output, text, marks, pages, chunks, message
    or masked. ``what`` and ``where`` (innermost function of ours) tell findings apart; ``detail``
    is for people.
    """

    kind: str
    what: str
    where: str = ""
    detail: str = ""

    @property
    def signature(self) -> tuple[str, str, str]:
        return (self.kind, self.what, self.where)


def raised(kind: str, error: BaseException) -> Finding:
    """A finding about an exception."""
    detail = "".join(traceback.format_exception(error, limit=-12))
    return Finding(kind, type(error).__name__, innermost(error.__traceback__), detail)


def innermost(tb: TracebackType | None) -> str:
    """The innermost frame of ours as "ingest/x.py:function"; "" for none."""
    found = ""
    while tb is not None:
        code = tb.tb_frame.f_code
        if code.co_filename.startswith(PROJECT):
            found = _place(code.co_filename, code.co_name)
        tb = tb.tb_next
    return found


def raised_by_us(error: BaseException) -> bool:
    """Whether the exception came out of our code itself, not of a library below it."""
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    return tb is not None and tb.tb_frame.f_code.co_filename.startswith(PROJECT)


def innermost_dumped(dump: str) -> str:
    """The same from what faulthandler wrote, the most recent call first."""
    for path, _, function in _DUMPED_FRAME.findall(dump):
        if path.startswith(PROJECT):
            return _place(path, function)
    return ""


def _place(path: str, function: str) -> str:
    return f"{Path(path).relative_to(ROOT).as_posix()}:{function}"
