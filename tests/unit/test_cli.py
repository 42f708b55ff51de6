"""The `rag` command: what it prints, where, and how it exits."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rag_service.cli import app
from rag_service.collection_types import FailedFile
from rag_service.commands.parts import Parts
from rag_service.errors import ChatModelError, IndexCorrupt
from rag_service.filters import Filters
from tests.api.fakes import REFUSAL, WARRANTY, FakeLibrary, FakeService
from tests.api.test_ask import ANSWER, QUESTION

NOTE = "note: The embedding model knows no Chinese.\n"


class Command:
    """Runs `rag` over parts in memory."""

    def __init__(self) -> None:
        self.service = FakeService()
        self.library = FakeLibrary(self.service)
        self.ingested: list[list[str]] = []
        self.exit_code = 0

    def __call__(self, *arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        parts = Parts(lambda _: self.service, lambda _: self.library, self._ingest)
        result = CliRunner().invoke(app, arguments, obj=parts, input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    def _ingest(self, arguments: list[str]) -> int:
        self.ingested.append(arguments)
        return self.exit_code


@pytest.fixture
def rag(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command()


def test_ask_prints_the_answer_and_its_checked_citations(rag: Command) -> None:
    code, out, err = rag("ask", QUESTION)
    assert [line.rstrip() for line in out.splitlines()] == [
        "The warranty lasts three years. [1]",
        "",
        "n     source           page   quote                             checked",
        "─" * 74,
        "[1]   manuals/car.md   1      The warranty lasts three years.   ✓ verified",
    ]
    assert err == f"note: passages that did not fit the model's context: 1\n{NOTE}"
    assert code == 0
    assert rag.service.shut_down


def test_ask_prints_a_refusal_without_a_table(rag: Command) -> None:
    assert rag("ask", "zebra")[:2] == (0, f"{REFUSAL}\n\n")


def test_ask_shows_the_nearest_passages_under_a_refusal(rag: Command) -> None:
    rag.service.refuse_all = True
    out = rag("ask", QUESTION)[1].splitlines()
    assert out[0] == REFUSAL
    assert out[2].split() == ["n", "source", "page", "passage"]
    assert out[-1].split() == ["[1]", "manuals/car.md", "1", *WARRANTY.split()]


def test_ask_shows_only_the_beginning_of_a_passage_that_does_not_answer(rag: Command) -> None:
    rag.service.refuse_all = True
    long = "warranty\n" + "x" * 500
    rag.service.names["default"] = [replace(rag.service.chunks[0], text=long)]
    assert rag("ask", QUESTION)[1].splitlines()[-1].split()[-2:] == ["warranty", "x" * 91 + "…"]
    [source] = json.loads(rag("ask", QUESTION, "--json")[1])["sources"]
    assert source["text"] == long


def test_ask_json_is_one_document_of_the_http_debug_shape(rag: Command) -> None:
    code, out, err = rag("ask", QUESTION, "--json", "--top-k", "3")
    document = json.loads(out)
    assert document.pop("legs") == {"1": {"lexical": {"rank": 1, "score": 2.0}}}
    assert len(document.pop("request_id")) == 32
    expected = {key: value for key, value in ANSWER.items() if key != "request_id"}
    assert document == {**expected, "notes": ["The embedding model knows no Chinese."]}
    assert (code, err) == (0, "")
    assert rag.service.asked["top_k"] == 3


def test_a_question_can_come_from_stdin(rag: Command) -> None:
    code, out, _ = rag("ask", "-", stdin=f"{QUESTION}\n")
    assert (code, out.splitlines()[0]) == (0, "The warranty lasts three years. [1]")


def test_a_document_cannot_steer_the_terminal(
    rag: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.api.fakes.REFUSAL", "red \x1b[31m\x9b31m\r\x07text")
    assert rag("ask", "zebra")[1] == "red [31m31mtext\n\n"


def test_search_prints_passages_best_first(rag: Command) -> None:
    code, out, err = rag("search", "warranty 年假")
    rows = [line.split() for line in out.splitlines()[2:]]
    assert rows == [
        ["1", "1.00", "规章.txt", "年假为十五天。"],
        ["2", "0.50", "manuals/car.md", "1", *WARRANTY.split()],
    ]
    assert (code, err) == (0, NOTE)


def test_search_json_says_where_each_leg_placed_a_passage(rag: Command) -> None:
    code, out, err = rag("search", "warranty", "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert sorted(document) == [
        "dropped",
        "gloss_terms",
        "legs",
        "notes",
        "results",
        "revision",
        "terms",
        "timings",
    ]
    assert document["results"][0]["lexical"] == {"rank": 1, "score": 1.0}
    assert document["results"][0]["highlights"] == [[4, 12]]
    assert rag("search", "warranty", "--json", "--explain")[1] == out


def test_search_explains_ranks_and_marks_what_matched(rag: Command) -> None:
    code, out, err = rag("search", "warranty 年假", "--explain", "--top-k", "1")
    lines = [line.strip() for line in out.splitlines()]
    assert (code, err) == (0, NOTE)
    assert lines[0] == "Searched for: warranti last"
    place = lines.index("Each place: rank (score)")
    assert lines[place + 1].split() == [
        *("rank", "source", "page", "lexical", "fused"),
        *("terms", "(how", "much", "each", "says)"),
    ]
    assert lines[place + 3].split() == [
        *("1", "规章.txt", "1", "(2)", "1", "(1.00)", "warranti", "1.5"),
    ]
    assert "1. 年假为十五天。" in lines
    left_out = lines.index("Not among the results:")
    assert lines[left_out + 3].split() == [
        *("10", "manuals/car.md", "1", "lexical", "2", "(2)", "fused", "2", "(0.50)", "below"),
    ]


def test_search_explain_marks_the_matched_words_of_a_passage(rag: Command) -> None:
    out = rag("search", "warranty", "--explain")[1]
    assert "1. The *warranty* lasts three years." in out.splitlines()


@pytest.mark.parametrize("command", ["search", "ask"])
def test_a_question_can_be_restricted_by_all_filters(rag: Command, command: str) -> None:
    restricted = [
        *("--source", "manuals/*", "--source", "*.md", "--doc", "1", "--doc", "2"),
        *("--tag", "HR", "--tag", "财务", "--since", "2024-02", "--until", "2024"),
        *("--pages", "3-7"),
    ]
    assert rag(command, "warranty", *restricted)[0] == 0
    assert rag.service.filtered_by == Filters(
        doc_ids=(1, 2),
        sources=("manuals/*", "*.md"),
        tags=("HR", "财务"),
        since=date(2024, 2, 1),
        until=date(2024, 12, 31),
        page_from=3,
        page_to=7,
    )


@pytest.mark.parametrize(
    ("pages", "first", "last"), [("7", 7, 7), ("3-7", 3, 7), ("3-", 3, None), ("-7", None, 7)]
)
def test_pages_are_one_or_a_range(
    rag: Command, pages: str, first: int | None, last: int | None
) -> None:
    rag("search", "warranty", "--pages", pages)
    assert rag.service.filtered_by == Filters(page_from=first, page_to=last)


def test_search_that_finds_nothing_says_so(rag: Command) -> None:
    assert rag("search", "zebra")[:2] == (0, "No passages found.\n")


def test_a_search_can_be_restricted_to_some_documents(rag: Command) -> None:
    out = rag("search", "warranty 年假", "--source", "manuals/*", "--json")[1]
    assert [result["source"] for result in json.loads(out)["results"]] == ["manuals/car.md"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", ""], "The question is empty."),
        (["ask", " \u200b"], "The question is empty."),
        (["ask", "a\x00b"], "The question must not contain the NUL character."),
        (
            ["ask", "caf\udce9"],
            "The question must be valid Unicode: it contains half of a surrogate pair.",
        ),
        (
            ["search", "x" * 8001],
            "The question has 8001 characters; at most 8000 are accepted "
            "(setting api.max_question_chars).",
        ),
        (["ask", "a", "--collection", "nowhere"], "There is no collection 'nowhere'."),
        (["search", "a", "-c", "../x"], "'../x' is not a collection name."),
        (["verify", "-c", "nowhere"], "There is no collection 'nowhere'."),
        (
            ["search", "a", "--source", "[a"],
            "The filters do not fit: the source glob '[a' has a [ without its ].",
        ),
        (
            ["ask", "a", "--since", "May 2024"],
            "The filters do not fit: 'May 2024' is not a date; write 2024-05-31, 2024-05 or 2024.",
        ),
        (
            ["search", "a", "--since", "2025", "--until", "2024"],
            "The filters do not fit: since 2025-01-01 is after until 2024-12-31.",
        ),
        (["ask", "a", "--pages", "7-3"], "The filters do not fit: page 7 is after page 3."),
        (
            ["ask", "a", "--pages", "all"],
            "The filters do not fit: 'all' is no range of pages; write 7, 3-7, 3- or -7.",
        ),
        (["ask", "a", "--tag", " "], "The filters do not fit: a tag must not be empty."),
    ],
)
def test_a_wrong_command_is_one_line_on_stderr_and_exit_2(
    rag: Command, arguments: list[str], message: str
) -> None:
    assert rag(*arguments) == (2, "", f"error: {message}\n")


@pytest.mark.parametrize(
    "arguments",
    [["ask"], ["ask", "a", "--colour"], ["search", "a", "--top-k", "0"], ["sing"]],
)
def test_wrong_usage_is_exit_2(rag: Command, arguments: list[str]) -> None:
    code, out, err = rag(*arguments)
    assert (code, out) == (2, "")
    assert "Error: " in err


def test_a_failure_of_the_service_is_one_line_and_exit_1(rag: Command) -> None:
    rag.service.fail_first = ChatModelError("The model\ncannot be read.")
    assert rag("ask", "a") == (1, "", "error: The model cannot be read.\n")


def test_settings_that_do_not_fit_are_exit_1(rag: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_API__PORT", "many")
    code, out, err = rag("ask", "a")
    assert (code, out) == (1, "")
    assert err.startswith("error: Settings do not fit: api.port: ")


def test_ingest_gets_every_argument_as_it_was_given(rag: Command) -> None:
    arguments = ["--help", "docs", "-x", "--", "--dry-run", "-c", "资料"]
    rag.exit_code = 3
    assert rag("ingest", *arguments) == (3, "", "")
    assert rag.ingested == [arguments]


def test_status_lists_collections(rag: Command) -> None:
    code, out, err = rag("status")
    assert [line.split() for line in out.splitlines()[2:]] == [
        ["default", "2", "0", "2", "0", "7", "words", "2025-01-02", "03:04"]
    ]
    assert (code, err) == (0, "")


def test_status_json_is_one_document(rag: Command) -> None:
    code, out, _ = rag("status", "--json")
    assert code == 0
    assert json.loads(out) == {
        "collections": [
            {
                "name": "default",
                "documents": 2,
                "chunks": 2,
                "failed": 0,
                "revision": 7,
                "pending": 0,
                "embedding_model": "words",
                "updated_at": "2025-01-02T03:04:05Z",
            }
        ],
        "problems": {},
    }


def test_status_of_nothing_says_how_to_begin(rag: Command) -> None:
    rag.service.names.clear()
    assert rag("status") == (0, "No collections yet; `rag ingest DIR` makes one.\n", "")


def test_status_shows_the_sound_collections_beside_a_broken_one(rag: Command) -> None:
    rag.library.broken["old"] = IndexCorrupt("The catalog is damaged.")
    code, out, err = rag("status")
    assert (code, err) == (1, "error: old: The catalog is damaged.\n")
    assert out.splitlines()[2].split()[0] == "default"


FAILED = FailedFile(
    "default", "/manuals", "scan.pdf", "no_text", "no text: scanned", "2025-01-02T03:04:05+00:00"
)


def test_status_lists_the_files_that_failed_and_why(rag: Command) -> None:
    assert rag("status", "--failed") == (0, "No file has failed.\n", "")
    rag.library.failed.append(FAILED)
    code, out, err = rag("status", "--failed")
    assert (code, err) == (0, "")
    assert out.splitlines()[2].split() == [
        *("default", "scan.pdf", "no", "text:", "scanned", "2025-01-02", "03:04")
    ]
    document = json.loads(rag("status", "--failed", "--json")[1])
    assert document["failed"] == [asdict(FAILED)]


def test_verify_of_clean_collections_is_exit_0(rag: Command) -> None:
    rag.service.create_collection("empty")
    assert rag("verify") == (
        0,
        "default: clean (2 documents, 2 passages, 2 vectors, revision 7)\n"
        "empty: clean (0 documents, 0 passages, 0 vectors, revision 0)\n",
        "",
    )


def test_verify_shows_every_problem_and_exits_1(rag: Command) -> None:
    rag.library.problems["default"] = ("Chunk 10 has no vector.", "Chunk 20 has no vector.")
    rag.library.broken["old"] = IndexCorrupt("The catalog is damaged.")
    code, out, err = rag("verify")
    assert out == (
        "default: 2 problems (2 documents, 2 passages, 2 vectors, revision 7)\n"
        "  - Chunk 10 has no vector.\n"
        "  - Chunk 20 has no vector.\n"
        "old: 1 problems (0 documents, 0 passages, 0 vectors, revision 0)\n"
        "  - The catalog is damaged.\n"
    )
    assert (code, err) == (1, "")


def test_verify_of_one_collection_leaves_the_others_alone(rag: Command) -> None:
    rag.library.broken["old"] = IndexCorrupt("The catalog is damaged.")
    code, out, _ = rag("verify", "--collection", "default", "--json")
    report: dict[str, Any] = {
        "collection": "default",
        "problems": [],
        "documents": 2,
        "chunks": 2,
        "vectors": 2,
        "revision": 7,
    }
    assert (code, json.loads(out)) == (0, {"clean": True, "collections": [report]})


def test_verify_json_of_a_broken_collection_is_still_one_document(rag: Command) -> None:
    rag.library.broken["old"] = IndexCorrupt("The catalog is damaged.")
    code, out, err = rag("verify", "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)["clean"] is False


def test_a_taken_port_is_said_before_any_model_is_loaded(rag: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = rag("serve", "--port", str(port))
    assert (code, out) == (1, "")
    assert err == (
        f"error: Port {port} on 127.0.0.1 is already in use. Stop what uses it, or choose "
        "another with --port or the setting api.port.\n"
    )


def test_an_address_of_another_machine_is_refused(rag: Command) -> None:
    code, _, err = rag("serve", "--host", "192.0.2.1", "--port", "0")
    assert code == 1
    assert err.startswith("error: Cannot listen on 192.0.2.1 port 0: ")


SERVE = """
from rag_service.cli import app
from rag_service.commands.parts import Parts
from tests.api.fakes import FakeLibrary, FakeService

