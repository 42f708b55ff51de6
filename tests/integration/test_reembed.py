"""Changing a collection's embedding model: beside it, resumable, without a gap."""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.crash.standin import WordHashes
from ingest.progress import Progress
from ingest.reembed import Reembedding, use_model
from ingest.run import Ingestor
from rag_service.collection_types import ReembedReport
from rag_service.errors import CollectionBusy, Conflict, IndexMismatch, RagError
from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.retrieval.embedding_model import ModelIdentity
from rag_service.service import Service
from rag_service.settings import Settings
from rag_service.store.collection import Collection
from rag_service.store.library import Library
from rag_service.text.language import is_cjk
from tests.real_parts import open_service, settings_for, write_folder
from tests.tiny_models import write_tiny_model

COLOURS = ("red", "green", "blue", "grey", "pink", "gold")
ANIMALS = ("fox", "owl", "cat", "hen", "ant", "bee", "elk", "emu", "cow", "dog")


class OtherHashes(WordHashes):
    """A model of its own that knows Chinese: it hashes the same words into signs."""

    def __init__(self, on_texts: Callable[[int], None] = lambda _: None) -> None:
        super().__init__(on_texts)
        self.identity = ModelIdentity("other-hashes", "none", "", "")

    def represents(self, texts: Sequence[str]) -> list[bool]:
        return [True] * len(texts)

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        spaced = ["".join(f" {ord(c):x}x " if is_cjk(c) else c for c in text) for text in texts]
        return -super()._encode([f"{text} other" for text in spaced])


