"""The folder that is ingested while the harness changes it, and what is true of it."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from pathlib import Path

# Marks are words of these letters: no ending that a stemmer takes off, no digits to split at.
_LETTERS = "bcfghjkmnpqtvwxz"
MARK = re.compile(f"zq[{_LETTERS}]{{4}}")
_ENGLISH = (
    "amber valve harbour lantern meadow piston quarry ribbon saddle timber umbrella violin "
    "walnut anchor basket candle dragon engine feather garden hammer island jacket kettle"
)
WORDS = _ENGLISH.split()
_CHINESE = "水火山石田土木林森禾米竹丝麻布衣帽鞋灯油盐酱醋茶酒碗筷桌椅门窗墙瓦路桥船车"


def mark(number: int) -> str:
    """The word that every sentence of text ``number`` contains, and no other text."""
    digits = (number >> 12, number >> 8 & 15, number >> 4 & 15, number & 15)
    return "zq" + "".join(_LETTERS[digit] for digit in digits)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Corpus:
    """A folder of documents. Every text is written once only, and copied or moved from there.

    So a text that was embedded twice was embedded once too often.
    """

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.mark_of: dict[str, str] = {}  # of every version ever written, by SHA-256
        self.text_of: dict[str, str] = {}  # likewise
        self._rng = random.Random(seed)
        self._written = 0
        self._kept: set[str] = set()
        root.mkdir(parents=True)

    def sources(self) -> list[str]:
        return sorted(path.name for path in self.root.iterdir())

    def contents(self) -> dict[str, str]:
        """SHA-256 of every file, by source."""
        return {source: sha256(self.root / source) for source in self.sources()}

    def marks(self) -> set[str]:
        """The marks of what is in the folder now."""
        return {self.mark_of[content] for content in self.contents().values()}

    def add(self, source: str = "", *, sentences: int = 0) -> str:
        """A new text under a new name, or in place of what ``source`` held."""
        self._written += 1
        chinese = self._written % 5 == 0
        name = source or f"{self._written:05}.{'txt' if chinese else 'md'}"
        word = mark(self._written)
        write = _chinese if chinese else _english
        text = write(word, self._rng, sentences or self._rng.randint(4, 24))
        data = text.encode("gb18030" if chinese else "utf-8")
        self.remember(data, text, word)
        (self.root / name).write_bytes(data)
        return name

    def remember(self, data: bytes, text: str, word: str) -> None:
        """What a file of these bytes says, known before the file is there to be found."""
        content = hashlib.sha256(data).hexdigest()
        self.text_of[content], self.mark_of[content] = text, word

    def fill(self, documents: int) -> None:
        for number in range(documents):
            self.copy() if number % 10 == 9 else self.add()

    def keep(self, documents: int) -> None:
        """Never change the first so many."""
        self._kept = set(self.sources()[:documents])

    def kept_marks(self) -> set[str]:
        """The marks of the documents that nobody touches."""
        return {self.mark_of[sha256(self.root / source)] for source in self._kept}

    def change(self, operations: int) -> None:
        """Do so many things to the folder, of all the kinds there are."""
        kinds: list[Callable[[], object]] = [
            self.add,
            self.update,
            self.update,
            self.delete,
            self.move,
            self.copy,
            self.touch,
            self.exchange,
            self.replace,
        ]
        for _ in range(operations):
            self._rng.choice(kinds)()

    def largest(self) -> str:
        return max(self.sources(), key=lambda source: (self.root / source).stat().st_size)

    def update(self) -> str:
        return self.add(self._any())

    def delete(self) -> None:
        (self.root / self._any()).unlink()

    def move(self) -> None:
        source = self.root / self._any()
        source.rename(self._new_name(source))

    def copy(self) -> str:
        return self._copy_of(self._any())

    def _copy_of(self, source: str) -> str:
        origin = self.root / source
        copy = self._new_name(origin)
        copy.write_bytes(origin.read_bytes())
        return copy.name

    def touch(self) -> None:
        (self.root / self._any()).touch()

    def exchange(self) -> None:
        """Two files change names. At every moment both are there under a name that counts."""
        one, other = self._two_alike()
        between = self._new_name(one)
        one.rename(between)
        other.rename(one)
        between.rename(other)

    def replace(self) -> None:
        """A file takes the name of another, which is gone."""
        one, other = self._two_alike()
        one.rename(other)

    def _any(self) -> str:
        free = sorted(set(self.sources()) - self._kept)
        # Never short of files to change, and never an emptied folder, which is another matter.
        return self._rng.choice(free) if len(free) > 8 else self.add()

    def _two_alike(self) -> tuple[Path, Path]:
        one = self._any()
        free = sorted(set(self.sources()) - self._kept - {one})
        alike = [source for source in free if Path(source).suffix == Path(one).suffix]
        other = self._rng.choice(alike) if alike else self._copy_of(one)
        return self.root / one, self.root / other

    def _new_name(self, source: Path) -> Path:
        self._written += 1
        return source.with_name(f"{self._written:05}{source.suffix}")


def _english(word: str, rng: random.Random, sentences: int) -> str:
    lines = [f"Record {word} says {' '.join(rng.choices(WORDS, k=9))}." for _ in range(sentences)]
    return f"# Report {word}\n\n" + "\n".join(lines)


def _chinese(word: str, rng: random.Random, sentences: int) -> str:
    return "\n".join(
        f"记录{word}写道：{''.join(rng.choices(_CHINESE, k=16))}。" for _ in range(sentences)
    )