service = FakeService()
app(
    ["serve", "--port", "0"],
    obj=Parts(lambda _: service, lambda _: FakeLibrary(service), lambda _: 0),
)
"""


def read_when_listening(url: str) -> Any:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url) as response:
                return json.load(response)
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError("The server never listened.")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_until_it_is_told_to_stop_and_exits_0(stop: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        url = next(process.stderr).split()[2]
        assert read_when_listening(f"{url}/healthz") == {"status": "ok"}
        process.send_signal(stop)
        rest = process.stderr.read()
        assert process.wait(20) == 0
    assert "Traceback" not in rest


def test_the_command_line_starts_without_the_heavy_parts() -> None:
    heavy = ["torch", "fastapi", "langchain_core", "faiss", "tantivy", "pydantic", "numpy"]
    program = f"import sys, rag_service.cli; print([m for m in {heavy} if m in sys.modules])"
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert output.stdout == "[]\n"


@pytest.mark.parametrize(
    "command", ["", "ask", "eval", "forget", "search", "serve", "status", "verify"]
)
def test_every_option_has_help(rag: Command, command: str) -> None:
    arguments = [command, "--help"] if command else ["--help"]
    code, out, _ = rag(*arguments)
    options = [line.split("  ") for line in out.splitlines() if line.startswith("  -")]
    assert code == 0
    assert all(len([part for part in option if part.strip()]) >= 2 for option in options)
