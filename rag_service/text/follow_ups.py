"""Follow-up questions: can one be understood alone, and if not, what does it leave unsaid?

Rules for Chinese and English, without a model. They serve twice: a question that stands alone
needs no rewriting by the chat model, and where there is none, the words that a follow-up leaves
to the conversation are added to what is searched for.
Figures: docs/decisions/0020-conversation.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from rag_service.text.language import CJK_CLASS, simplified_by_character
from rag_service.text.stopwords import ENGLISH_STOP_WORDS, chinese_function_words

# What a question must say by itself: words of content, two Chinese letters counting as one.
# The warranty of the recorder, the Aldra recorder: two words that bind each other are enough.
_ENOUGH: Final = 3.0
_ENOUGH_IN_TWO: Final = 2.0
_ANTECEDENT: Final = 2.0  # so much must come before a pronoun for it to be what that means
_MOST_READ: Final = 500  # characters of a question; what it is about is said by then
# So many phrases are carried at most: a long conversation must not become a bag of words.
_MOST_PHRASES: Final = 8
_MOST_DETAILS: Final = 3

# "How long does it take" and "is it possible" refer to nothing.
_IMPERSONAL: Final = re.compile(
    r"\b(?:do|does|did|will|would|can|could|has) it (?:take|cost to)\b"
    r"|\b(?:is|was|be) it (?:possible|necessary|required|mandatory|allowed|permitted|legal|illegal"
    r"|true|safe|important|ok|okay|forbidden)\b",
    re.IGNORECASE,
)
_ENGLISH_REFERENCE: Final = re.compile(
    r"\b(?:it|its|itself|they|them|theirs?|themselves|he|him|his|himself|she|hers?|herself)\b"
    r"|\bthis\b(?! (?:year|month|week|quarter)\b)|\bthese\b"
    r"|\bthose\b(?! (?:who|that|which|with|of|in)\b)"
    # As a conjunction "that" follows a noun or a verb of saying.
    r"|(?:^|\b(?:about|of|for|in|with|to|from|by|at|on|after|before|like|than|is|was|are|were|do"
    r"|does|did|has|had|can|could|will|would|should|and|why|how|when|where|who)\s)that\b"
    r"|\bthat\W*$"
    r"|\b(?<!is )(?<!are )(?<!was )(?<!were )there\W*$"
    r"|\bthe (?:same|former|latter|others?|aforementioned)\b|\b(?:what|who|where|anything) else\b"
    r"|\b(?:which|another|other|first|second|third|last|next|previous|the|that|this) ones?\b"
    r"|\b(?:then|instead|too|either|as well)\W*$",
    re.IGNORECASE,
)
_ENGLISH_OPENER: Final = re.compile(
    r"^\W*(?:and|or|but|so|also|then|what about|how about|what if)\b", re.IGNORECASE
)
_CHINESE_REFERENCE: Final = re.compile(
    r"(?<!其)[它牠]|(?<![其吉耳犹维])他(?![人汀国乡杀])|她"
    r"|(?<![极尤与及])其(?![他它余中实次间])"
    r"|(?<![应不本理活])该(?![不怎如何由去向做找用在])"
    r"|(?<![因如从由在至彼到])此(?![外后前])"
    r"|这|那(?=[个些种里边时年次位款家么样]|是|会|要|如果|呢)"
    r"|上述|前述|前者|后者|同上|刚才|上面说|以上(?=内容|情况|规定|问题|产品)"
)
_CHINESE_OPENER: Final = re.compile(
    r"^\W*(?:那(?![不曲波霸])|还有|另外|此外|然后|接下来|而且|以及|并且|但是?(?!丁)|可是|不过|所以|换成|换作|也|还是?)"
)
_POSSESSIVE: Final = re.compile(
    r"(?:its|their|his|her|itself|themselves|himself|herself)\b|[它牠他她]们?的|其", re.IGNORECASE
)
_CLAUSE_END: Final = re.compile(
    r"[,;，；、：]|\b(?:and|but|or|when|if|because|before|after|since|while|until|although|though"
    r"|than|that|who|which|where|as)\b|并且?|而且?|但是?|以及",
    re.IGNORECASE,
)
_CHINESE_ADVERBIAL: Final = re.compile(r"^\W*(?:[在对从当除按自由]|关于|根据|至于|如果|随着)")
# 呢 alone makes a question of what stands before it; after a question word it is only polite.
_CHINESE_ELLIPSIS: Final = re.compile(
    r"^(?!.*(?:什么|怎|如何|多少|几|哪|谁|何|是否|是不是|有没有)).*呢\W*$", re.DOTALL
)
# "And the sensor?", 传感器呢？: the name takes the place of the one before.
_SUBSTITUTION: Final = re.compile(
    r"^\W*(?:(?:and|or|but)\b(?!.*\b(?:is|are|was|were|do|does|did|can|could|has|have|will|would)\b)"
    r"|(?:and |but )?(?:what|how) about\b)",
    re.IGNORECASE,
)

# Words that say little about what is asked for, beside the function words of the search.
_VAGUE: Final = """
    many much long more most less least often old far big high large good well very really also
    tell show give explain describe mean means say says said go get got make made
    thing things detail details example examples reason reasons information else again just only
    yes ok okay thanks between during after before while both all each other same one ones
