"""Turning what parsers throw at damaged files into errors that tell the user something."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rag_service.errors import BrokenFile, DocumentError

# PyO3 derives it from BaseException and gives it no importable name.
_RUST_PANIC: Final = "PanicException"


@contextmanager
def damage_reported(what: str) -> Iterator[None]:
    """Any exception within becomes a BrokenFile on ``what`` ("Word document").

    Left alone: our own DocumentErrors, and MemoryError, which only the one who set the limit
    can explain.
    """
    try:
        yield
    except (DocumentError, MemoryError):
        raise
    except RecursionError as error:
        raise BrokenFile(f"The {what} is nested too deeply to be read.") from error
    except Exception as error:
        raise _broken(what, error) from error
    except BaseException as error:
        if type(error).__name__ == _RUST_PANIC:
            raise _broken(what, error) from error
        raise


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what native code prints about damaged files off the process's stderr.

    It concerns the whole process for that long; files are read in workers of their own.
    """
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def _broken(what: str, error: BaseException) -> BrokenFile:
    reason = f"{type(error).__name__}: {error}".rstrip(": ")[:200]
    return BrokenFile(f"The {what} is damaged: {reason}")
