"""How far a claim and a source agree."""

from __future__ import annotations

from enum import IntEnum


class Agreement(IntEnum):
    """Whether a source says what a claim says; open where that cannot be told."""

    NO = 0
    OPEN = 1
    YES = 2
