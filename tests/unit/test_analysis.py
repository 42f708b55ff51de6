"""The tokens texts are indexed and searched under."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import Stemmer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag_service.text.analysis import MAX_TOKEN_CHARS, analyze, analyze_query, content_terms
from rag_service.text.irregular import BASE_FORMS


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        (" \n。，!?", []),
        ("The pumps were running", ["the", "pump", "were", "run"]),
        ("知识库", ["知", "识", "库", "知识", "识库"]),
        ("資訊檢索", ["资", "讯", "检", "索", "资讯", "讯检", "检索"]),
        ("库 库 库", ["库", "库", "库"]),
        ("用Docker部署", ["用", "docker", "部", "署", "部署"]),
        ("Ｄｏｃｋｅｒ　１２", ["docker", "12"]),
        ("Café naïve Straße", ["cafe", "naiv", "strass"]),
        ("the company's dogs' tails", ["the", "compani", "dog", "tail"]),
        ("the company’s", ["the", "compani"]),
        ("don't", ["dont"]),
        ("LED lead", ["led", "lead"]),
        ("Women wrote the Children's books", ["woman", "write", "the", "child", "book"]),
        ("2015年", ["2015", "年"]),
    ],
)
def test_words_are_folded_and_chinese_becomes_letters_and_pairs(
    text: str, tokens: list[str]
) -> None:
    assert analyze(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("GB/T 7714-2015", ["gb/t", "gb", "t", "7714-2015", "7714", "2015"]),
        ("C++", ["c++"]),
        ("C#", ["c#"]),
        ("C++17", ["c++17", "c++"]),
        ("v2.13.0", ["v2.13.0", "2.13.0", "2.13"]),
        ("1,234.5", ["1,234.5", "1234.5"]),
        ("3.5%", ["3.5%", "3.5"]),
        ("４０９０", ["4090"]),
        ("RTX4090", ["rtx4090", "rtx", "4090"]),
        ("a_b", ["a_b", "a", "b"]),
        ("Qwen2.5-7B", ["qwen2.5-7b", "qwen2.5", "qwen", "2.5", "7b", "7", "b"]),
        ("e-mail", ["e-mail", "email", "e", "mail"]),
        ("U.S.", ["u.s", "us", "u", "s"]),
        ("2024-01-05", ["2024-01-05", "2024", "01", "1", "05", "5"]),
        ("12:30", ["12:30", "12", "30"]),
        ("1, 2", ["1", "2"]),
        ("Chronicles™ X℠ Y®", ["chronicl", "x", "y"]),
        ("6½", ["6", "1", "2"]),
        ("3f4a9bc1d2e3", ["3f4a9bc1d2e3"]),
        ("me@site.org", ["me@site.org", "me", "site", "org"]),
    ],
)
def test_codes_and_numbers_are_kept_whole_and_by_their_parts(text: str, tokens: list[str]) -> None:
    assert analyze(text) == tokens


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("信息檢索", "信息检索"),
        ("沿著", "沿着"),
        ("計劃", "计划"),
        ("計畫", "计划"),
        ("了解", "瞭解"),
        ("臺灣裡", "台湾里"),
        ("RTX 4090", "RTX4090"),
        ("1234.5", "1,234.5"),
        ("torch 2.13", "torch v2.13.0"),
        ("email", "e-mail"),
        ("hospital", "l'hôpital hospitals"),
        ("知识库", "知识\n库"),
        ("example", "exam-\nple"),
    ],
)
def test_different_spellings_of_one_thing_share_their_terms(query: str, text: str) -> None:
    found = set(analyze(text))
    assert [term for term in analyze_query(query) if term not in found] == []


@pytest.mark.parametrize(
    ("query", "text", "shared"),
    [
        ("RTX4090", "RTX 4090", {"rtx", "4090"}),
        ("2024年1月5日", "2024-01-05", {"2024", "1", "5"}),
    ],
)
def test_a_code_and_its_spaced_spelling_meet_in_their_parts(
    query: str, text: str, shared: set[str]
) -> None:
    assert content_terms(query) & set(analyze(text)) == shared


@pytest.mark.parametrize(
    ("query", "tokens"),
    [
        ("What is the capacity of the pump?", ["capac", "pump"]),
        ("什么是水泵的功率？", ["水", "泵", "水泵", "功", "率", "功率"]),
        ("請問公司有哪些產品", ["公", "司", "公司", "产", "品", "产品"]),
        ("目的是什么", ["目", "的", "目的"]),
        ("What is the WHO?", ["who"]),
        ("WHO是什么", ["who"]),
        ("to be or not to be", ["to", "be", "or", "not", "to", "be"]),
        ("WHO IS IT", ["who", "is", "it"]),
        ("是什么", ["是", "什", "么", "是什", "什么"]),
        ("", []),
    ],
)
def test_a_question_loses_its_function_words_unless_nothing_else_is_left(
    query: str, tokens: list[str]
) -> None:
    assert analyze_query(query) == tokens


def test_content_terms_are_the_distinct_query_terms() -> None:
    assert content_terms("Is the pump a pump?") == frozenset({"pump"})


def test_a_very_long_word_is_cut_into_tokens_of_the_longest_length() -> None:
    word = "a" * 200 + "b" * 200 + "c" * 50
    assert analyze(word) == ["a" * 200, "b" * 200, "c" * 50]


def test_threads_do_not_disturb_each_other() -> None:
    texts = [f"running pumps number {i} 漢語" for i in range(200)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(analyze, texts)) == [analyze(text) for text in texts]


_MIXED = st.text(
    st.one_of(st.characters(), st.sampled_from("aB1.-_/'’+#%,:@& \n中漢的é")), max_size=60
)


@given(_MIXED)
@settings(deadline=None)
def test_no_token_is_empty_spaced_or_too_long(text: str) -> None:
    for token in (*analyze(text), *analyze_query(text)):
        assert 0 < len(token) <= MAX_TOKEN_CHARS
        assert not any(char.isspace() for char in token)


@given(_MIXED)
@settings(deadline=None)
def test_every_query_term_of_a_text_is_indexed_for_it(text: str) -> None:
    single_line = text.replace("\n", " ")
    indexed = set(analyze(single_line))
    assert [term for term in analyze_query(single_line) if term not in indexed] == []


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("How long is the warranty?", ["warranti"]),
        ("How many long bolts?", ["long", "bolt"]),
        ("How old is the mill?", ["old", "mill"]),
        ("What happens if the clock goes backwards?", ["clock", "go", "backward"]),
        ("何时发货", ["发", "货", "发货"]),
        ("红灯代表什么？", ["红", "灯", "红灯"]),
        ("How much?", ["how", "much"]),
    ],
)
def test_what_is_asked_for_is_no_term_of_a_question(question: str, terms: list[str]) -> None:
    assert analyze_query(question) == terms


def test_the_table_holds_what_the_stemmer_leaves_apart() -> None:
    stemmer = Stemmer.Stemmer("english", 0)
    stems = {form: stemmer.stemWord(form) for form in BASE_FORMS}

    assert [
        form for form, base in BASE_FORMS.items() if stems[form] == stemmer.stemWord(base)
    ] == []
    assert BASE_FORMS.keys() & BASE_FORMS.values() == set()


@given(st.text(st.characters(max_codepoint=0x2027), max_size=30))
@example("C++17, e-mail’s 1,234.5% — v2.13.0 (12:30) a_b’c‐d")
def test_words_are_the_same_beside_a_text_with_other_letters(text: str) -> None:
    # What is ASCII alone is cut by another pattern.
    assert analyze(f"{text} \n ж") == [*analyze(text), "ж"]