"""
_ENGLISH_VAGUE: Final = frozenset(_VAGUE.split())
_CHINESE_VAGUE: Final = re.compile(
    r"可以|需要|应该|必须|能够|具体|详细|说明|介绍|解释|原因|例子|情况|时候|一共|总共|还有|另外"
    r"|因为|如果|关于|对于|以及|或者|并且|而且|但是|所以|那么|之后|以后|之前|以前|目前|现在"
    r"|[有在和与或及对从被把将由于以为也都还就要会能到向给让跟再又很更最多久长大少几何那这它他她其该此]"
)
_NUMBER: Final = re.compile(r"\d[\d.,]*(?:\s*(?:年度?|月份?|[日号%％]|季度))?")
_LONE_NUMBER: Final = re.compile(rf"(?<![A-Za-z\d.-]){_NUMBER.pattern}(?![A-Za-z\d-])")
_LATIN_WORD: Final = rf"[^\W_{CJK_CLASS}]+(?:[-./'’&+#][^\W_{CJK_CLASS}]+)*"
_WORD: Final = re.compile(rf"{_LATIN_WORD}|[{CJK_CLASS}]+")
_QUOTED: Final = re.compile('[《〈「『“"]([^》〉」』”"]+)[》〉」』”"]')
_CJK: Final = re.compile(f"[{CJK_CLASS}]")
# Punctuation, but for what holds a word or a code together.
_MARKS: Final = re.compile(r"[^\w\s\0&'’./+#-]|(?<!\w)[-./'’]|[-./'’](?!\w)")


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Neighbouring words of content, as they were written."""

    text: str
    named: bool  # holds what looks like a name or a code

    @property
    def is_number(self) -> bool:
        return _NUMBER.fullmatch(self.text) is not None


def stands_alone(question: str) -> bool:
    """Whether ``question`` can be understood without the conversation before it.

    In doubt it cannot: it refers back (it, that, 它, 该 …), begins or ends as a continuation does
    (and …, what about …, 那…, …呢？), or says too little by itself.
    """
    question = question[:_MOST_READ]
    folded = _folded(question)
    if _continues(folded) or _refers_back(question, folded):
        return False
    said = [phrase for phrase in _phrases(question) if not phrase.is_number]
    several = len(said) > 1 or any(phrase.named for phrase in said)
    return _weight(question) >= (_ENOUGH_IN_TWO if several else _ENOUGH)


def completed(question: str, earlier: Sequence[str]) -> str:
    """``question`` with the words it leaves to the ``earlier`` questions, oldest first.

    The same text where it stands alone, or nothing came before.
    """
    carried = _carried(question, _topic(earlier)) if not stands_alone(question) else ()
    words = " ".join(phrase.text for phrase in carried)
    return f"{question.rstrip()} ({words})" if words else question


def _topic(questions: Sequence[str]) -> tuple[_Phrase, ...]:
    """What a conversation is about: its last question that stood alone, and what came after."""
    subject: tuple[_Phrase, ...] = ()
    details: tuple[_Phrase, ...] = ()
    for question in questions:
        own = tuple(_phrases(question[:_MOST_READ]))
        if not subject or stands_alone(question):
            subject, details = own[:_MOST_PHRASES], ()
        else:
            subject = _carried(question, subject)
            details = (*_carried(question, details), *own)[-_MOST_DETAILS:]
    return subject + details