def texts(number: int) -> dict[str, str]:
    """So many documents of one chunk each, no two alike."""
    return {
        f"{n:03}.txt": f"The {COLOURS[n % 6]} {ANIMALS[n % 10]} runs, number {n} of them all."
        for n in range(number)
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path / "data")


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 201 documents, and a data folder where they lie under the first model."""
    made = tmp_path_factory.mktemp("ingested")
    written = texts(200) | {"z.txt": "手册说明如何安装设备。"}
    ingest(write_folder(made / "documents", written), settings_for(made / "data"))
    return made


@pytest.fixture
def folder(ingested: Path, settings: Settings) -> Iterator[Path]:
    """The documents, and ``settings`` under which they are ingested; both may be changed."""
    shutil.copytree(ingested / "data", settings.data_dir)
    shutil.copytree(ingested / "documents", ingested / "kept", copy_function=shutil.copy2)
    yield ingested / "documents"
    shutil.rmtree(ingested / "documents", ignore_errors=True)
    (ingested / "kept").rename(ingested / "documents")


@pytest.fixture
def library(settings: Settings) -> Iterator[Library]:
    with closing(Library(settings.data_dir)) as opened:
        yield opened


def ingest(folder: Path, settings: Settings) -> None:
    report = Ingestor(settings, embeddings=WordHashes()).mirror([folder], "default")
    assert report.exit_code() == 0


def reembed(settings: Settings, model: LocalEmbeddings) -> ReembedReport:
    home = Library(settings.data_dir).home("default")
    quiet = Progress(Console(quiet=True), enabled=False)
    return Reembedding(home, model, settings, quiet).run()


def contents(collection: Collection) -> list[object]:
    """Everything that is stored but vectors: ids, texts, places."""
    catalog = collection.catalog
    documents = catalog.documents(limit=1000)
    chunks = [catalog.chunks_of(info.doc_id) for info in documents]
    stored = [catalog.document_text(info.doc_id) for info in documents]
    return [documents, chunks, stored, catalog.roots(), catalog.revision(), catalog.updated_at()]


def test_a_collection_changes_its_model_without_its_documents(
    folder: Path, settings: Settings, library: Library
) -> None:
    before = contents(library.open("default"))
    shutil.rmtree(folder)
    report = reembed(settings, OtherHashes())
    after = library.open("default")
    assert contents(after) == before
    assert (report.model_before, report.model) == ("word-hashes", "other-hashes")
    assert (report.documents, report.embedded, report.reused) == (201, 201, 0)
    assert after.catalog.fingerprint["embedding_model"] == "other-hashes"
    assert after.catalog.fingerprint["chunk_tokens"] == 128
    assert library.verify("default").problems == ()
    assert library.verify("default").vectors == 201
    assert [p.name for p in after.home.folder.glob("[gr]*")] == ["r2"]


def test_the_vectors_are_those_of_the_new_model(
    folder: Path, settings: Settings, library: Library
) -> None:
    reembed(settings, OtherHashes())
    view = library.open("default").view()
    for query in ("The gold emu runs, number 17 of them all.", "手册说明如何安装设备。"):
        vector = OtherHashes().encode_query(query)
        assert vector is not None
        chunk_id, score = view.search_dense(vector, 1, None)[0]
        assert query in view.chunks([chunk_id])[chunk_id].text
        assert score == pytest.approx(1, abs=1e-3)


def test_what_a_later_ingest_finds_is_not_read_again(folder: Path, settings: Settings) -> None:
    reembed(settings, OtherHashes())
    counted: list[int] = []
    (folder / "new.txt").write_text("A yak came in later.", encoding="utf-8")
    ingestor = Ingestor(settings, embeddings=OtherHashes(counted.append))
    report = ingestor.mirror([folder], "default")
    assert (report.documents, sum(counted)) == (202, 1)


def test_a_model_that_is_in_use_already_costs_nothing(folder: Path, settings: Settings) -> None:
    counted: list[int] = []
    report = reembed(settings, WordHashes(counted.append))
    assert (report.embedded, counted) == (0, [])
    assert (report.model_before, report.model) == ("word-hashes", "word-hashes")


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.integration.test_reembed import OtherHashes, reembed
from tests.real_parts import settings_for
seen = 0
def on_texts(count):
    global seen
    seen += count
    if seen > 100:
        os.kill(os.getpid(), signal.SIGKILL)
reembed(settings_for(Path(sys.argv[1])), OtherHashes(on_texts))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_kill_costs_the_batch_at_work_and_nothing_is_embedded_twice(
    folder: Path, settings: Settings, library: Library
) -> None:
    before = contents(library.open("default"))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(settings.data_dir)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert contents(library.open("default")) == before
    counted: list[int] = []
    report = reembed(settings, OtherHashes(counted.append))
    assert (report.embedded, report.reused, sum(counted)) == (137, 64, 137)
    assert library.open("default").catalog.texts_embedded() == 201
    assert library.verify("default").problems == ()


def test_a_switch_that_is_cut_off_is_made_good_by_the_next_run(
    folder: Path, settings: Settings, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(library.open("default"))
    with monkeypatch.context() as patch:
        patch.setattr("rag_service.store.home.CollectionHome.use", interrupt)
        with pytest.raises(KeyboardInterrupt):
            reembed(settings, OtherHashes())
    assert contents(library.open("default")) == before
    (folder / "later.txt").write_text("A yak came in between.", encoding="utf-8")
    (folder / "000.txt").unlink()
    ingest(folder, settings)
    report = reembed(settings, OtherHashes())
    assert (report.documents, report.embedded, report.reused) == (201, 1, 200)
    assert library.verify("default").problems == ()


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_is_ingested_meanwhile_is_in_the_result(
    folder: Path, settings: Settings, library: Library
) -> None:
    def ingest_more(_: int) -> None:
        if not (folder / "later.txt").exists():
            (folder / "later.txt").write_text("A yak came in meanwhile.", encoding="utf-8")
            ingest(folder, settings)

    report = reembed(settings, OtherHashes(ingest_more))
    assert (report.documents, report.embedded) == (202, 202)
    assert library.verify("default").problems == ()


def test_the_collection_is_searched_as_before_until_the_end(
    folder: Path, settings: Settings
) -> None:
    seen: list[str] = []

    def look(_: int) -> None:
        with closing(Library(settings.data_dir)) as reader:
            seen.append(reader.info("default").embedding_model)

    reembed(settings, OtherHashes(look))
    assert seen == ["word-hashes"] * 4


def test_only_one_process_re_embeds(folder: Path, settings: Settings, library: Library) -> None:
    with (
        library.home("default").reembedding(),
        pytest.raises(CollectionBusy, match="is re-embedding collection 'default'"),
    ):
        reembed(settings, OtherHashes())


def test_another_model_starts_over_and_the_old_one_gives_up_what_was_begun(
    folder: Path, settings: Settings, library: Library
) -> None:
    begun = library.home("default").folder / "r2"

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reembed(settings, OtherHashes(stop))
    assert begun.exists()
    reembed(settings, WordHashes())
    assert not begun.exists()


def test_chunks_the_model_cannot_read_whole_are_refused(
    folder: Path, settings: Settings, library: Library
) -> None:
    class ShortSighted(OtherHashes):
        max_tokens = 5

    with pytest.raises(Conflict, match=r"reads 5 tokens.*holds chunks of 128.*--rebuild"):
        reembed(settings, ShortSighted())
    assert library.info("default").embedding_model == "word-hashes"


# -- a service and an ingest that have other settings ----------------------------------


@pytest.fixture
def fetched(settings: Settings) -> str:
    """The name of a real model among the fetched ones."""
    words = [*COLOURS, *ANIMALS, "the", "runs", "number", "of", "them", "all", ",", "."]
    made = settings.data_dir / "models" / "tiny" / "words"
    write_tiny_model(made, [*words, *"0123456789"])
    (made / "pulled.json").write_text('{"name": "tiny/words", "revision": "1"}', encoding="utf-8")
    return "tiny/words"


def test_a_running_service_follows_to_the_new_model_without_a_failed_search(
    folder: Path, settings: Settings, fetched: str
) -> None:
    with closing(open_service(settings, WordHashes())) as service, Searching(service) as asked:
        use_model(settings, "default", fetched, Console(quiet=True))
        until(lambda: embeds_with(service) == fetched)
        assert service.search("the red fox", collection="default", top_k=3).legs == (
            "dense",
            "lexical",
        )
    assert asked.problems == []
    assert asked.searches > 0


def test_a_service_that_starts_with_other_settings_serves_the_model_of_the_collection(
    folder: Path, settings: Settings, fetched: str
) -> None:
    use_model(settings, "default", fetched, Console(quiet=True))
    with closing(open_service(settings, WordHashes())) as service:
        assert service.readiness() == []
        service.search("the red fox", collection="default", top_k=3)
        assert embeds_with(service) == fetched


def test_an_ingest_with_other_settings_keeps_the_model_of_the_collection_and_says_so(
    folder: Path, settings: Settings, fetched: str, library: Library
) -> None:
    use_model(settings, "default", fetched, Console(quiet=True))
    (folder / "later.txt").write_text("The gold bee runs.", encoding="utf-8")
    said = io.StringIO()
    console = Console(file=said, width=1000)
    report = Ingestor(settings, console, WordHashes()).mirror([folder], "default")
    assert (report.exit_code(), report.embedded, report.reused) == (0, 1, 0)
    assert library.open("default").catalog.fingerprint["embedding_model"] == fetched
    assert said.getvalue().startswith(
        "Collection 'default' keeps the embedding model that it was built with (tiny/words), not "
        "what the settings say now (all-MiniLM-L6-v2). To change it: rag models use --collection "
        "default"
    )


def test_a_model_in_a_folder_of_its_own_is_found_again_by_other_processes(
    folder: Path, settings: Settings, fetched: str, tmp_path: Path
) -> None:
    own = tmp_path / "my-model"
    (settings.data_dir / "models" / fetched).rename(own)
    (own / "pulled.json").unlink()
    use_model(settings, "default", str(own), Console(quiet=True))
    with closing(open_service(settings, WordHashes())) as service:
        service.search("the red fox", collection="default", top_k=3)
        assert embeds_with(service) == "my-model"


def test_a_model_that_the_service_cannot_find_is_told(
    folder: Path, settings: Settings, library: Library
) -> None:
    reembed(settings, OtherHashes())
    with closing(open_service(settings, WordHashes())) as service:
        (reason,) = service.readiness()
        assert "embedding_model 'other-hashes' → 'word-hashes'" in reason
        with pytest.raises(IndexMismatch):
            service.search("fox", collection="default", top_k=3)


def until(reached: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def embeds_with(service: Service) -> str:
    return service._served.open("default").embeddings.identity.name


class Searching:
    """Searches without a pause, in a thread of its own."""

    def __init__(self, service: Service) -> None:
        self.problems: list[str] = []
        self.searches = 0
        self._service = service
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                found = self._service.search("red fox", collection="default", top_k=3)
            except RagError as error:
                self.problems.append(repr(error))
            else:
                self.problems += [] if len(found.hits) == 3 else ["too few hits"]
            self.searches += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
