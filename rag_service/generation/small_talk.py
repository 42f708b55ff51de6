"""Messages that ask nothing of the documents: a greeting, thanks, "who are you?"."""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = (
    r"hi|hello|hey|hiya|good (?:morning|afternoon|evening|day|night)|greetings"
    r"|thanks?|thank you|many thanks|thx|cheers|bye|goodbye|see you|ok|okay|there|again"
    r"|so much|very much|a lot|for your help"
    r"|[你您]好|[哈嗨]喽?|大家好|早上好|早安|上午好|下午好|晚上好|晚安|谢谢|謝謝|多谢|多謝|感谢|感謝|辛苦"
    r"|who are you|what can you do"
    r"|[你您]是[谁誰]|[你您][叫是]什[么麼](?:名字)?|[你您][能会會]做什[么麼]"
    r"|再见|再見|拜拜|好的|[你您]|在吗|在嗎|[啊呀了啦吗嗎呢哦噢]"
)
# No two ways to read the same letters: 辛苦了 beside 了 would take exponential time.
_SMALL_TALK: Final = re.compile(rf"(?:(?:{_WORDS})(?![a-z])[\W_]*)+", re.IGNORECASE)
_MOST_CHARACTERS: Final = 60  # what is longer asks something as well


def is_small_talk(text: str) -> bool:
    """Whether ``text`` is polite and nothing else."""
    told = text.strip(" \t\r\n.,!?~。，！？～…")
    return len(told) <= _MOST_CHARACTERS and _SMALL_TALK.fullmatch(told) is not None
