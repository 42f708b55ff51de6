"""The decode loop: one job on one llama.cpp context.

The loop stands on ``Llama.eval`` and ``Llama.generate`` because the high-level completion of
llama-cpp-python passes over the checks for length and stop strings while the output ends
inside a character, and decodes the whole answer again for every token.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Generator, Sequence
from typing import Any, Literal

import llama_cpp

from rag_service.errors import Cancelled, GenerationError
from rag_service.generation.llama_lane import Finished, Job
from rag_service.generation.llama_vocab import Vocabulary
from rag_service.generation.output_text import OutputText
from rag_service.generation.prefix_states import PrefixStates

# ``strlen`` of the job's flag is the abort callback: 0 for "\0", 1 for "\1". llama.cpp asks
# between all operations, some hundred times per token; a Python function here made decoding
# 1.5 times slower, since every question waits for the interpreter.
_LIBC = ctypes.CDLL("msvcrt" if os.name == "nt" else None)
_ABORT_WHEN_SET = ctypes.cast(_LIBC.strlen, llama_cpp.ggml_abort_callback)


class LlamaDecoder:
    """Generates on a loaded model; every method belongs to the lane's thread."""

    def __init__(self, llama: Any, vocabulary: Vocabulary, window: int, prefix_bytes: int) -> None:
        """``prefix_bytes``: memory for the states of prompts' common beginnings."""
        self._llama = llama
        self._vocabulary = vocabulary
        self._window = window
        self._watched: Job | None = None
        self._ends: list[int] = []  # of the batches whose state the model holds
        self._prefixes = PrefixStates(llama, prefix_bytes)

    def run(self, job: Job) -> Finished:
        """Generate one answer, emitting its pieces.

        Raises:
            Cancelled: the job was cancelled; the model is ready for the next one.
            GenerationError: llama.cpp failed.
        """
        self._watch(job)
        try:
            return self._generate(job)
        except RuntimeError as error:  # "llama_decode returned n"
            if not job.cancelled:
                self._llama.reset()
                self._ends.clear()
                raise GenerationError(f"llama.cpp failed: {error}.") from error
            raise Cancelled("The request was cancelled.") from error

    def release(self) -> None:
        """Free the model."""
        self._vocabulary.close()
        self._llama.close()

    def _watch(self, job: Job) -> None:
        llama_cpp.llama_set_abort_callback(
            self._llama.ctx, _ABORT_WHEN_SET, ctypes.addressof(job.abort_flag)
        )
        self._watched = job  # llama.cpp holds the flag's address until the next job's is set

    def _generate(self, job: Job) -> Finished:
        cached = self._read(job)
        self._llama.set_seed(_seed(job))
        tokens = self._llama.generate(job.request.prompt, temp=job.request.temperature)
        try:
            return self._decode(job, tokens, cached)
        finally:
            tokens.close()

    def _read(self, job: Job) -> int:
        """Evaluate the prompt; returns how many of its tokens were still there.

        The state of a token depends, in its last bits, on the batch it was computed in. So
        the batches are the same whatever came before, and only whole ones are reused:
        the same question gets the same answer.
        """
        prompt, stable = job.request.prompt, job.request.stable
        ends = batch_ends(len(prompt), stable, self._llama.n_batch)
        self._recall(prompt, stable, ends)
        self._keep(ends[: self._reusable(prompt, ends)])
        reused = len(self._ends)
        for end in ends[reused:]:
            if job.cancelled:
                raise Cancelled("The request was cancelled.")
            self._llama.eval(prompt[self._llama.n_tokens : end])
            self._ends.append(end)
            if end == stable:
                self._prefixes.save(prompt[:stable])
        return ends[reused - 1] if reused else 0

    def _recall(self, prompt: Sequence[int], stable: int, ends: Sequence[int]) -> None:
        """Copy back the state after the first ``stable`` tokens where another prompt drove it
        out of the context.
        """
        own = [end for end in ends if end <= stable]
        if len(own) > self._reusable(prompt, ends) and self._prefixes.restore(prompt[:stable]):
            self._ends = own

    def _reusable(self, prompt: Sequence[int], ends: Sequence[int]) -> int:
        """How many of the batches are in the model's memory; the last is never taken from it,
        because the first token of the answer is drawn from what it computes.
        """
        known = self._llama.input_ids[: self._llama.n_tokens].tolist()
        common = self._llama.longest_token_prefix(known, prompt)
        same = 0
        for held, wanted in zip(self._ends, ends[:-1], strict=False):
            if held != wanted or wanted > common:
                break
            same += 1
        return same

    def _keep(self, ends: list[int]) -> None:
        """Forget all but these batches; some architectures can only forget everything."""
        tokens = ends[-1] if ends else 0
        if not tokens or not self._llama._ctx.kv_cache_seq_rm(-1, tokens, -1):
            self._llama.reset()
            ends = []
        self._llama.n_tokens = ends[-1] if ends else 0
        self._ends = list(ends)

    def _decode(self, job: Job, tokens: Generator[int, None, None], cached: int) -> Finished:
        request = job.request
        text = OutputText(request.stop, thinking=request.thinking)
        limit = min(request.max_tokens, self._window - len(request.prompt))
        output, reasoning = 0, 0
        reason: Literal["stop", "length"] = "length"
        while output < limit:
            token = next(tokens)
            if job.cancelled:
                raise Cancelled("The request was cancelled.")
            if self._vocabulary.is_end(token):
                reason = "stop"
                break
            output += 1
            reasoning += text.thinking
            for piece in text.feed(self._vocabulary.piece(token)):
                job.emit(piece)
            if text.stopped:
                reason = "stop"
                break
        for piece in text.flush():
            job.emit(piece)
        return Finished(reason, len(request.prompt), output, reasoning, cached)


def batch_ends(length: int, stable: int, size: int) -> list[int]:
    """Where the batches of a prompt of ``length`` tokens end: at most ``size`` tokens each, and
    one at ``stable``, so that what all prompts begin with is made of whole batches.
    """
    ends = [*range(size, stable, size), *range(stable, length, size), length]
    return [end for end in ends if end]


def _seed(job: Job) -> int:
    """llama.cpp takes its default seed to mean a random one."""
    seed = job.request.seed
    return int(llama_cpp.LLAMA_DEFAULT_SEED) if seed is None else seed & 0xFFFFFFFF
