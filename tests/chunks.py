"""Token counters that can be counted by hand, and short ways to chunk with them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingest.chunking import chunk_document
from rag_service.document_types import ChunkSpan, LoadedText


def count_words(texts: Sequence[str]) -> list[int]:
    """A Chinese letter or a Latin word is one token, as in many tokenizers."""
    return [len(re.findall(r"[\u4e00-\u9fff]|[a-zA-Z0-9]+|[^\s\w]", text)) for text in texts]


def count_letters(texts: Sequence[str]) -> list[int]:
    """Every character is one token, white space too, so that counts do not add up over joins."""
    return [len(text) for text in texts]


def chunks(text: str | LoadedText, max_tokens: int = 12) -> list[ChunkSpan]:
    loaded = LoadedText(text) if isinstance(text, str) else text
    return chunk_document(loaded, count_tokens=count_words, max_tokens=max_tokens)


def texts(text: str | LoadedText, max_tokens: int = 12) -> list[str]:
    return [chunk.text for chunk in chunks(text, max_tokens)]


def outline(text: str | LoadedText, max_tokens: int = 50) -> list[tuple[str, str]]:
    """Each chunk with its heading path."""
    return [(chunk.heading, chunk.text) for chunk in chunks(text, max_tokens)]


def markdown(text: str) -> LoadedText:
    return LoadedText(text, syntax="markdown")
