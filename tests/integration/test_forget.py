"""`rag forget` over a stored collection: what goes, what stays, and what is asked first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rag_service.cli import app
from rag_service.store.catalog_schema import FileStat, KnownFailure
from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.home import CollectionHome
from rag_service.store.library import Library
from rag_service.store.uploads import uploads_folder, uploads_root
from rag_service.text.question_weights import question_weights
from tests.stored import FINGERPRINT, document, put_all


class Stored:
    """A collection with two mirrored folders and an upload, and `rag` over it."""

    def __init__(self, folder: Path) -> None:
        self.library = Library(folder / "data")
        self.home: CollectionHome = self.library.home("fruit")
        self.old, self.new = folder / "old", folder / "new"
        self.uploads = uploads_folder(self.home)
        with CollectionWriter(self.home, FINGERPRINT) as writer:
            for root, sources in (
                (str(self.old), ("a/apple.txt", "a/pear[1].txt", "plum.txt")),
                (str(self.new), ("plum.txt",)),
                (uploads_root(self.home), ("fig.txt",)),
            ):
                root_id = writer.catalog.root_id(root)
                texts = ([f"{Path(root).name} {source}"] for source in sources)
                put_all(
                    writer.catalog,
                    [document(root_id, s, t) for s, t in zip(sources, texts, strict=True)],
                )
                for source in sources:
                    (Path(root) / source).parent.mkdir(parents=True, exist_ok=True)
                    (Path(root) / source).write_text(source, encoding="utf-8")
            failure = KnownFailure("b.pdf", "no_text", "scanned", FileStat(1, 1, 1), "pdf/1", "")
            writer.catalog.set_failures(writer.catalog.root_id(str(self.old)), [failure])
            writer.finish()

    def rag(self, *arguments: str, answer: str = "") -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        result = CliRunner().invoke(app, ["forget", "-c", "fruit", *arguments], input=answer)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    def left(self) -> list[str]:
        """What a search still finds, and the catalog holds."""
        view = self.library.open("fruit").view()
        found = view.search_lexical(question_weights("txt"), 10)
        texts = {chunk.text for chunk in view.chunks([chunk_id for chunk_id, _ in found]).values()}
        held = self.library.open("fruit").catalog.documents(limit=10)
        assert len(held) == len(texts)
        assert self.library.verify("fruit").problems == ()
        return sorted(texts)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    monkeypatch.setenv("RAG_DATA_DIR", str(tmp_path / "data"))
    opened = Stored(tmp_path)
    with closing(opened.library):
        yield opened


ALL = ["new plum.txt", "old a/apple.txt", "old a/pear[1].txt", "old plum.txt", "uploads fig.txt"]


@pytest.mark.parametrize(
    ("named", "left"),
    [
        (["a/apple.txt"], ALL[:1] + ALL[2:]),
        (["a/pear[1].txt"], ALL[:2] + ALL[3:]),  # no glob, because it is a name
        (["a/*"], [ALL[0], *ALL[3:]]),
        (["plum.txt"], [*ALL[1:3], ALL[4]]),  # in both folders
        (["a/apple.txt", "plum.txt"], [ALL[2], ALL[4]]),
    ],
)
def test_documents_go_by_their_path_or_a_glob(
    stored: Stored, named: list[str], left: list[str]
) -> None:
    code, out, err = stored.rag(*named, "--yes")
    gone = len(ALL) - len(left)
    noun = "document" if gone == 1 else "documents"
    assert stored.left() == left
    assert code == 0
    assert out.startswith(f"{gone} {noun} removed from collection 'fruit'; revision ")
    assert err == (
        f"note: the next rag ingest of their folders takes in {gone} {noun} again; delete the "
        "files there, or name them in a .ragignore file\n"
    )
    assert (stored.old / "a" / "apple.txt").is_file()


def test_a_folder_goes_with_what_is_remembered_of_it_and_its_files_stay(stored: Stored) -> None:
    code, out, err = stored.rag("--folder", str(stored.old), "--yes")
    assert (code, err) == (0, "")
    assert out.startswith("3 documents removed")
    assert stored.left() == [ALL[0], ALL[4]]
    assert stored.library.failed_files("fruit") == []
    assert (stored.old / "plum.txt").is_file()
    assert stored.rag("--folder", str(stored.old), "--yes") == (
        2,
        "",
        f"error: Collection 'fruit' holds nothing from the folder {stored.old}. Its folders: "
        f"{stored.new}.\n",
    )


def test_an_uploaded_document_goes_with_its_file(stored: Stored) -> None:
    assert stored.rag("fig.txt", "--yes")[2] == ""
    assert stored.left() == ALL[:4]
    assert not (stored.uploads / "fig.txt").exists()


def test_what_is_to_go_is_shown_and_asked_first(stored: Stored) -> None:
    code, _, err = stored.rag("fig.txt", "a/apple.txt", answer="n\n")
    assert err.splitlines()[:3] == [
        "2 documents to be removed from collection 'fruit':",
        f"- a/apple.txt  ({stored.old})",
        "- fig.txt  (uploaded; the file is deleted too)",
    ]
    assert (code, stored.left()) == (1, ALL)
    assert stored.rag("fig.txt", answer="")[0] == 1  # nobody there to say yes
    assert stored.left() == ALL
    assert stored.rag("fig.txt", answer="y\n")[0] == 0
    assert stored.left() == ALL[:4]


def test_a_whole_collection_can_be_deleted(stored: Stored) -> None:
    assert stored.rag("--all", answer="n\n")[0] == 1
    assert stored.rag("--all", "--yes") == (0, "Collection 'fruit' is deleted.\n", "")
    assert not stored.home.folder.exists()
    assert stored.rag("--all", "--yes")[0] == 2


def test_json_says_what_went(stored: Stored) -> None:
    document: dict[str, Any] = json.loads(stored.rag("a/apple.txt", "--yes", "--json")[1])
    assert document.pop("revision") == stored.library.info("fruit").revision
    assert document == {
        "collection": "fruit",
        "removed": [
            {
                "doc_id": 1,
                "source": "a/apple.txt",
                "folder": str(stored.old),
                "is_uploaded": False,
                "comes_back": True,
            }
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["kiwi.txt"], "No document is called 'kiwi.txt', or matches it."),
        (["/a/apple.txt"], "'/a/apple.txt' names no document: the source glob"),
        (["plum.txt", "--all"], "--all leaves nothing to name; give it alone."),
        (["plum.txt", "--json"], "--json asks nothing, so it needs --yes."),
        ([], "Name documents, a folder (--folder), or --all. Folders of collection 'fruit': "),
    ],
)
def test_a_wrong_command_removes_nothing_and_exits_2(
    stored: Stored, arguments: list[str], message: str
) -> None:
    code, out, err = stored.rag(*arguments, answer="y\n")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert stored.left() == ALL


def test_nothing_is_removed_while_another_process_writes(stored: Stored) -> None:
    with CollectionWriter(stored.home, FINGERPRINT):
        code, _, err = stored.rag("plum.txt", "--yes")
    assert code == 1
    assert err.startswith("error: Another process is writing to collection 'fruit'.")
    assert stored.left() == ALL


def test_what_arrives_while_the_user_is_asked_is_not_removed(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    def agree(*_: object, **__: object) -> None:
        with CollectionWriter(stored.home, FINGERPRINT) as writer:
            root_id = writer.catalog.root_id(uploads_root(stored.home))
            put_all(writer.catalog, [document(root_id, "grape.txt", ["uploads grape.txt"])])
            writer.finish()
        (stored.uploads / "grape.txt").write_text("grape", encoding="utf-8")

    monkeypatch.setattr("typer.confirm", agree)
    code, _, stderr = stored.rag("*.txt")
    assert code == 2
    assert "grape.txt" in stderr
    assert (stored.uploads / "grape.txt").is_file()
    assert (stored.uploads / "fig.txt").is_file()
    assert "uploads grape.txt" in stored.left()
