"""Folders into collections: real files, parser processes, embedding model and store."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import ingest.large
import ingest.mirror
import ingest.run
from ingest import cli
from ingest.report import IngestReport
from ingest.run import Ingestor, MirrorOptions
from rag_service.errors import (
    CollectionBusy,
    ConfigError,
    Conflict,
    IndexMismatch,
    InvalidRequest,
    PathNotFound,
)
from rag_service.retrieval.embedding import open_embeddings
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.settings import EmbeddingSettings, Settings
from rag_service.store.catalog_schema import StagedDocument
from rag_service.store.catalog_writer import CatalogWriter
from rag_service.store.collection import Collection
from rag_service.store.library import Library
from rag_service.text.question_weights import question_weights
from tests import documents

WARRANTY = "The warranty of the Aldra recorder lasts three years from the date of delivery."
LEAVE = (
    "正式员工每年享有十五天带薪年假。年假应当在当年用完。病假需要提交医院证明，并由直属主管批准。"
)
RETURNS = "客戶收到商品後七天內可以申請退貨。退貨時請附上發票與保固書，並保持商品包裝完整。"
STORAGE = "Store the sensor in a dry room. Keep it away from magnets and from direct sunlight."


@pytest.fixture(scope="module")
def embeddings() -> EmbeddingModel:
    return open_embeddings(EmbeddingSettings())


@dataclass
class Knowledge:
    """A folder of documents and the data folder of what is made from it."""

    folder: Path
    data: Path
    embeddings: EmbeddingModel

    def write(self, source: str, text: str, encoding: str = "utf-8") -> Path:
        path = self.folder / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return path

    def ingest(
        self, *, max_tokens: int = 128, dry_run: bool = False, **options: Any
    ) -> IngestReport:
        ingestor = Ingestor(self.settings(max_tokens), embeddings=self.embeddings)
        act = ingestor.plan if dry_run else ingestor.mirror
        return act([self.folder], "manuals", MirrorOptions(**options))

    def settings(self, max_tokens: int = 128) -> Settings:
        return Settings.model_validate(
            {
                "data_dir": self.data,
                "chunking": {"max_tokens": max_tokens},
                "ingest": {"jobs": 1, "max_file_mb": 1},
            }
        )

    def library(self) -> Library:
        return Library(self.data)

    def texts(self) -> dict[str, str]:
        """The stored text of every document, by source."""
        catalog = self.opened().catalog
        return {
            info.source: catalog.document_text(info.doc_id)
            for info in catalog.documents(limit=1000)
        }

    def opened(self) -> Collection:
        return self.library().open("manuals")

    def find(self, words: str) -> list[str]:
        """The sources of what the lexical index finds, best first."""
        view = self.opened().view()
        ids = [chunk_id for chunk_id, _ in view.search_lexical(question_weights(words), 10, None)]
        found = view.chunks(ids)
        return [found[chunk_id].source for chunk_id in ids if chunk_id in found]

    def check(self) -> None:
        """The collection is in order and every span is exact."""
        assert self.library().verify("manuals").problems == ()


@pytest.fixture
def knowledge(
    tmp_path: Path, embeddings: EmbeddingModel, monkeypatch: pytest.MonkeyPatch
) -> Knowledge:
    """Shares one loaded model, because loading it takes seconds."""
    monkeypatch.setattr(ingest.run, "open_embeddings", lambda _: embeddings)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "documents").mkdir()
    return Knowledge(tmp_path / "documents", tmp_path / "data", embeddings)


def statuses(report: IngestReport) -> dict[str, str]:
    """What happened to every file; each is told of once."""
    assert len({file.source for file in report.files}) == len(report.files)
    return {file.source: file.status for file in report.files}


def failures(report: IngestReport) -> dict[str, str]:
    return {file.source: file.code for file in report.files if file.status == "failed"}


def test_every_encoding_and_format_arrives_as_the_same_text(knowledge: Knowledge) -> None:
    knowledge.write("gbk.txt", LEAVE * 3, "gb18030")
    knowledge.write("big5.txt", RETURNS * 3, "big5")
    knowledge.write("utf16.txt", WARRANTY, "utf-16")
    knowledge.write("guide/storage.md", f"# Storage\n\n{STORAGE}")
    documents.write_pdf(knowledge.folder / "en.pdf", [["Page one speaks of pumps."], [WARRANTY]])
    chinese = [["本手册说明如何安装水泵。"], ["请先关闭电源，再拆下外壳。"]]
    documents.write_pdf(knowledge.folder / "zh.pdf", chinese, font=documents.CHINESE_FONT)
    report = knowledge.ingest()
    assert set(statuses(report).values()) == {"added"}
    assert (report.documents, report.exit_code()) == (6, 0)
    texts = knowledge.texts()
    assert texts["gbk.txt"] == LEAVE * 3
    assert texts["big5.txt"] == RETURNS * 3
    assert texts["utf16.txt"] == WARRANTY
    assert texts["guide/storage.md"] == f"# Storage\n\n{STORAGE}"
    encodings = {file.source: file.encoding for file in report.files if file.encoding}
    assert encodings["utf16.txt"].startswith("utf-16")
    assert encodings["big5.txt"].startswith("big5")
    assert knowledge.find("关闭电源") == ["zh.pdf"]
    assert knowledge.find("保固书")[0] == "big5.txt"  # Simplified finds Traditional
    pages = {c.page for c in knowledge.opened().catalog.chunks_of(_doc_id(knowledge, "en.pdf"))}
    assert pages == {1, 2}
    knowledge.check()


def _doc_id(knowledge: Knowledge, source: str) -> int:
    found = knowledge.opened().catalog.documents(limit=1000)
    return next(info.doc_id for info in found if info.source == source)


def test_a_folder_is_followed_through_changes_moves_and_deletions(knowledge: Knowledge) -> None:
    articles = [f"# Part {n}\n\n{STORAGE}\n\n## Detail\n\nValve {n} is blue." for n in range(3)]
    for number, article in enumerate(articles):
        knowledge.write(f"{number}.md", article)
    first = knowledge.ingest()
    assert statuses(first) == {"0.md": "added", "1.md": "added", "2.md": "added"}
    total = sum(file.chunks for file in first.files)
    assert (first.embedded, first.reused) == (total, 0)

    again = knowledge.ingest()
    assert statuses(again) == {"0.md": "unchanged", "1.md": "unchanged", "2.md": "unchanged"}
    assert (again.embedded, again.reused, again.revision) == (0, 0, first.revision)

    changed = knowledge.write("0.md", articles[0].replace("is blue", "is green"))
    (knowledge.folder / "1.md").rename(knowledge.folder / "moved.md")
    (knowledge.folder / "2.md").unlink()
    report = knowledge.ingest()
    assert statuses(report) == {"0.md": "updated", "moved.md": "moved", "2.md": "deleted"}
    assert report.embedded == 1  # the section that changed
    assert report.reused == next(f.chunks for f in report.files if f.source == "0.md") - 1
    assert knowledge.find("green") == ["0.md"]
    assert set(knowledge.find("valve")) == {"0.md", "moved.md"}
    info = knowledge.opened().catalog.document(_doc_id(knowledge, "0.md"))
    assert info.size_bytes == changed.stat().st_size
    knowledge.check()


def test_the_same_text_under_several_names_is_embedded_once(knowledge: Knowledge) -> None:
    for source in ("a.md", "b.md", "sub/c.md"):
        knowledge.write(source, f"# Storage\n\n{STORAGE}")
    report = knowledge.ingest()
    assert (report.documents, report.embedded, report.reused) == (3, 1, 2)
    knowledge.write("d.md", f"# Storage\n\n{STORAGE}")
    later = knowledge.ingest()
    assert (later.documents, later.embedded, later.reused) == (4, 0, 1)
    catalog = knowledge.opened().catalog
    assert (catalog.texts_embedded(), catalog.counts()["vectors"]) == (1, 1)
    knowledge.check()


def test_bad_files_cost_themselves_alone_and_each_says_why(knowledge: Knowledge) -> None:
    knowledge.write("good.txt", WARRANTY)
    knowledge.write("empty.txt", "")
    knowledge.write("photo.raw", "a,b")
    (knowledge.folder / "binary.txt").write_bytes(bytes(range(256)) * 20)
    (knowledge.folder / "huge.txt").write_bytes(b"x" * ((1 << 20) + 1))
    documents.write_broken_pdf(knowledge.folder / "broken.pdf")
    documents.write_encrypted_pdf(knowledge.folder / "locked.pdf", [["x"]], password="secret")
    documents.write_image_pdf(knowledge.folder / "scan.pdf")
    report = knowledge.ingest()
    assert failures(report) == {
        "binary.txt": "not_text",
        "broken.pdf": "broken_file",
        "huge.txt": "file_too_large",
        "locked.pdf": "encrypted_file",
        "scan.pdf": "no_text",
    }
    rest = {s: status for s, status in statuses(report).items() if status != "failed"}
    assert rest == {"good.txt": "added", "empty.txt": "empty", "photo.raw": "skipped"}
    assert (report.documents, report.exit_code()) == (1, 3)
    assert knowledge.library().info("manuals").failed == 5
    knowledge.check()


def test_a_good_file_that_turns_bad_keeps_its_last_good_version(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.write("b.txt", STORAGE)
    knowledge.ingest()
    (knowledge.folder / "a.txt").write_bytes(bytes(range(256)) * 20)
    (knowledge.folder / "b.txt").write_bytes(b"x" * ((1 << 20) + 1))
    knowledge.write("c.txt", LEAVE)
    report = knowledge.ingest()
    assert failures(report) == {"a.txt": "not_text", "b.txt": "file_too_large"}
    for file in report.files:
        if file.status == "failed":
            assert file.message.endswith("The last good version stays in the collection.")
    assert knowledge.texts() == {"a.txt": WARRANTY, "b.txt": STORAGE, "c.txt": LEAVE}
    assert report.documents == 3
    knowledge.write("a.txt", WARRANTY)
    knowledge.write("b.txt", STORAGE)
    mended = knowledge.ingest()
    assert (mended.exit_code(), mended.embedded) == (0, 0)
    assert knowledge.library().info("manuals").failed == 0


def test_an_emptied_file_leaves_the_collection(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.write("b.txt", STORAGE)
    knowledge.ingest()
    knowledge.write("a.txt", " \n")
    report = knowledge.ingest()
    assert statuses(report) == {"a.txt": "empty", "b.txt": "unchanged"}
    assert (report.documents, report.exit_code()) == (1, 0)
    assert knowledge.texts() == {"b.txt": STORAGE}
    assert knowledge.find("warranty") == []
    knowledge.check()


def test_a_folder_with_nothing_usable_is_an_outcome_of_its_own(knowledge: Knowledge) -> None:
    knowledge.write("photo.raw", "a,b")
    report = knowledge.ingest()
    assert statuses(report) == {"photo.raw": "skipped"}
    assert report.exit_code() == 1


def test_a_folder_that_vanished_or_was_emptied_loses_nothing_without_prune(
    knowledge: Knowledge,
) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.ingest()
    (knowledge.folder / "a.txt").unlink()
    with pytest.raises(PathNotFound, match="Is the disk mounted"):
        knowledge.ingest()
    knowledge.folder.rmdir()
    with pytest.raises(PathNotFound, match="does not exist"):
        knowledge.ingest()
    assert knowledge.find("warranty") == ["a.txt"]
    report = knowledge.ingest(prune=True)
    assert statuses(report) == {"a.txt": "deleted"}
    assert (report.documents, report.exit_code()) == (0, 0)
    assert knowledge.find("warranty") == []
    knowledge.check()


def test_a_file_that_failed_is_tried_again_only_when_it_has_changed(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest.mirror, "_SETTLING_NS", 0)  # trust time stamps at once
    knowledge.write("good.txt", WARRANTY)
    bad = documents.write_broken_pdf(knowledge.folder / "bad.pdf")
    first = knowledge.ingest()
    again = knowledge.ingest()
    assert failures(first) == failures(again) == {"bad.pdf": "broken_file"}
    assert (first.exit_code(), again.exit_code()) == (3, 3)
    (told,) = (file.message for file in again.files if file.status == "failed")
    assert "Not tried again: unchanged since" in told
    forced = knowledge.ingest(retry_failed=True)
    (told,) = (file.message for file in forced.files if file.status == "failed")
    assert "Not tried again" not in told
    documents.write_pdf(bad, [[WARRANTY]])
    assert statuses(knowledge.ingest()) == {"good.txt": "unchanged", "bad.pdf": "added"}
    assert knowledge.library().info("manuals").failed == 0


def test_two_files_that_change_names_are_moved_not_read(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.write("b.txt", STORAGE)
    knowledge.ingest()
    (knowledge.folder / "a.txt").rename(knowledge.folder / "c")
    (knowledge.folder / "b.txt").rename(knowledge.folder / "a.txt")
    (knowledge.folder / "c").rename(knowledge.folder / "b.txt")
    report = knowledge.ingest()
    assert statuses(report) == {"a.txt": "moved", "b.txt": "moved"}
    assert (report.embedded, report.reused) == (0, 0)
    assert knowledge.texts() == {"a.txt": STORAGE, "b.txt": WARRANTY}
    assert knowledge.find("warranty") == ["b.txt"]
    knowledge.check()


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large otherwise begins at 2 KB here, in parts of 1 KB."""
    monkeypatch.setattr(ingest.large, "LARGE_BYTES", 2000)
    monkeypatch.setattr(ingest.large, "PART_BYTES", 1000)


