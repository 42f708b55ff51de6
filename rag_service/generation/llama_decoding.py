"""The decode loop: one job on one llama.cpp context.

The loop stands on ``Llama.generate`` because the high-level completion of
llama-cpp-python passes over the checks for length and stop strings while the output ends
inside a character, and decodes the whole answer again for every token.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Generator
from typing import Any, Literal

import llama_cpp

from rag_service.errors import Cancelled, GenerationError
from rag_service.generation.llama_lane import Finished, Job
from rag_service.generation.llama_vocab import Vocabulary
from rag_service.generation.output_text import OutputText

# ``strlen`` of the job's flag is the abort callback: 0 for "\0", 1 for "\1". llama.cpp asks
# between all operations, some hundred times per token; a Python function here made decoding
# 1.5 times slower, since every question waits for the interpreter.
_LIBC = ctypes.CDLL("msvcrt" if os.name == "nt" else None)
_ABORT_WHEN_SET = ctypes.cast(_LIBC.strlen, llama_cpp.ggml_abort_callback)


class LlamaDecoder:
    """Generates on a loaded model; every method belongs to the lane's thread."""

    def __init__(self, llama: Any, vocabulary: Vocabulary, window: int) -> None:
        self._llama = llama
        self._vocabulary = vocabulary
        self._window = window
        self._watched: Job | None = None

    def run(self, job: Job) -> Finished:
        """Generate one answer, emitting its pieces.

        Raises:
            Cancelled: the job was cancelled; the model is ready for the next one.
            GenerationError: llama.cpp failed.
        """
        self._watch(job)
        self._llama.set_seed(_seed(job))
        tokens = self._llama.generate(job.request.prompt, temp=job.request.temperature)
        try:
            return self._decode(job, tokens)
        except RuntimeError as error:  # "llama_decode returned n"
            if not job.cancelled:
                self._llama.reset()
                raise GenerationError(f"llama.cpp failed: {error}.") from error
            # After an abort in the first step behind the prompt the logits are stale.
            self._llama._requires_eval = True
            raise Cancelled("The request was cancelled.") from error
        finally:
            tokens.close()

    def release(self) -> None:
        """Free the model."""
        self._vocabulary.close()
        self._llama.close()

    def _watch(self, job: Job) -> None:
        llama_cpp.llama_set_abort_callback(
            self._llama.ctx, _ABORT_WHEN_SET, ctypes.addressof(job.abort_flag)
        )
        self._watched = job  # llama.cpp holds the flag's address until the next job's is set

    def _decode(self, job: Job, tokens: Generator[int, None, None]) -> Finished:
        request = job.request
        text = OutputText(request.stop, thinking=request.thinking)
        limit = min(request.max_tokens, self._window - len(request.prompt))
        cached, output, reasoning = self._cached(request.prompt), 0, 0
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

    def _cached(self, prompt: tuple[int, ...]) -> int:
        """Prompt tokens whose state is still there from the call before."""
        known = self._llama.input_ids[: self._llama.n_tokens].tolist()
        return int(self._llama.longest_token_prefix(known, prompt))


def _seed(job: Job) -> int:
    """llama.cpp takes its default seed to mean a random one."""
    seed = job.request.seed
    return int(llama_cpp.LLAMA_DEFAULT_SEED) if seed is None else seed & 0xFFFFFFFF
