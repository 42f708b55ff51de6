"""Proper names in a question: those with a capital, and those that the dictionary knows."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final

from rag_service.text.analysis import analyze
from rag_service.text.folding import fold_script
from rag_service.text.gloss.definitions import english_senses
from rag_service.text.gloss.dictionary import Dictionary, dictionary
from rag_service.text.gloss.segmentation import segment
from rag_service.text.language import CJK_CLASS
from rag_service.text.stopwords import ENGLISH_STOP_WORDS, drop_chinese_function_words

Occurs = Callable[[str], bool]

# Numbers, and words of other letters than Chinese ones.
WORDS: Final = re.compile(rf"[^\W_{CJK_CLASS}]+(?:[.,'’-][^\W_{CJK_CLASS}]+)*")
_CHINESE: Final = re.compile(f"[{CJK_CLASS}]+")
_SENTENCE_ENDS: Final = ".?!。？！"
_MOST_WORDS_OF_A_NAME: Final = 3
_gathering = threading.Lock()
# Days, months and languages: a document has "weekdays", 2024-08-15 and 中英双语 for them.
_WRITTEN_OTHERWISE: Final = re.compile(r"(?:周|星期|礼拜).|.曜日|.+[月语]|.文")
# 广东 is 广东省 too, 中秋 is 中秋节.
_KIND_OF_NAME: Final = re.compile(r"(?<=..)(?:大学|[市省区县州岛节])\Z")


def names_and_numbers(text: str) -> Iterator[str]:
    """Numbers and capitalised words; the first word of a sentence is capitalised anyway."""
    return (word[0] for word in _names_and_numbers(unicodedata.normalize("NFKC", text)))


def asks_for_an_unknown_name(question: str, occurs: Occurs) -> bool:
    """Whether it has names that the dictionary knows as nothing else, and none stands anywhere.

    ``occurs``: whether any document is indexed under a token. Of 13,223 questions that
    documents of their own language answer this is so for 9. Across languages it is for 44 of
    2,380: there names are spelled in more ways than the dictionary has.
    """
    names = [*_chinese_names(question), *_english_names(question, occurs)]
    return bool(names) and not any(_stands(spellings, occurs) for spellings in names)


def _stands(spellings: Iterable[str], occurs: Occurs) -> bool:
    readings = (analyze(spelling) for spelling in spellings)
    return any(all(map(occurs, _telling(terms))) for terms in readings if terms)


def _telling(terms: list[str]) -> list[str]:
    """Of a Chinese name its pairs: a single letter stands everywhere."""
    return [t for t in terms if len(t) > 1 or not _CHINESE.match(t)] or terms


def _chinese_names(question: str) -> Iterator[list[str]]:
    """Each with its translations."""
    known = dictionary()
    for run in _CHINESE.findall(drop_chinese_function_words(fold_script(question))):
        for word in segment(run, known):
            if _is_name(word, known) and not _WRITTEN_OTHERWISE.fullmatch(word):
                yield [word, _KIND_OF_NAME.sub("", word), *_english_spellings(word)]


def _english_names(question: str, occurs: Occurs) -> Iterator[list[str]]:
    text = unicodedata.normalize("NFKC", question)
    runs = list(_capitalised_runs(text))
    if all(_stands([word], occurs) for run in runs for word in run):
        return  # the dictionary takes its time
    with _gathering:
        translations = _chinese_by_english_name()
    for run in runs:
        whole = " ".join(run)
        for name in [whole] if whole in translations else run:
            # In capitals it is an abbreviation: UK for United Kingdom.
            if name in translations and not name.isupper():
                words = translations[name]
                yield [name, *words, *(other for w in words for other in _english_spellings(w))]


def _capitalised_runs(text: str) -> Iterator[list[str]]:
    """Capitalised words with nothing but a blank between them."""
    words = [word for word in _names_and_numbers(text) if not word[0][0].isdigit()]
    starts = {word.end() + 1 for word in words if text[word.end() : word.end() + 1] == " "}
    run: list[str] = []
    for word in words:
        if run and word.start() not in starts:
            yield run
            run = []
        run.append(word[0])
    if run:
        yield run


def _names_and_numbers(text: str) -> Iterator[re.Match[str]]:
    before = "."  # the last sign before a word that is no white space
    end = 0
    for word in WORDS.finditer(text):
        before = text[end : word.start()].rstrip()[-1:] or before
        is_name = word[0][0].isupper() and word[0].lower() not in ENGLISH_STOP_WORDS
        if word[0][0].isdigit() or (is_name and before not in _SENTENCE_ENDS):
            yield word
        before, end = word[0][-1], word.end()


@lru_cache(maxsize=1)
def _chinese_by_english_name() -> dict[str, list[str]]:
    """Gathered at the first call, in 1.5 s."""
    found: dict[str, list[str]] = {}
    known = dictionary()
    for word in known.packed:
        for name in _english_spellings(word) if _is_name(word, known) else ():
            found.setdefault(name, []).append(word)
    everyday = {n for n, words in found.items() if any(map(_WRITTEN_OTHERWISE.fullmatch, words))}
    return {name: words for name, words in found.items() if name not in everyday}


def _is_name(word: str, known: Dictionary) -> bool:
    entries = known.entries(word)
    return len(word) > 1 and bool(entries) and all(entry.is_name for entry in entries)


def _english_spellings(word: str) -> list[str]:
    """Kaohsiung, but not "special municipality in south Taiwan"."""
    senses = (s for s in english_senses(word) if s.count(" ") < _MOST_WORDS_OF_A_NAME)
    return [sense for sense in senses if sense[0].isupper()]
