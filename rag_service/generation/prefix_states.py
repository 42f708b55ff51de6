"""What the model computed of the beginnings that many prompts share.

A context holds one prompt. Where two kinds of prompt take turns (rewriting a follow-up, then
answering it), each would drive out the other's instructions; so the state at their end is kept
beside the context and copied back. The copy is exact, and comes to lie in the same cells as
before, so that what is computed after it is the same to the last bit.
"""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import llama_cpp

_SEQUENCE = 0  # llama-cpp-python evaluates everything as this one


class PrefixStates:
    """States by the tokens they follow, least recently used first; for the lane's thread."""

    def __init__(self, llama: Any, most_bytes: int) -> None:
        """``most_bytes``: of memory for all states together; 0 keeps none."""
        self._llama = llama
        self._most_bytes = most_bytes
        self._states: OrderedDict[tuple[int, ...], ctypes.Array[ctypes.c_uint8]] = OrderedDict()

    def save(self, tokens: Sequence[int]) -> None:
        """Keep the model's state, which is that after ``tokens`` and nothing more."""
        key = tuple(tokens)
        if key in self._states:
            self._states.move_to_end(key)
            return
        size = llama_cpp.llama_state_seq_get_size(self._llama.ctx, _SEQUENCE)
        if not 0 < size <= self._most_bytes:
            return
        while self._held() + size > self._most_bytes:
            self._states.popitem(last=False)
        state = (ctypes.c_uint8 * size)()
        if llama_cpp.llama_state_seq_get_data(self._llama.ctx, state, size, _SEQUENCE) == size:
            self._states[key] = state

    def restore(self, tokens: Sequence[int]) -> bool:
        """Put the model into the state after ``tokens``; False, and untouched, if it is not kept.

        llama.cpp may refuse; then the model is empty, and the answer False too.
        """
        key = tuple(tokens)
        state = self._states.get(key)
        if state is None:
            return False
        self._states.move_to_end(key)
        self._llama.reset()
        self._llama._ctx.kv_cache_seq_rm(_SEQUENCE, 0, -1)  # so that it lands in the first cells
        done = llama_cpp.llama_state_seq_set_data(self._llama.ctx, state, len(state), _SEQUENCE)
        if done != len(state):
            del self._states[key]
            return False
        self._llama.input_ids[: len(key)] = key
        self._llama.n_tokens = len(key)
        return True

    def _held(self) -> int:
        return sum(map(len, self._states.values()))
