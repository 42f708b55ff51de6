"""What a sentence shows of the answer that a question asks for.

A question for a name is answered by a new name or where something is called so, one for a
reason after "because". Beside dates and numbers (`retrieval.answer_kind`) these say which of the
sentences on the topic of the question is the one that answers it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from rag_service.text.gloss.glossing import is_chinese

# 1.0: the sentence shows it; -1.0: it does not; 0.0: that cannot be told.
Sign = Callable[[str], float]

_ASKS_WHO: Final = re.compile(
    r"\bwho(?:se|m)?\b|[谁誰]|哪一?[位名]|何人|[什甚][么麼]人", re.IGNORECASE
)
_ASKS_NAME: Final = re.compile(
    r"\b(?:called|names?|known as|referred to|term|nickname|titled?)\b"
    r"|名字|名[称稱]|叫[做作]?|[称稱][为為作之]|被[称稱]|[别別又俗代][称稱名]|[术術][语語]",
    re.IGNORECASE,
)
_NAMES: Final = re.compile(
    r"\b(?:called|named?|known as|referred to as|termed|titled?|dubbed|nicknamed)\b|[\"“「《（(]"
    r"|叫[做作]|[称稱][为為作之]|名[为為]|[又俗被][称稱名]|命名|即",
    re.IGNORECASE,
)
_ASKS_WHY: Final = re.compile(
    r"\bwhy\b|\b(?:reason|purpose)\b|[为為](?:[什甚][么麼]|何)|何以|原因", re.IGNORECASE
)
_REASON: Final = re.compile(
    r"\b(?:because|since|due to|owing to|in order to|so that|as a result|therefore|led to)\b"
    r"|\bcaus(?:e[sd]?|ing)\b"
    r"|因[为為此而]|由[于於]|[为為]了|以[便免]|[导導]致|使得|所以|原因|出[于於]|[从從]而|起因",
    re.IGNORECASE,
)
# A capitalised word that does not begin the sentence.
_NAME: Final = re.compile(r"(?<=\s)[\"“(]?([A-ZÀ-Þ][\w'’-]+)")
_FOREIGN_NAME: Final = re.compile(r"[\u3400-\u9fff]{1,6}[·•・‧][\u3400-\u9fff]{1,8}")

_QUESTION_WORD: Final = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|how|why)\b"
    r"|[什甚][么麼]|哪|[谁誰]|多少|[几幾]|何|怎|多[长長久高大远遠]",
    re.IGNORECASE,
)
_ASKS_YES_OR_NO: Final = re.compile(
    r"(?:\A\W*|[,.;!?] )(?:is|are|was|were|do|does|did|has|have|had|can|could|may|must|shall|should"
    r"|will|would)(?:n['’]t)?\b|[吗嗎]|[是能可会會应應]否|([^\W\d_])[不没沒]\1",
    re.IGNORECASE,
)
# Words, and letters of Chinese, on either side of it that say what is asked for.
_WORDS_BESIDE: Final = 4
_LETTERS_BESIDE: Final = 5

# A sentence that begins like this speaks of what the one before it names.
_LEANS: Final = re.compile(
    r"\W*(?:(?:however|also|then|thus|instead|today|as such|later|additionally|moreover"
    r"|furthermore|for example|for instance|similarly|therefore|consequently|nevertheless"
    r"|meanwhile|finally|first|in addition|in fact|here|afterwards?|subsequently|in turn),? )?"
    r"(?:(?:in|at|of|among) )?"
    r"(?:this|these|those|that|its?|he|she|they|his|her|their|them|such|both|another|others?"
    r"|the (?:latter|former|same|next))\b"
    r"|\W*(?:然而|但是?|因此|所以|此外|另外|同[时時]|[后後][来來]|例如|如今|[于於]是|而且|不[过過]|[并並]且?"
    r"|其中|[随隨][后後]|之[后後]|以[后後]|接[着著]|最[终終]|而)?[，,]?在?"
    r"(?:[这這该該此其他她它牠祂那另]|[两兩]者|前者|[后後]者|同[年时時样樣]|[当當][时時])",
    re.IGNORECASE,
)


def signs(question: str) -> list[Sign]:
    """The signs of an answer to ``question``; none for most questions."""
    found: list[Sign] = []
    if _ASKS_WHO.search(question):
        found.append(_somebody_new(question))
    if _ASKS_NAME.search(question):
        found.append(_matching(_NAMES))
    if _ASKS_WHY.search(question):
        found.append(_matching(_REASON))
    return found


def asks_yes_or_no(question: str) -> bool:
    """Whether its own words are an answer: "Is it open?", "It is open."; 能不能退？可以退。"""
    return _ASKS_YES_OR_NO.search(question) is not None and not _QUESTION_WORD.search(question)


def beside_question_word(question: str) -> str:
    """What stands on either side of "which", 多少 …: what the answer has to do with.

    Empty where there is no such word.
    """
    word = _QUESTION_WORD.search(question)
    if word is None:
        return ""
    before, after = question[: word.start()], question[word.end() :]
    if is_chinese(question):
        return f"{before[-_LETTERS_BESIDE:]} {after[:_LETTERS_BESIDE]}"
    return " ".join((*before.split()[-_WORDS_BESIDE:], *after.split()[:_WORDS_BESIDE]))


def leans_on_the_one_before(sentence: str) -> bool:
    """Whether ``sentence`` begins with a pronoun or the like: "This is called …", 该公司…"""
    return _LEANS.match(sentence) is not None


def _matching(pattern: re.Pattern[str]) -> Sign:
    return lambda sentence: 1.0 if pattern.search(sentence) else -1.0


def _somebody_new(question: str) -> Sign:
    asked = question.lower()

    def sign(sentence: str) -> float:
        if is_chinese(sentence):  # other Chinese names have nothing to know them by
            names = _FOREIGN_NAME.findall(sentence)
            return float(any(name not in question for name in names))
        names = _NAME.findall(sentence)
        return 1.0 if any(name.lower() not in asked for name in names) else -1.0

    return sign
