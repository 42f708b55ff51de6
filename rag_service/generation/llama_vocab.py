"""Text to tokens and back, for one loaded GGUF model.

Tokenising only reads the vocabulary (llama.cpp declares it const, and its own server
tokenises in the HTTP threads while another thread decodes), so it runs on the caller's
thread: counting a prompt never waits for an answer in progress. The lock is there for
``close``, which must not free a vocabulary that is being read.
"""

from __future__ import annotations

import ctypes
import re
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import llama_cpp

from rag_service.errors import ChatModelError, GenerationError
from rag_service.generation.chat_template import Segment
from rag_service.generation.output_text import THINK_CLOSE, THINK_OPEN

CONTROL = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL
USER_DEFINED = llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
SPACES = re.compile(r"[\s\u2581]*")  # U+2581 is how SentencePiece writes a space
SEAM = "\n"
_BYTES = frozenset(f"<0x{byte:02X}>" for byte in range(256))


class Vocabulary:
    """The tokeniser of a model.

    Args:
        llama: the loaded ``llama_cpp.Llama``; must stay open until ``close``.

    Raises:
        ChatModelError: it cannot represent any text.
    """

    def __init__(self, llama: Any) -> None:
        self._handle = llama_cpp.llama_model_get_vocab(llama.model)
        self._lock = threading.Lock()
        self._closed = False
        attributes = self._attributes()
        if self._lacks_bytes(attributes):
            raise ChatModelError(
                "The vocabulary of this GGUF file has no tokens for single bytes, so most text "
                "cannot be put into it, and llama.cpp would end the process at the first letter "
                "that it lacks. Take another chat model."
            )
        self._special = frozenset(
            token for token, attr in enumerate(attributes) if attr & (CONTROL | USER_DEFINED)
        )
        self._visible_control = self._thinking_tokens(attributes)
        self._defined = _word_starts(self._texts(attributes, only=USER_DEFINED))
        self._seam = self._seam_tokens()

    def text(self, token: int) -> str:
        """The token as the vocabulary writes it."""
        return token_text(self._handle, token)

    def is_end(self, token: int) -> bool:
        """Whether ``token`` ends a generation."""
        return bool(llama_cpp.llama_vocab_is_eog(self._handle, token))

    def count(self, text: str) -> int:
        """Number of tokens of plain text."""
        with self._lock:
            return len(self._plain(text, []))

    def prompt_tokens(self, segments: Iterable[Segment]) -> list[int]:
        """Tokens of a rendered prompt; control tokens come from the template alone."""
        tokens: list[int] = []
        with self._lock:
            for segment in segments:
                if segment.markup:
                    tokens += self._tokenize(segment.text, special=True, before=tokens)
                else:
                    tokens += self._plain(segment.text, tokens)
            return self._with_bos(tokens)

    def piece(self, token: int) -> bytes:
        """The bytes a generated token stands for; control tokens stand for nothing.

        ``<think>`` and ``</think>`` are control tokens in some vocabularies and are kept,
        since the reasoning is told from the answer by them.
        """
        return self._piece(token, special=token in self._visible_control)

    def close(self) -> None:
        """Refuse further calls; returns when none is running."""
        with self._lock:
            self._closed = True

    def _piece(self, token: int, *, special: bool) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_token_to_piece(self._handle, token, buffer, size, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            size = -length  # the buffer was too small: the needed size comes back negated

    def _plain(self, text: str, before: Sequence[int]) -> list[int]:
        """Tokens of text that must stay text.

        With ``parse_special`` off llama.cpp still matches tokens of type USER_DEFINED
        (``</think>`` is one in some vocabularies). Two calls, cut inside the word, keep the
        text and give ordinary tokens.
        """
        tokens: list[int] = []
        for part in _split_after(text, self._defined):
            tokens += self._tokenize(part, special=False, before=[*before[-1:], *tokens[-1:]])
        return tokens

    def _tokenize(self, text: str, *, special: bool, before: Sequence[int]) -> list[int]:
        """Tokenise as llama.cpp would in the middle of a longer text.

        SentencePiece vocabularies put a space in front of every separate call. Where the
        text goes on from ordinary text that space is false, so the call starts with a seam
        whose tokens are then dropped.
        """
        if self._seam and before and before[-1] not in self._special:
            tokens = self._call(SEAM + text, special=special)
            if tokens[: len(self._seam)] == self._seam:
                return tokens[len(self._seam) :]
        return self._call(text, special=special)

    def _call(self, text: str, *, special: bool) -> list[int]:
        if self._closed:
            raise GenerationError("The chat model is closed.")
        data = text.encode("utf-8", "replace")  # a lone surrogate becomes "?"
        size = len(data) + 8  # no token is shorter than a byte, plus what the model adds
        buffer = (llama_cpp.llama_token * size)()
        count = llama_cpp.llama_tokenize(
            self._handle, data, len(data), buffer, size, False, special
        )
        if count < 0:
            raise GenerationError("The model's tokenizer failed on this text.")
        return list(buffer[:count])

    def _with_bos(self, tokens: list[int]) -> list[int]:
        """Begin as the model was trained, once: many templates write the token themselves."""
        bos = llama_cpp.llama_vocab_bos(self._handle)
        if llama_cpp.llama_vocab_get_add_bos(self._handle) and bos >= 0 and tokens[:1] != [bos]:
            return [bos, *tokens]
        return tokens

    def _attributes(self) -> list[int]:
        count = llama_cpp.llama_vocab_n_tokens(self._handle)
        return [llama_cpp.llama_vocab_get_attr(self._handle, token) for token in range(count)]

    def _lacks_bytes(self, attributes: Sequence[int]) -> bool:
        """SentencePiece falls back to them for every letter that is no token."""
        kind = llama_cpp.llama_vocab_type(self._handle)
        if kind != llama_cpp.LLAMA_VOCAB_TYPE_SPM:
            return False
        return not _BYTES.issubset(map(self.text, range(len(attributes))))

    def _texts(self, attributes: Sequence[int], *, only: int) -> list[str]:
        return [self.text(token) for token, attr in enumerate(attributes) if attr & only]

    def _thinking_tokens(self, attributes: Sequence[int]) -> frozenset[int]:
        return frozenset(
            token
            for token, attr in enumerate(attributes)
            if attr & CONTROL and self.text(token) in (THINK_OPEN, THINK_CLOSE)
        )

    def _seam_tokens(self) -> list[int]:
        """Tokens of the seam; empty where calls get no space, or the seam does not help."""
        seam = self._call(SEAM, special=False)
        letter, joined = self._call("a", special=False), self._call(SEAM + "a", special=False)
        spaced = self._joined(letter) == b" a"
        helps = joined[: len(seam)] == seam and self._joined(joined[len(seam) :]) == b"a"
        return seam if spaced and helps else []

    def _joined(self, tokens: Sequence[int]) -> bytes:
        return b"".join(self._piece(token, special=False) for token in tokens)


def token_text(vocab: object, token: int) -> str:
    """A token as the vocabulary writes it; "" for -1, which means that there is none."""
    raw: bytes | None = llama_cpp.llama_vocab_get_text(vocab, token) if token >= 0 else None
    return (raw or b"").decode("utf-8", "replace")


def _word_starts(texts: Iterable[str]) -> re.Pattern[str] | None:
    """Matches the first character of every text, where the rest of that text follows.

    Texts of one character cannot be cut, and runs of spaces carry no meaning of their own.
    """
    rests: dict[str, list[str]] = {}
    for text in texts:
        if len(text) > 1 and not SPACES.fullmatch(text):
            rests.setdefault(text[0], []).append(re.escape(text[1:]))
    if not rests:
        return None
    return re.compile(
        "|".join(f"{re.escape(first)}(?={'|'.join(rest)})" for first, rest in rests.items())
    )


def _split_after(text: str, pattern: re.Pattern[str] | None) -> list[str]:
    """Cut ``text`` behind every match; the parts join to ``text`` again."""
    ends = [match.end() for match in pattern.finditer(text)] if pattern else []
    parts = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return [part for part in parts if part]