def _carried(question: str, topic: Sequence[_Phrase]) -> tuple[_Phrase, ...]:
    """What of the topic ``question`` still means: not what it says itself or replaces."""
    own = _phrases(question[:_MOST_READ])
    folded = _folded(question)
    replaced = _SUBSTITUTION.match(folded) or _CHINESE_ELLIPSIS.match(folded)
    new_name = bool(replaced) and any(phrase.named for phrase in own)
    new_number = any(phrase.is_number for phrase in own)
    return tuple(
        phrase
        for phrase in topic
        if not (phrase.is_number and new_number)
        and not (phrase.named and new_name)
        and _folded(phrase.text).lower() not in folded.lower()
    )


def _continues(folded: str) -> bool:
    return bool(
        _ENGLISH_OPENER.match(folded)
        or _CHINESE_OPENER.match(folded)
        or _CHINESE_ELLIPSIS.match(folded)
    )


def _refers_back(question: str, folded: str) -> bool:
    """Whether a word refers to something that the question itself has not said before."""
    masked = _IMPERSONAL.sub(lambda match: " " * len(match[0]), folded)
    return any(
        not _said_before(question, match)
        for pattern in (_ENGLISH_REFERENCE, _CHINESE_REFERENCE)
        for match in pattern.finditer(masked)
    )


def _said_before(question: str, reference: re.Match[str]) -> bool:
    """Whether the question names, before the reference, what that can refer to.

    "its" may refer within its own clause, "it" only to an earlier one (principles A and B of
    Chomsky, "Lectures on Government and Binding", 1981, as far as a rule of thumb goes).
    """
    before = question[: reference.start()]
    if not _POSSESSIVE.match(question, reference.start()):
        boundaries = [match.start() for match in _CLAUSE_END.finditer(before)]
        before = before[: boundaries[-1]] if boundaries else ""
    return _weight(before) >= _ANTECEDENT and not _CHINESE_ADVERBIAL.match(_folded(before))


def _weight(text: str) -> float:
    """How much ``text`` says: a word of content 1, a Chinese letter ½, a number 0."""
    words = " ".join(phrase.text for phrase in _phrases(text) if not phrase.is_number)
    letters = len(_CJK.findall(words))
    others = sum(1 for word in _WORD.findall(words) if not _CJK.match(word))
    return letters / 2 + others


def _phrases(text: str) -> list[_Phrase]:
    """The phrases of content in ``text``, in order, numbers apart."""
    marked = _without_function_words(text)
    quoted = [match.span(1) for match in _QUOTED.finditer(text)]
    found: list[_Phrase] = []
    for part in re.finditer(r"[^\0]+", marked):
        for start, end in _apart(text, *part.span()):
            in_quotes = any(first <= start and end <= last for first, last in quoted)
            found.append(_Phrase(text[start:end], in_quotes or _is_name(text, start, end)))
    return found


def _apart(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Where numbers, and what stands between them, lie; without white space around."""
    numbers = _LONE_NUMBER.finditer(text, start, end)
    edges = [start, *(edge for number in numbers for edge in number.span()), end]
    return [
        (a, b)
        for left, right in pairwise(edges)
        for a, b in [_stripped(text, left, right)]
        if a < b
    ]


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    lead = len(part) - len(part.lstrip())
    return start + lead, start + len(part.rstrip())


def _without_function_words(text: str) -> str:
    """``text`` with NUL in the place of all that is no word of content; the same length."""
    letters = list(_folded(text))
    for start, end in chinese_function_words("".join(letters)):
        letters[start:end] = "\0" * (end - start)
    blanked = _CHINESE_VAGUE.sub(_blank, "".join(letters))
    return _MARKS.sub(_blank, re.sub(_LATIN_WORD, _blank_if_vague, blanked))


def _blank(match: re.Match[str]) -> str:
    return "\0" * len(match[0])


def _blank_if_vague(match: re.Match[str]) -> str:
    word = match[0].lower()
    vague = word in ENGLISH_STOP_WORDS or word in _ENGLISH_VAGUE
    return _blank(match) if vague else match[0]


def _is_name(text: str, start: int, end: int) -> bool:
    """Capitalised inside a sentence, a code of letters and digits, or Latin among Chinese."""
    chinese = bool(_CJK.search(text))
    for match in re.finditer(_LATIN_WORD, text[start:end]):
        word = match[0]
        opens = not re.search(r"\w", text[: start + match.start()])
        coded = any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
        if coded or (word[0].isalpha() and (chinese or (word[0].isupper() and not opens))):
            return True
    return False


def _folded(text: str) -> str:
    """Simplified, character by character, so that places stay what they are."""
    return text.translate(simplified_by_character())
