"""Files of questions: what is read from them, and what is said of a line that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag_service.errors import InvalidRequest, PathNotFound
from rag_service.evaluation.questions import EvalQuestion, load_questions, parse_question

ROOT = Path(__file__).resolve().parents[2]


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_full_line_is_read_as_it_stands() -> None:
    line = (
        '{"id": "w1", "question": "保固多久？", "answers": ["三年"], "sources": ["保固.md"], '
        '"pages": [2], "span": [3, 5], "lang": "zh", "tags": ["numbers"]}'
    )
    assert parse_question(line) == EvalQuestion(
        id="w1",
        question="保固多久？",
        answers=("三年",),
        sources=("保固.md",),
        pages=(2,),
        span=(3, 5),
        lang="zh",
        tags=("numbers",),
    )


def test_a_single_value_needs_no_list() -> None:
    question = parse_question('{"question": "q", "answers": "a", "titles": "T", "pages": 3}')
    assert (question.answers, question.titles, question.pages) == (("a",), ("T",), (3,))


@pytest.mark.parametrize(
    ("text", "language"),
    [("How long?", "en"), ("保修期多长？", "zh-Hans"), ("保固期多長？", "zh-Hant")],
)
def test_the_language_is_detected_where_none_is_given(text: str, language: str) -> None:
    assert parse_question(f'{{"question": "{text}"}}').lang == language


def test_the_id_follows_from_the_text_so_that_lines_may_be_moved(tmp_path: Path) -> None:
    one, two = '{"question": "one?"}', '{"question": "two?"}'
    before = load_questions(written(tmp_path / "a.jsonl", one, two))
    after = load_questions(written(tmp_path / "b.jsonl", "", two, one))
    assert {q.question: q.id for q in before} == {q.question: q.id for q in after}
    assert len({q.id for q in before}) == 2


def test_only_the_first_questions_are_taken_where_a_limit_is_given(tmp_path: Path) -> None:
    path = written(tmp_path / "q.jsonl", *(f'{{"question": "q{n}"}}' for n in range(5)))
    assert [q.question for q in load_questions(path, limit=2)] == ["q0", "q1"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "is not JSON (Expecting property name enclosed in double quotes at column 2)"),
        ("[]", "is not an object: a line is "),
        ("{}", "'question' is missing"),
        ('{"question": " "}', "question: must hold a letter or a digit"),
        ('{"question": 3}', "question: Input should be a valid string"),
        ('{"question": "q", "answers": ["%"]}', "answers.0: must hold a letter or a digit"),
        ('{"question": "q", "anwsers": ["a"]}', "'anwsers' is no field; did you mean 'answers'?"),
        ('{"question": "q", "colour": 1}', "'colour' is no field; remove it, or put it into tags."),
        ('{"question": "q", "answerable": "no"}', "answerable: Input should be a valid boolean"),
        (
            '{"question": "q", "answerable": false, "answers": ["a"]}',
            "answerable is false, but answers or documents are given: remove the one or the other",
        ),
        ('{"question": "q", "pages": [1]}', "pages need the document they are of"),
        ('{"question": "q", "sources": "a", "pages": [0]}', "pages.0: Input should be greater"),
        ('{"question": "q", "span": [1, 2]}', "span is [start, end] in the text of exactly one"),
        ('{"question": "q", "sources": "a", "span": [2, 2]}', "span is [start, end] in the text"),
    ],
)
def test_a_line_that_does_not_fit_is_named_and_what_to_change(
    tmp_path: Path, line: str, message: str
) -> None:
    path = written(tmp_path / "q.jsonl", '{"question": "good?"}', "", line)
    with pytest.raises(InvalidRequest) as caught:
        load_questions(path)
    assert str(caught.value).startswith(f"{path}: line 3: {message}")


def test_several_faulty_lines_are_told_at_once_but_not_all_of_many(tmp_path: Path) -> None:
    path = written(tmp_path / "q.jsonl", *["{}"] * 7)
    with pytest.raises(InvalidRequest) as caught:
        load_questions(path)
    told = str(caught.value)
    assert [f"line {n}:" in told for n in range(1, 8)] == [True] * 5 + [False] * 2
    assert told.endswith("; and 2 more lines")


def test_the_same_question_twice_would_be_counted_twice(tmp_path: Path) -> None:
    path = written(tmp_path / "q.jsonl", '{"question": "one?"}', '{"question": "one?"}')
    with pytest.raises(InvalidRequest, match="line 2: the same question or id as in line 1"):
        load_questions(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"\n \n", "holds no question"), ("问".encode("gbk"), "is not UTF-8: save it as UTF-8")],
)
def test_a_file_without_questions_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(data)
    with pytest.raises(InvalidRequest, match=message):
        load_questions(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match="There is no file"):
        load_questions(tmp_path / "none.jsonl")


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "q"}', encoding="utf-8-sig")
    assert load_questions(path)[0].question == "q"


def test_the_sample_questions_are_such_a_file() -> None:
    questions = load_questions(ROOT / "examples" / "questions.jsonl")
    assert len(questions) == 28
    assert sum(question.answerable for question in questions) == 22