def _book(paragraphs: int) -> str:
    told = (f"Room {n} holds sensor {n}. {STORAGE}" for n in range(paragraphs))
    return "# The book of rooms\n\n## Rooms\n\n" + "\n\n".join(told) + "\n"


@pytest.mark.usefixtures("small_parts")
def test_a_very_large_text_is_one_document_like_any_other(knowledge: Knowledge) -> None:
    knowledge.write("book.md", _book(40))
    knowledge.write("note.txt", WARRANTY)
    report = knowledge.ingest()
    assert statuses(report) == {"book.md": "added", "note.txt": "added"}
    assert knowledge.texts()["book.md"] == _book(40)
    chunks = knowledge.opened().catalog.chunks_of(_doc_id(knowledge, "book.md"))
    assert next(f.chunks for f in report.files if f.source == "book.md") == len(chunks)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert {chunk.title for chunk in chunks} == {"The book of rooms"}
    assert chunks[-1].heading.endswith("Rooms")
    assert "room 39" in chunks[-1].text.lower()
    assert statuses(knowledge.ingest()) == {"book.md": "unchanged", "note.txt": "unchanged"}
    knowledge.check()


@pytest.mark.usefixtures("small_parts")
def test_a_very_large_text_goes_on_where_it_was_interrupted(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowledge.write("book.md", _book(40))
    stage, staged = CatalogWriter.stage_part, list[int]()

    def interrupted(*arguments: Any, **named: Any) -> StagedDocument:
        if len(staged) == 3:
            raise KeyboardInterrupt
        after = stage(*arguments, **named)
        staged.append(after.parts)
        return after

    monkeypatch.setattr(CatalogWriter, "stage_part", interrupted)
    with pytest.raises(KeyboardInterrupt):
        knowledge.ingest()
    assert knowledge.opened().catalog.counts()["documents"] == 0
    monkeypatch.setattr(CatalogWriter, "stage_part", stage)
    embedded = knowledge.opened().catalog.texts_embedded()
    report = knowledge.ingest()
    assert statuses(report) == {"book.md": "added"}
    assert (staged, embedded > 0) == ([1, 2, 3], True)
    assert knowledge.texts()["book.md"] == _book(40)
    catalog = knowledge.opened().catalog
    assert catalog.texts_embedded() == catalog.counts()["vectors"] == embedded + report.embedded
    knowledge.check()


@pytest.mark.usefixtures("small_parts")
def test_the_rows_of_a_very_large_table_all_know_the_names_of_its_columns(
    knowledge: Knowledge,
) -> None:
    rows = [f"valve {n},room {n % 7},blue" for n in range(200)]
    knowledge.write("parts.csv", "\n".join(["part,place,colour", *rows]) + "\n")
    knowledge.ingest()
    chunks = knowledge.opened().catalog.chunks_of(_doc_id(knowledge, "parts.csv"))
    assert len(chunks) > 5
    assert chunks[0].text.startswith("part,place,colour\nvalve 0,")
    assert {chunk.table_header for chunk in chunks[1:]} == {"part,place,colour"}
    knowledge.check()


@pytest.mark.usefixtures("small_parts")
def test_a_large_text_with_a_wrong_byte_in_a_late_part_fails_whole_and_keeps_the_old_version(
    knowledge: Knowledge,
) -> None:
    path = knowledge.write("book.md", _book(40))
    knowledge.ingest()
    path.write_bytes(_book(40).encode() + b"\xff\xfe broken \xc3\x28" * 40)
    report = knowledge.ingest()
    assert statuses(report) == {"book.md": "failed"}
    assert knowledge.texts()["book.md"] == _book(40)
    knowledge.check()


def test_several_folders_are_mirrored_in_one_run(knowledge: Knowledge, tmp_path: Path) -> None:
    knowledge.write("a.txt", WARRANTY)
    other = replace(knowledge, folder=tmp_path / "other")
    other.write("b.txt", STORAGE)
    ingestor = Ingestor(knowledge.settings(), embeddings=knowledge.embeddings)
    report = ingestor.mirror([knowledge.folder, other.folder], "manuals")
    assert statuses(report) == {"a.txt": "added", "b.txt": "added"}
    assert report.documents == 2
    other.write("b.txt", LEAVE)
    again = ingestor.mirror([knowledge.folder, other.folder], "manuals")
    assert statuses(again) == {"a.txt": "unchanged", "b.txt": "updated"}


def test_a_folder_named_twice_is_mirrored_once_and_one_within_another_is_refused(
    knowledge: Knowledge,
) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.write("sub/b.txt", STORAGE)
    ingestor = Ingestor(knowledge.settings(), embeddings=knowledge.embeddings)
    report = ingestor.mirror([knowledge.folder, knowledge.folder / "."], "manuals")
    assert statuses(report) == {"a.txt": "added", "sub/b.txt": "added"}
    with pytest.raises(InvalidRequest, match="would be in the collection twice"):
        ingestor.mirror([knowledge.folder / "sub", knowledge.folder], "manuals")


def test_a_dry_run_tells_the_plan_and_changes_nothing(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    plan = knowledge.ingest(dry_run=True)
    assert statuses(plan) == {"a.txt": "added"}
    assert not knowledge.data.exists()
    knowledge.ingest()
    knowledge.write("a.txt", STORAGE)
    knowledge.write("b.txt", WARRANTY)
    assert statuses(knowledge.ingest(dry_run=True)) == {"a.txt": "updated", "b.txt": "added"}
    assert knowledge.texts() == {"a.txt": WARRANTY}


def test_other_settings_are_refused_until_the_collection_is_rebuilt(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", STORAGE * 6)
    before = knowledge.ingest()
    with pytest.raises(
        IndexMismatch, match=r"chunk_tokens 128 → 32.*--collection manuals --rebuild"
    ):
        knowledge.ingest(max_tokens=32)
    assert len(knowledge.find("sensor")) == before.files[0].chunks
    rebuilt = knowledge.ingest(max_tokens=32, rebuild=True)
    assert statuses(rebuilt) == {"a.txt": "added"}
    assert rebuilt.files[0].chunks > before.files[0].chunks
    assert knowledge.texts() == {"a.txt": STORAGE * 6}
    assert knowledge.ingest(max_tokens=32).embedded == 0
    knowledge.check()


def test_chunks_longer_than_the_model_reads_are_refused(knowledge: Knowledge) -> None:
    with pytest.raises(ConfigError, match="is 255, but the embedding model reads only 254 tokens"):
        knowledge.ingest(max_tokens=255)
    assert not knowledge.data.exists()


def test_a_long_title_does_not_push_the_text_out_of_the_models_sight(
    knowledge: Knowledge, embeddings: EmbeddingModel
) -> None:
    sentences = " ".join(f"Sensor {n} is kept in room {n}." for n in range(10, 36))
    knowledge.write("a.md", f"# {'Title ' * 40}\n\n{sentences}")
    knowledge.ingest(max_tokens=254)
    collection = knowledge.opened()
    (chunk,) = collection.catalog.chunks_of(1)
    (alone,) = embeddings.encode_passages([chunk.text])
    assert alone is not None
    ((_, cosine),) = collection.view().search_dense(alone, 1, None)
    assert cosine == pytest.approx(1, abs=1e-3)


def test_a_busy_collection_is_refused(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    home = knowledge.library().home("manuals")
    home.folder.mkdir(parents=True)
    with home.locked(), pytest.raises(CollectionBusy, match="Another process is writing"):
        knowledge.ingest()


def test_two_folders_live_side_by_side_in_one_collection(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.ingest()
    other = replace(knowledge, folder=knowledge.folder.with_name("others"))
    other.write("a.txt", STORAGE)
    assert statuses(other.ingest()) == {"a.txt": "added"}
    assert statuses(knowledge.ingest()) == {"a.txt": "unchanged"}
    assert knowledge.opened().catalog.counts()["documents"] == 2


# -- the command ------------------------------------------------------------------


@pytest.fixture
def command(knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch) -> Iterator[Knowledge]:
    """What `cli.run` reads from its surroundings, put back afterwards."""
    handler = signal.getsignal(signal.SIGTERM)
    for name in [name for name in os.environ if name.startswith("RAG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAG_DATA_DIR", str(knowledge.data))
    yield knowledge
    signal.signal(signal.SIGTERM, handler)


def without_times(report: dict[str, Any]) -> dict[str, Any]:
    del report["summary"]["seconds"]
    for file in report["files"]:
        del file["seconds"]
    return report


def test_the_command_prints_one_json_document_and_exits_with_its_code(
    command: Knowledge, capsys: pytest.CaptureFixture[str]
) -> None:
    command.write("手册.md", f"# Storage\n\n{STORAGE}")
    command.write("bad.txt", "\x00\x01\x02" * 500)
    code = cli.run([str(command.folder), "-c", "manuals", "--json", "--jobs", "1"])
    captured = capsys.readouterr()
    report = without_times(json.loads(captured.out))
    assert (code, captured.err) == (3, "")
    assert report["summary"] == {
        "files_seen": 2,
        "added": 1,
        "failed": 1,
        "documents": 1,
        "embedded": 1,
        "reused": 0,
        "revision": 1,
    }
    assert [(file["source"], file["status"]) for file in report["files"]] == [
        ("bad.txt", "failed"),
        ("手册.md", "added"),
    ]
    assert "手册.md" in captured.out


def test_the_command_prints_a_line_of_totals_for_people(
    command: Knowledge, capsys: pytest.CaptureFixture[str]
) -> None:
    command.write("a.md", f"# Storage\n\n{STORAGE}")
    assert cli.run([str(command.folder), "--jobs", "1"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out.startswith("Collection default: 1 file: 1 added. 1 document, 1 text embedded, ")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["no-such-folder"], 2, "error: no-such-folder does not exist. Nothing was changed."),
        (["documents", "-c", "a/b"], 2, "error: 'a/b' cannot name a collection"),
        (["documents", "--bogus"], 2, "No such option"),
        ([], 2, "Missing argument"),
        (["documents", "--jobs", "0"], 2, "Invalid value for '--jobs'"),
    ],
)
def test_a_wrong_command_exits_with_2_and_says_what_is_wrong(
    command: Knowledge,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    assert cli.run(arguments) == code
    assert message in capsys.readouterr().err


def test_an_error_of_the_settings_exits_with_1(
    command: Knowledge, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_CHUNKING__MAX_TOKENS", "1000")
    assert cli.run([str(command.folder)]) == 1
    assert "chunking.max_tokens is 1000" in capsys.readouterr().err


def test_a_lost_index_is_made_again_by_the_next_run(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.ingest()
    shutil.rmtree(knowledge.opened().generation / "lexical")
    report = knowledge.ingest()
    assert report.embedded == 0
    assert knowledge.find("warranty") == ["a.txt"]
    knowledge.check()


def test_a_rebuild_of_an_emptied_folder_is_refused_and_loses_nothing(knowledge: Knowledge) -> None:
    path = knowledge.write("storage.txt", STORAGE)
    knowledge.ingest()
    path.unlink()
    with pytest.raises(PathNotFound, match="--prune"):
        knowledge.ingest(rebuild=True)
    assert knowledge.library().info("manuals").documents == 1


def test_a_rebuild_that_would_lose_a_last_good_version_is_not_put_into_use(
    knowledge: Knowledge,
) -> None:
    knowledge.write("storage.txt", STORAGE)
    path = knowledge.write("returns.txt", RETURNS)
    knowledge.ingest()
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(Conflict, match=r"returns\.txt"):
        knowledge.ingest(rebuild=True)
    assert knowledge.library().info("manuals").documents == 2
    assert knowledge.ingest(rebuild=True, prune=True).documents == 1


def test_a_rebuild_takes_in_every_folder_the_collection_came_from(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    knowledge.write("storage.txt", STORAGE)
    knowledge.ingest()
    other = replace(knowledge, folder=tmp_path / "other")
    other.write("returns.txt", RETURNS)
    other.ingest()
    assert other.ingest(rebuild=True, max_tokens=64).documents == 2
    assert knowledge.library().verify("manuals").problems == ()
