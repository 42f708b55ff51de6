"""What makes a text unusable as a question or a query, for HTTP and the CLI alike."""

from __future__ import annotations

from rag_service.errors import InvalidRequest, QuestionTooLong


def text_problem(text: str) -> str | None:
    """Why ``text`` cannot be stored, tokenised or sent as UTF-8; ``None`` if it can."""
    if "\x00" in text:
        return "must not contain the NUL character"
    if any("\ud800" <= char <= "\udfff" for char in text):
        return "must be valid Unicode: it contains half of a surrogate pair"
    return None


def is_blank(text: str) -> bool:
    """True when a reader would see nothing: only spaces, controls or zero-width characters."""
    return not any(char.isprintable() and not char.isspace() for char in text)


def check_length(text: str, limit: int) -> None:
    """Refuse a question or query of more than ``limit`` characters.

    Raises:
        QuestionTooLong
    """
    if len(text) > limit:
        raise QuestionTooLong(
            f"The question has {len(text)} characters; at most {limit} are accepted "
            "(setting api.max_question_chars)."
        )


def check_question(text: str, limit: int) -> str:
    """``text`` itself, if it can be asked.

    Raises:
        InvalidRequest: blank or not valid text.
        QuestionTooLong: more than ``limit`` characters.
    """
    if problem := text_problem(text):
        raise InvalidRequest(f"The question {problem}.")
    if is_blank(text):
        raise InvalidRequest("The question is empty.")
    check_length(text, limit)
    return text
