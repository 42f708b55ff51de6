"""How much of a question is covered."""

from __future__ import annotations

from rag_service.text.term_shares import share_across


def test_of_a_page_pasted_as_a_question_the_first_words_are_looked_for() -> None:
    page = "".join(f"水泵{n}，" for n in range(300))
    assert share_across(f"图书馆{page}", lambda _: 1.0).of({"librari"}) > 0
    assert share_across(f"{page}图书馆", lambda _: 1.0).of({"librari"}) == 0
