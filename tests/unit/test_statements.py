"""What is found out about each sentence of an answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rag_service.generation.citations import cite, quoted_statements, without_unsupported
from rag_service.types import Chunk, Hit, Statement

PUMPS = (
    "The Alder pump moves 40 litres a minute. It was designed by Ruth Keller in 2011. "
    "The housing is not made of plastic. Spare seals are kept in the Bergen depot."
)
MILL = (
    "青溪纸厂成立于1987年，由张伟担任厂长。工厂没有使用木浆。2021年，公司的营业收入为1.2亿元。"
    "新的锅炉提高了生产效率。仓库位于杭州市。"
)
MILL_EN = (
    "The paper mill was founded in 1987. The mill does not use wood. The warehouse is in Beijing."
)


def hit(text: str, n: int = 1, title: str = "") -> Hit:
    return Hit(Chunk(n, n, 0, f"{n}.txt", title, "", None, 0, len(text), text), 1.0)


SOURCES = [hit(PUMPS, 1), hit(MILL, 2)]


def statuses(answer: str, *sources: Hit) -> list[str]:
    return [statement.status for statement in cite(answer, sources or SOURCES).statements]


def verdict(sentence: str, *sources: Hit) -> str:
    (status,) = statuses(sentence, *sources)
    return status


@pytest.mark.parametrize(
    "sentence",
    [
        "The Alder pump moves 40 litres a minute.",
        "the  alder pump moves ４０ litres a minute",
        "The Alder pump moves forty litres a minute.",
        "Ruth Keller designed it in 2011.",
        "Spare seals are stored in the Bergen depot.",
        "It was designed by Ruth Keller in 2011, and the housing is not made of plastic.",
        "青溪纸厂成立于1987年。",
        "青溪紙廠成立於1987年，由張偉擔任廠長。",
        "青溪纸厂由张伟担任厂长，成立于一九八七年。",
        "2021年公司的营业收入为12000万元。",
        "新的锅炉提升了生产效率。",
        "工厂没有使用木浆。",
        "仓库坐落于杭州市。",
    ],
)
def test_what_a_source_says_is_supported_without_a_citation(sentence: str) -> None:
    assert verdict(sentence) == "supported"


@pytest.mark.parametrize(
    "sentence",
    [
        # another number
        "The Alder pump moves 45 litres a minute.",
        "The Alder pump moves fifty litres a minute.",
        "It was designed by Ruth Keller in 2012.",
        "青溪纸厂成立于1978年。",
        "青溪纸厂成立于一九七八年。",
        "2021年，公司的营业收入为1.2万元。",
        # another name
        "It was designed by Paul Keller in 2011.",
        "Spare seals are kept in the Oslo depot.",
        "青溪纸厂成立于1987年，由李娜担任厂长。",
        "仓库位于北京市。",
        # the opposite
        "The housing is made of plastic.",
        "The Alder pump does not move 40 litres a minute.",
        "工厂使用木浆。",
        "新的锅炉没有提高生产效率。",
        # from nowhere
        "The pump runs on solar power in the desert.",
        "公司计划明年在海外设立研究中心。",
    ],
)
def test_what_no_source_says_is_unsupported_whatever_it_cites(sentence: str) -> None:
    assert verdict(sentence) == "unsupported"
    assert verdict(f"{sentence[:-1]} [1][2]{sentence[-1]}") == "unsupported"


@pytest.mark.parametrize(
    "sentence",
    [
        "Hello!",
        "Hope this helps.",
        "# The Alder pump",
        "**Results**",
        "The documents say the following:",
        "The documents do not mention the price.",
        "There is no information about the price in the passages.",
        "What else do you want to know?",
        "您好！",
        "以下是相关信息：",
        "资料中没有提到价格。",
        "資料中沒有提到價格。",
        "希望以上信息对您有帮助。",
        "|---|---|",
    ],
)
def test_what_claims_nothing_is_neither(sentence: str) -> None:
    assert verdict(sentence) == "no_claim"


@pytest.mark.parametrize(
    ("sentence", "status"),
    [
        ("造纸厂不使用木材。", "supported"),
        ("造纸厂成立于1988年。", "unsupported"),
        ("仓库在北京。", "supported"),
        ("仓库在伦敦。", "unsupported"),
        ("造纸厂使用木材。", "unsupported"),
    ],
)
def test_a_statement_in_another_language_is_compared_through_the_dictionary(
    sentence: str, status: str
) -> None:
    assert verdict(sentence, hit(MILL_EN)) == status


def test_a_source_that_was_not_cited_is_added() -> None:
    cited = cite("The Alder pump moves 40 litres a minute [2].", SOURCES)
    assert [(c.n, c.verified, c.added, c.quote) for c in cited.citations] == [
        (2, False, False, MILL),
        (1, True, True, PUMPS[:40]),
    ]
    assert [s.citations for s in cited.statements] == [(0, 1)]


def test_a_sentence_drawn_from_two_sources_cites_both() -> None:
    answer = (
        "The Alder pump moves 40 litres a minute, the new boiler burns 9 kilos of coal an hour."
    )
    sources = [hit(PUMPS, 1), hit("The new boiler burns 9 kilos of coal an hour.", 2)]
    cited = cite(answer, sources)
    assert [(c.n, c.verified, c.added) for c in cited.citations] == [
        (1, True, True),
        (2, True, True),
    ]
    assert [s.status for s in cited.statements] == ["supported"]


REPORT = "在风险管理方面，文化传媒有限公司更新了风险管理框架，并实施了缓解策略。"


@pytest.mark.parametrize(
    ("company", "status"), [("文化传媒有限公司", "supported"), ("医疗先锋有限公司", "unsupported")]
)
def test_the_report_of_another_company_does_not_count(company: str, status: str) -> None:
    claim = f"在风险管理方面，{company}更新了风险管理框架，实施了缓解策略。"
    assert verdict(claim, hit(REPORT)) == status


def test_a_name_in_letters_of_the_supplementary_plane_is_one() -> None:
    source = hit("公司由𠮷野家管理，位于东京。")
    assert verdict("公司由𠮷野家管理，地点在东京。", source) == "supported"
    assert verdict("公司由𠮸野家管理，地点在东京。", source) == "unsupported"


def test_a_place_in_the_same_document_may_introduce_a_name() -> None:
    rest = Chunk(
        9, 1, 1, "1.txt", "", "", None, 500, 540, "Its motor was wound by hand in the yard."
    )
    answer = "The motor of the Alder pump was wound by hand in the yard."
    assert verdict(answer, SOURCES[0], Hit(rest, 1.0)) == "supported"
    assert verdict(answer, SOURCES[1], Hit(rest, 1.0)) == "unsupported"


def test_statements_are_spans_of_the_answer_with_their_markers() -> None:
    cited = cite(
        "Hello!\n- The Alder pump moves 40 litres a minute. [1, 9]\n新的锅炉提高了生产效率【2】。",
        SOURCES,
    )
    texts = [cited.text[s.char_start : s.char_end] for s in cited.statements]
    assert texts == [
        "Hello!",
        "- The Alder pump moves 40 litres a minute. [1]",
        "新的锅炉提高了生产效率[2]。",
    ]
    assert [s.status for s in cited.statements] == ["no_claim", "supported", "supported"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_a_line_ends_with_any_separator(end: str) -> None:
    answer = (
        f"# Pump{end}[1] The Alder pump moves 40 litres a minute.{end}[1]{end}It sings at night."
    )
    cited = cite(answer, SOURCES)
    assert [(cited.text[s.char_start : s.char_end], s.status) for s in cited.statements] == [
        ("# Pump", "no_claim"),
        (f"[1] The Alder pump moves 40 litres a minute.{end}[1]", "supported"),
        ("It sings at night.", "unsupported"),
    ]
    left = without_unsupported(cited)
    assert left.text == f"# Pump{end}[1] The Alder pump moves 40 litres a minute.{end}[1]"


def test_a_model_is_asked_only_where_the_words_leave_it_open() -> None:
    asked: list[list[str]] = []

    def embed(texts: Sequence[str]) -> list[NDArray[np.float32] | None]:
        asked.append(list(texts))
        return [np.array([1.0, 0.0], dtype=np.float32) for _ in texts]

    loose = "Seals for repair jobs lie ready in the Bergen depot."
    assert statuses(loose, hit(PUMPS)) == ["unsupported"]
    near = cite(f"{loose} The Alder pump moves 40 litres a minute.", [hit(PUMPS)], embed=embed)
    assert [s.status for s in near.statements] == ["supported", "supported"]
    assert asked == [[loose, "Spare seals are kept in the Bergen depot."]]


def test_unsupported_sentences_go_with_their_citations() -> None:
    answer = (
        "# Pump\nThe Alder pump moves 40 litres a minute [1]. It sings at night [2].\n"
        "- It dances [1].\n- Spare seals are kept in the Bergen depot [1]."
    )
    left = without_unsupported(cite(answer, SOURCES))
    assert left.text == (
        "# Pump\nThe Alder pump moves 40 litres a minute [1].\n"
        "- Spare seals are kept in the Bergen depot [1]."
    )
    assert [(c.n, c.quote) for c in left.citations] == [(1, PUMPS[:40]), (1, PUMPS[-41:])]
    assert [s.citations for s in left.statements] == [(), (0,), (1,)]
    assert [left.text[s.char_start : s.char_end] for s in left.statements] == left.text.split("\n")


def test_a_quoting_answer_is_supported_word_for_word() -> None:
    assert quoted_statements(["Unused days expire. [1]", "They do. [1]"]) == (
        Statement(0, 23, "supported", 1.0, (0,)),
        Statement(24, 36, "supported", 1.0, (1,)),
    )


PIECES = st.lists(
    st.sampled_from(
        [PUMPS, MILL, "[1]", "[9]", "【2】", "\n", " ", "# A", "没有", "not ", "。", "40"]
    ),
    max_size=8,
).map("".join)


@given(PIECES)
def test_statements_are_in_order_and_apart_and_cite_what_there_is(answer: str) -> None:
    cited = cite(answer, SOURCES)
    position = 0
    for statement in cited.statements:
        assert position <= statement.char_start < statement.char_end <= len(cited.text)
        assert all(0 <= index < len(cited.citations) for index in statement.citations)
        assert 0 <= statement.support <= 1
        position = statement.char_end
    left = without_unsupported(cited)
    assert "unsupported" not in {statement.status for statement in left.statements}


@pytest.mark.parametrize(
    "noise",
    ["a line\n" + " " * 20_000 + "a word", "not " * 8_000 + "pump", "it was not found " * 8_000],
)
def test_noise_without_end_is_judged_like_any_other_sentence(noise: str) -> None:
    assert set(statuses(noise)) == {"unsupported"}  # and soon


def test_the_fence_of_a_code_block_claims_nothing() -> None:
    answer = "The Alder pump moves 40 litres a minute.\n```python\nfly(mars)\n```"
    assert statuses(answer) == ["supported", "no_claim", "unsupported", "no_claim"]
    assert without_unsupported(cite(answer, SOURCES)).text.count("```") == 2
