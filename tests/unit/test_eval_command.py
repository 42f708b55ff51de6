"""`rag eval`: what it prints, what it keeps, how it exits; locally and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag_service.api.app import create_app
from rag_service.evaluation.runs import load_run
from rag_service.evaluation.target import DocumentName, HttpTarget, LocalTarget
from tests.api.conftest import served
from tests.api.fakes import FakeService
from tests.unit.test_cli import Command

QUESTIONS: list[dict[str, object]] = [
    {"question": "How long is the warranty?", "answers": "three years", "sources": "manuals/*"},
    {"question": "年假几天？", "answers": ["十五天", "15天"], "titles": ["Car manual"]},
    {"question": "zebra?", "answerable": False, "tags": ["animals"]},
]


@pytest.fixture
def rag(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    lines = (json.dumps(question, ensure_ascii=False) for question in QUESTIONS)
    Path("q.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return Command()


@pytest.fixture
def url(rag: Command) -> Iterator[str]:
    with served(create_app(lambda: rag.service, keep_alive_s=0.02)) as url:
        yield url


def test_a_run_is_a_table_by_language(rag: Command) -> None:
    code, out, err = rag("eval", "q.jsonl")
    lines = out.splitlines()
    assert lines[0].split() == ["run", "all", "en", "zh-Hans"]
    rows = {
        line.split("  ")[0]: line.split("  ", 1)[1].split() for line in lines[2 : lines.index("")]
    }
    assert rows["questions"] == ["3", "2", "1"]
    assert rows["hit@1"][::3] == ["0.500", "1.000", "0.000"]
    assert rows["answer in context@256"][::3] == ["1.000", "1.000", "1.000"]
    assert rows["refusal recall"][0] == "1.000"
    assert (code, err.count("95 % confidence interval")) == (0, 1)
    assert rag.service.shut_down


def test_json_is_one_document_and_the_same_that_is_saved(rag: Command) -> None:
    code, out, err = rag("eval", "q.jsonl", "--json", "--save", "run.json", "--label", "first")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document == json.loads(Path("run.json").read_text(encoding="utf-8"))
    assert document["label"] == "first"
    assert document["target"]["collection"] == "default"
    assert document["target"]["settings"]["retrieval"]["top_k"] == 8
    assert [o["refused"] for o in document["outcomes"]] == [False, False, True]
    assert load_run(Path("run.json")).label == "first"


def test_a_run_can_be_limited_and_kept_from_asking(rag: Command) -> None:
    document = json.loads(rag("eval", "q.jsonl", "--limit", "2", "--ask", "--json")[1])
    assert [o["refused"] for o in document["outcomes"]] == [False, False]
    document = json.loads(rag("eval", "q.jsonl", "--no-ask", "--json")[1])
    assert [o["refused"] for o in document["outcomes"]] == [None, None, None]


def test_a_run_is_compared_with_a_saved_one(rag: Command) -> None:
    rag("eval", "q.jsonl", "--save", "before.json")
    rag.service.refuse_all = True
    code, out, err = rag("eval", "q.jsonl", "--against", "before.json", "--label", "after")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    start = lines.index(["all", "before", "after", "difference", "p", "better", "worse"])
    row = next(line for line in lines[start:] if line[:2] == ["refusal", "precision"])
    assert row[2:5] == ["1.000", "0.333", "-0.667"]
    assert "p < 0.05" in err
    both = json.loads(rag("eval", "q.jsonl", "--against", "before.json", "--json")[1])
    assert both["comparisons"][0]["groups"]["all"]["refusal_precision"]["worse"] == 2


def test_saved_runs_are_compared_with_the_first(rag: Command) -> None:
    for name in ("a", "b", "c"):
        rag("eval", "q.jsonl", "--save", f"{name}.json")
    code, out, _ = rag("eval", "--compare", "a.json", "b.json", "c.json", "--json")
    comparisons = json.loads(out)["comparisons"]
    assert [(each["base"], each["other"]) for each in comparisons] == [("a", "b"), ("a", "c")]
    assert code == 0
    headings = [
        line.split()[:3]
        for line in rag("eval", "--compare", "a.json", "b.json")[1].splitlines()
        if "difference" in line
    ]
    assert headings == [["all", "a", "b"], ["en", "a", "b"], ["zh-Hans", "a", "b"]]


def test_failures_and_tags_are_shown_where_wanted(rag: Command) -> None:
    rag.service.refuse_all = True
    out = rag("eval", "q.jsonl", "--failures", "--by-tag")[1]
    assert out.splitlines()[0].split() == ["run", "all", "animals"]
    told = [line for line in out.splitlines() if line.startswith(("How long", "年假", "zebra"))]
    assert [line.split("  ")[0] for line in told] == ["How long is the warranty?", "年假几天？"]
    assert "document not in the first 5; refused" in told[1]


def test_documents_that_are_missing_are_noted(rag: Command) -> None:
    questions = QUESTIONS[0] | {"sources": ["manuals/*", "gone.md"]}
    Path("q.jsonl").write_text(json.dumps(questions), encoding="utf-8")
    code, _, err = rag("eval", "q.jsonl")
    assert code == 0
    assert "note: 1 documents named by questions are not in the collection" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.jsonl"], "There is no file none.jsonl."),
        (["q.jsonl", "q.jsonl"], "Give one file of questions; several files are for --compare."),
        (["--compare", "q.jsonl"], "q.jsonl is no saved run"),
        (["q.jsonl", "--against", "none.json"], "There is no file none.json."),
        (["q.jsonl", "--save", "no/run.json"], "There is no folder no to keep run.json in."),
        (["q.jsonl", "--plot", "plot.gif"], "plot.gif: a plot is saved as .png or .svg."),
        (["q.jsonl", "-c", "nowhere"], "There is no collection 'nowhere'."),
        (["q.jsonl", "--url", "localhost:8000"], "'localhost:8000' is no address"),
    ],
)
def test_a_wrong_command_is_one_line_on_stderr_and_exit_2(
    rag: Command, arguments: list[str], message: str
) -> None:
    code, out, err = rag("eval", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1


def test_one_saved_run_is_not_enough_to_compare(rag: Command) -> None:
    rag("eval", "q.jsonl", "--save", "a.json")
    code, _, err = rag("eval", "--compare", "a.json")
    assert (code, err) == (
        2,
        "error: --compare needs two saved runs or more, the earliest first.\n",
    )


def test_a_service_that_is_not_there_is_exit_1(rag: Command) -> None:
    code, _, err = rag("eval", "q.jsonl", "--url", "http://127.0.0.1:9")
    assert code == 1
    assert err.startswith("error: The service at http://127.0.0.1:9 cannot be used: ")


def test_a_running_service_gives_the_same_figures(rag: Command, url: str) -> None:
    local = json.loads(rag("eval", "q.jsonl", "--json")[1])
    remote = json.loads(rag("eval", "q.jsonl", "--json", "--url", url)[1])
    assert remote["target"]["url"] == url

    def judged(document: dict[str, list[dict[str, object]]]) -> list[dict[str, object]]:
        unlike = ("search_ms", "ask_ms")
        return [{k: v for k, v in o.items() if k not in unlike} for o in document["outcomes"]]

    assert judged(local) == judged(remote)


def test_both_targets_know_all_documents(rag: Command, url: str) -> None:
    expected = [DocumentName("manuals/car.md", "Car manual"), DocumentName("规章.txt", "")]
    assert LocalTarget(rag.service).documents() == expected
    assert HttpTarget(url).documents() == expected


def test_what_the_service_says_of_an_error_is_passed_on(rag: Command, url: str) -> None:
    code, _, err = rag("eval", "q.jsonl", "--url", url, "-c", "nowhere")
    assert (code, err) == (1, f"error: {url}: There is no collection 'nowhere'.\n")


def test_a_server_of_another_kind_is_told_by_its_status() -> None:
    from fastapi import FastAPI

    from rag_service.errors import RemoteServiceError

    with served(FastAPI()) as other, pytest.raises(RemoteServiceError, match="replied 404"):
        HttpTarget(other).documents()


def test_documents_come_in_pages(monkeypatch: pytest.MonkeyPatch, rag: Command, url: str) -> None:
    monkeypatch.setattr("rag_service.evaluation.target._PAGE", 1)
    assert len(HttpTarget(url).documents()) == len(FakeService().chunks)


def test_calibrating_takes_thirty_questions_of_either_kind(rag: Command) -> None:
    code, out, err = rag("eval", "q.jsonl", "--calibrate")
    assert (code, out) == (2, "")
    assert "at least 30 questions whose answer is found" in err
    assert "there are 2 and 1." in err


def test_a_service_elsewhere_cannot_be_calibrated(rag: Command) -> None:
    code, _, err = rag("eval", "q.jsonl", "--calibrate", "--url", "http://127.0.0.1:1")
    assert (code, "not for --url" in err) == (2, True)
