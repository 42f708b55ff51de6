"""What a kill leaves at the worst moments, made by hand, and what the next writer makes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.library import Library
from rag_service.text.question_weights import question_weights
from tests.stored import FINGERPRINT, put


def write(library: Library) -> CollectionWriter:
    return CollectionWriter(library.home("fruit"), FINGERPRINT)


def words_found(library: Library, word: str) -> int:
    return len(library.open("fruit").view().search_lexical(question_weights(word), 10, None))


def test_a_lexical_commit_that_was_cut_off_before_it_counted_is_made_again(
    library: Library,
) -> None:
    """tantivy names the file of a segment's deletions after the number of the operation, which
    is the same when the commit is made again; it never overwrites a file."""
    with write(library) as writer:
        for number in range(3):
            put(writer.catalog, f"{number}.txt", [f"apple number {number}"])
        writer.finish()
        folder = writer.generation / "lexical"
        before = shutil.copy(folder / "meta.json", folder.parent / "meta.json")
        put(writer.catalog, "0.txt", ["pear"])
        writer.publish()
    Path(before).replace(folder / "meta.json")  # the last step of a commit never happened
    assert words_found(library, "pear") == 0
    with write(library) as writer:
        writer.finish()
    assert words_found(library, "pear") == 1
    assert words_found(library, "apple") == 2
    assert library.verify("fruit").problems == ()


def test_what_was_being_written_at_a_kill_is_removed_by_the_next_run(library: Library) -> None:
    with write(library) as writer:
        put(writer.catalog, "a.txt", ["apple"])
        writer.finish()
        generation = writer.generation
        put(writer.catalog, "b.txt", ["pear"])
        writer.publish()
        writer.snapshot()
    (newest,) = (generation / "dense").iterdir()
    uuid = writer.catalog.uuid
    files = [
        generation / "lexical" / ".tmpA1b2C3",  # tantivy's, of one of its lists
        generation / "dense" / f"vec.{uuid}.1.faiss",  # a snapshot that was replaced
        generation / "dense" / f"vec.{uuid}.9.tmp",  # one that was being written
    ]
    folders = [
        generation / "lexical.new",  # an index being built anew
        generation / "lexical.old",  # the one it has replaced
        generation.with_name("g7"),  # a rebuild that was begun
    ]
    for path in files:
        path.write_bytes(b"cut off")
    for path in folders:
        path.mkdir()
    with write(library) as writer:
        writer.finish()
    assert [path.name for path in files + folders if path.exists()] == []
    assert list((generation / "dense").iterdir()) == [newest]
    assert library.verify("fruit").problems == ()
