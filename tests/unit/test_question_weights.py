"""What each term of a question counts."""

from __future__ import annotations

from rag_service.text.question_weights import question_weights


def test_each_term_counts_as_often_as_it_is_asked() -> None:
    assert question_weights("pump pressure pump") == {"pump": 2.0, "pressur": 1.0}


def test_latin_words_and_numbers_among_chinese_count_twice() -> None:
    assert question_weights("K40泵") == {"k40": 2.0, "k": 2.0, "40": 2.0, "泵": 1.0}


def test_nothing_is_asked_by_nothing() -> None:
    assert question_weights(" ?! ") == {}
