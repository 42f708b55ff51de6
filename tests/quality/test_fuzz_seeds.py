"""A short, repeatable form of `python -m benchmarks.fuzz`: its seeds and a few hundred mutants.

The last tests show that the fuzzer sees what it is there to see.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from benchmarks.fuzz.case import Examined, examine
from benchmarks.fuzz.corpus import Corpus
from benchmarks.fuzz.findings import Finding, innermost_dumped
from benchmarks.fuzz.mutate import mutate, read_parts
from benchmarks.fuzz.properties import check_chunks, check_loaded
from benchmarks.fuzz.reached import ReachedLines
from benchmarks.fuzz.seed_files import all_seeds
from benchmarks.fuzz.shrink import shrink
from ingest.chunking import chunk_document
from ingest.loaders import format_of
from ingest.loaders.formats import FORMATS
from rag_service.document_types import ChunkSpan, LoadedText, Mark, Page
from tests.chunks import count_words

_MUTANTS = 150
# Bytes of two single-byte encodings with too little text to tell them by.
_UNTOLD = frozenset({"mac-roman-5.txt", "cp1256-6.txt"})


@pytest.fixture(scope="module")
def seeds() -> dict[str, bytes]:
    return all_seeds()


def serious(examined: Examined) -> list[Finding]:
    """Bugs that were told as damage cost one file; the long form names them."""
    return [finding for finding in examined.findings if finding.kind != "masked"]


def test_every_format_has_a_seed(seeds: dict[str, bytes]) -> None:
    seeded = {known.name for name in seeds if (known := format_of(name))}
    assert {known.name for known in FORMATS} - seeded == set()


def test_every_seed_is_loaded_and_chunked_as_promised(seeds: dict[str, bytes]) -> None:
    examined = {name: examine(name, data, "model", 40) for name, data in seeds.items()}
    assert {name: found for name, one in examined.items() if (found := one.findings)} == {}
    refused = {name for name, one in examined.items() if one.status != "loaded"}
    assert refused <= _UNTOLD


def test_mutants_of_the_seeds_show_no_finding(
    seeds: dict[str, bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    corpus, rng = Corpus(tmp_path, seeds), Random(20240503)
    found: dict[str, list[Finding]] = {}
    for number in range(_MUTANTS):
        case = corpus.choose(rng, f"short/{number}")
        findings = serious(examine(case.name, case.data(), case.counter, case.max_tokens))
        if findings:
            found[f"{case.parent} {case.key}"] = findings
    assert found == {}
    assert capfd.readouterr() == ("", "")


def test_a_mutation_can_be_repeated(seeds: dict[str, bytes]) -> None:
    for name in ("a.docx", "a.pdf", "a.md", "a.eml"):
        mutants = [mutate(Random("7"), name, seeds[name], seeds[name]) for _ in range(2)]
        assert mutants[0] == mutants[1] != seeds[name]


def test_most_mutants_of_office_files_are_still_read(seeds: dict[str, bytes]) -> None:
    """Files that are refused at the door would test the door alone."""
    for name in ("a.docx", "a.pptx", "a.odt", "a.epub"):
        mutants = [mutate(Random(f"{n}"), name, seeds[name], seeds[name]) for n in range(12)]
        statuses = [examine(name, data, "words", 40).status for data in mutants]
        assert statuses.count("loaded") > 6, name


_GOOD = LoadedText(
    "One line.\nname | x\na | 1", syntax="marked", marks=(Mark("table", 10, 24, header_end=18),)
)


@pytest.mark.parametrize(
    ("loaded", "expected"),
    [
        (replace(_GOOD, text=" " * 30), ("text", "is blank")),
        (replace(_GOOD, text="\0" + _GOOD.text[1:]), ("text", "NUL")),
        (replace(_GOOD, title="\ud800"), ("text", "lone surrogate")),
        (replace(_GOOD, warnings=("",)), ("message", "is blank")),
        (replace(_GOOD, marks=(Mark("code", 10, 99),)), ("marks", "out of range")),
        (replace(_GOOD, marks=(Mark("code", 4, 9),)), ("marks", "code: not whole lines")),
        (replace(_GOOD, marks=(Mark("table", 10, 24),)), ("marks", "header out of its table")),
        (replace(_GOOD, marks=_GOOD.marks * 2), ("marks", "overlap or out of order")),
        (replace(_GOOD, syntax="plain"), ("marks", "in a text that is plain")),
        (
            replace(_GOOD, pages=(Page(1, 0, 5), Page(1, 5, 9))),
            ("pages", "overlap or out of order"),
        ),
        (replace(_GOOD, pages=(Page(1, 0, 99),)), ("pages", "out of range")),
    ],
)
def test_what_a_loader_must_not_return_is_found(
    loaded: LoadedText, expected: tuple[str, str]
) -> None:
    assert list(check_loaded(_GOOD)) == []
    assert expected in [(finding.kind, finding.what) for finding in check_loaded(loaded)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ordinal": 5}, "ordinals with gaps"),
        ({"text": "two"}, "text is not its span"),
        ({"char_start": 3, "text": " line."}, "not trimmed"),
        ({"char_start": 4, "text": "line."}, "text left out"),
        ({"page": 9}, "on no page"),
    ],
)
def test_a_broken_promise_of_the_chunker_is_found(
    changes: dict[str, object], expected: str
) -> None:
    chunks = chunk_document(_GOOD, count_tokens=count_words, max_tokens=8)
    assert list(check_chunks(_GOOD, chunks, count_words, 8)) == []
    broken: list[ChunkSpan] = [replace(chunks[0], **changes), *chunks[1:]]  # type: ignore[arg-type]
    found = [finding.what for finding in check_chunks(_GOOD, broken, count_words, 8)]
    assert expected in found


def test_a_chunk_above_the_limit_is_found() -> None:
    chunks = chunk_document(_GOOD, count_tokens=count_words, max_tokens=8)
    assert "more tokens than allowed" in [
        finding.what for finding in check_chunks(_GOOD, chunks, count_words, 2)
    ]


def test_shrinking_keeps_what_shows_the_finding(seeds: dict[str, bytes]) -> None:
    assert (
        shrink(b"a" * 500 + b"<!>" + b"b" * 500, lambda data: b"<!>" in data, seconds=9) == b"<!>"
    )

    def shows(data: bytes) -> bool:
        return b"<w:tbl>" in read_parts(data).get("word/document.xml", b"")

    small = read_parts(shrink(seeds["a.docx"], shows, seconds=9))
    assert small == {"word/document.xml": b"<w:tbl>"}


def test_reached_lines_are_those_of_our_own_code_seen_first() -> None:
    reached = ReachedLines()
    with reached:
        format_of("a.md")
    assert {Path(place.rpartition(":")[0]).name for place in reached.new} == {"formats.py"}
    with reached:
        format_of("a.md")
    assert reached.new == []


def test_the_place_of_a_hang_is_read_from_the_dump() -> None:
    root = Path(__file__).parents[2]
    dump = (
        'case 1\nStack (most recent call first):\n  File "/lib/re.py", line 5 in match\n'
        f'  File "{root}/ingest/tables.py", line 9 in header_of\n'
        f'  File "{root}/ingest/chunking.py", line 3 in chunk_document\n'
    )
    assert innermost_dumped(dump) == "ingest/tables.py:header_of"


def test_the_command_says_what_it_did_and_exits_0_without_findings() -> None:
    command = [sys.executable, "-m", "benchmarks.fuzz", "--minutes", "0", "--formats", "csv,tsv"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "4 cases" in run.stdout
    assert run.stdout.rstrip().endswith("0 findings")
