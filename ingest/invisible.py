"""Characters that nobody sees, which files carry all the same.

Some part words where a line may end. Others spell messages that a model reads and a person does
not: the tags, whose only use in text is in three flags
(https://www.unicode.org/reports/tr51/#valid-emoji-tag-sequences).
"""

from __future__ import annotations

import re

# Soft hyphen, zero-width space, word joiner, byte order mark, tags. Not the joiners of emoji and
# of Persian, nor the marks that turn the direction of writing: they change what is seen.
_INVISIBLE = re.compile("[\xad\u200b\u2060\ufeff\U000e0000-\U000e007f]")


def without_invisible(text: str) -> str:
    """``text`` without characters that show nothing and part nothing."""
    return text if text.isascii() else _INVISIBLE.sub("", text)
