"""From markers in an answer to checked places in the documents."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_service.generation.citations import cite
from rag_service.generation.markers import without_markers
from rag_service.types import Chunk, Citation, Hit

LEAVE = (
    "Employees have 25 days of annual leave. Unused days expire on 31 March. "
    "Mary Jones approves all requests."
)
LEAVE_ZH = "员工每年有15天年假。未使用的年假于3月31日过期。所有申请由王芳批准。"


def hit(text: str, *, start: int = 0, title: str = "", heading: str = "") -> Hit:
    chunk = Chunk(7, 3, 0, "hr/leave.pdf", title, heading, 2, start, start + len(text), text)
    return Hit(chunk, 1.0)


def only(answer: str, *sources: Hit) -> Citation:
    (citation,) = cite(answer, sources).citations
    return citation


def test_a_citation_points_at_the_supporting_sentence_in_the_document() -> None:
    assert only("Unused days expire on 31 March [1].", hit(LEAVE, start=100)) == Citation(
        n=1,
        chunk_id=7,
        doc_id=3,
        source="hr/leave.pdf",
        page=2,
        char_start=140,
        char_end=171,
        quote="Unused days expire on 31 March.",
        verified=True,
    )


@pytest.mark.parametrize(
    ("written", "normalised"),
    [
        ("x[1]", "x[1]"),
        ("x [1][2]", "x [1][2]"),
        ("x [1, 2]", "x [1][2]"),
        ("x [1，2、3]", "x [1][2][3]"),
        ("x [1-3]", "x [1][2][3]"),
        ("x [1–2, 3]", "x [1][2][3]"),
        ("x [3-1]", "x [1][2][3]"),
        ("x [2,2]", "x [2]"),
        ("x［１］", "x[1]"),
        ("x【2】", "x[2]"),
        ("x [^1]", "x [1]"),
        ("x [ 1 ]", "x [1]"),
        ("no marker [a] [] (1) [1", "no marker [a] [] (1) [1"),
        (
            "in [2019-2024], in [2019] and in [1, 2019]",
            "in [2019-2024], in [2019] and in [1, 2019]",
        ),
        ("code `a[1]` and ```\nb[2]\n``` stay", "code `a[1]` and ```\nb[2]\n``` stay"),
    ],
)
def test_every_spelling_of_a_marker_becomes_one(written: str, normalised: str) -> None:
    cited = cite(written, [hit(LEAVE)] * 3)
    assert (cited.text, cited.invented) == (normalised, 0)


@pytest.mark.parametrize(
    ("written", "normalised", "invented"),
    [
        ("It is so [4].", "It is so.", 1),
        ("It is so [0].", "It is so.", 1),
        ("It [9] is so.", "It is so.", 1),
        ("It is so [1][4].", "It is so [1].", 1),
        ("It is so [2, 5, 6].", "It is so [2].", 2),
        ("It is so [2-99].", "It is so [2][3].", 96),
        ("如此【9】。", "如此。", 1),
        ("It is so [999-1].", "It is so [1][2][3].", 996),
    ],
)
def test_a_number_without_a_source_is_removed_and_counted(
    written: str, normalised: str, invented: int
) -> None:
    cited = cite(written, [hit(LEAVE)] * 3)
    assert (cited.text, cited.invented) == (normalised, invented)


def test_an_answer_without_sources_keeps_no_marker() -> None:
    cited = cite("It is so [1].", [])
    assert (cited.text, cited.citations, cited.invented) == ("It is so.", (), 1)


def test_markers_can_be_taken_out() -> None:
    assert without_markers("Ann [1] leads [2, 3].[4]Bob【5】跟随。") == "Ann leads. Bob跟随。"


@pytest.mark.parametrize(
    "answer",
    [
        "Each employee has 25 days of annual leave [1].",
        "- Employees have **25 days** of annual leave.[1]",
        "1. Unused days expire on March 31 [1].",
        "Mary Jones approves the requests [1].",
        "Employees have 25 days of annual leave, and the unused days expire on 31 March [1].",
    ],
)
def test_a_supported_english_statement_is_verified(answer: str) -> None:
    assert only(answer, hit(LEAVE)).verified


@pytest.mark.parametrize(
    "answer",
    [
        "Employees have 26 days of annual leave [1].",  # altered number
        "Employees have 2.5 days of annual leave [1].",
        "Unused days expire on 30 March [1].",
        "Unused days expire on 25 March [1].",  # a number from another sentence
        "All requests are approved by Mary Smith [1].",  # altered name
        "John Jones approves all requests [1].",
        "IBM approves all requests [1].",
        "The office cat sleeps on the warm printer [1].",  # not in the source
        "It is so [1].",  # nothing to check
        "Yes. [1]",
        "[1]",
    ],
)
def test_an_unsupported_english_statement_is_not_verified(answer: str) -> None:
    assert not only(answer, hit(LEAVE)).verified


@pytest.mark.parametrize("script", [LEAVE_ZH, "員工每年有15天年假。未使用的年假於3月31日過期。"])
@pytest.mark.parametrize(
    ("answer", "verified"),
    [
        ("员工每年享有15天年假[1]。", True),
        ("員工每年享有15天年假［1］。", True),
        ("未使用的年假在３月３１日过期【1】。", True),
        ("未使用的年假將於3月31日過期[1]。", True),
        ("员工每年享有16天年假[1]。", False),
        ("员工每年享有15天年假，由IBM提供[1]。", False),
        ("公司食堂每天供应三种素菜[1]。", False),
        ("是的[1]。", False),
    ],
)
def test_chinese_statements_are_checked_across_scripts(
    answer: str, verified: bool, script: str
) -> None:
    assert only(answer, hit(script)).verified is verified


def test_a_statement_over_two_sentences_is_quoted_over_both() -> None:
    answer = "Employees have 25 days of annual leave and unused days expire on 31 March [1]."
    assert only(answer, hit(LEAVE)).quote == (
        "Employees have 25 days of annual leave. Unused days expire on 31 March."
    )


def test_each_marker_in_a_sentence_stands_for_its_own_part() -> None:
    answer = "Employees have 25 days of annual leave [1] and unused days expire on 31 March [2]."
    first, second = cite(answer, [hit(LEAVE[:39]), hit(LEAVE[40:])]).citations
    assert (first.n, first.quote, first.verified) == (1, LEAVE[:39], True)
    assert (second.n, second.quote, second.verified) == (2, LEAVE[40:71], True)


def test_what_follows_the_last_marker_is_checked_too() -> None:
    assert not only("Employees [1] have 26 days of annual leave.", hit(LEAVE)).verified


@pytest.mark.parametrize(
    "answer",
    [
        "Leave is generous. Unused days expire on 31 March. [1]\nAsk your manager.",
        "Leave is generous. Unused days expire on 31 March.[1] Ask your manager.",
        "Leave is generous. Unused days expire on 31 March.[1]Ask your manager.",
        "Leave is generous.\n[1] Unused days expire on 31 March.",
        "Leave is generous.\n- [1] Unused days expire on 31 March.",
        "Leave is generous. Unused days expire on 31 March.\n[1]\nAsk your manager.",
    ],
)
def test_a_marker_belongs_to_the_sentence_it_ends_or_leads(answer: str) -> None:
    citation = only(answer, hit(LEAVE))
    assert (citation.quote, citation.verified) == ("Unused days expire on 31 March.", True)


def test_one_place_is_cited_once_and_only_verified_if_every_statement_holds() -> None:
    right = "Employees have 25 days of annual leave [1]."
    wrong = "Employees have 99 days of annual leave [1]."
    assert len(cite(f"{right} {right}", [hit(LEAVE)]).citations) == 1
    assert only(f"{right} {right}", hit(LEAVE)).verified
    assert not only(f"{right} {wrong}", hit(LEAVE)).verified
    assert not only(f"{wrong} {right}", hit(LEAVE)).verified


def test_citations_come_in_the_order_of_appearance() -> None:
    answer = "Unused days expire on 31 March [2]. Employees have 25 days of annual leave [1][2]."
    cited = cite(answer, [hit(LEAVE), hit(LEAVE)])
    assert [(c.n, c.char_start) for c in cited.citations] == [(2, 40), (1, 0), (2, 0)]


def test_numbers_and_names_may_stand_in_title_and_heading() -> None:
    text = "Revenue grew to 5 million euros."
    answer = "Revenue of Acme grew to 5 million euros in 2023 [1]."
    assert only(answer, hit(text, title="Acme annual report", heading="Results > 2023")).verified
    assert not only(answer, hit(text, title="Acme annual report")).verified
    assert not only(answer, hit(text, heading="Results > 2023")).verified


@pytest.mark.parametrize(
    ("claimed", "written", "verified"),
    [
        ("1000", "1,000", True),
        ("1,234.5", "1234.50", True),
        ("７", "07", True),
        ("308", "1308", False),
        ("1.5", "15", False),
        ("12", "1, 2", False),
    ],
)
def test_numbers_are_compared_by_value(claimed: str, written: str, verified: bool) -> None:
    citation = only(
        f"The tank holds {claimed} litres [1].", hit(f"The tank holds {written} litres.")
    )
    assert citation.verified is verified


def test_without_any_support_the_whole_passage_is_cited_unverified() -> None:
    citation = only("The cat sleeps [1].", hit(LEAVE, start=5))
    assert (citation.quote, citation.char_start, citation.verified) == (LEAVE, 5, False)


MARKED = st.text(st.sampled_from("[]【】1239,- \n.。A北京`^*"), max_size=60)


@settings(deadline=None)  # the first one loads the dictionary
@given(MARKED)
def test_any_answer_is_cited_with_exact_quotes_and_existing_numbers(answer: str) -> None:
    sources = [hit(LEAVE, start=10), hit(LEAVE_ZH, start=20)]
    for citation in cite(answer, sources).citations:
        chunk = sources[citation.n - 1].chunk
        start, end = citation.char_start - chunk.char_start, citation.char_end - chunk.char_start
        assert chunk.text[start:end] == citation.quote != ""


@settings(deadline=None)  # the first one loads the dictionary
@given(MARKED)
def test_normalising_twice_changes_nothing_more(answer: str) -> None:
    sources = [hit(LEAVE), hit(LEAVE_ZH)]
    once = cite(answer, sources).text
    assert cite(once, sources).text == once
