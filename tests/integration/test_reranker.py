"""A real cross-encoder, made on the spot, that counts the words of the question it finds."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rag_service.errors import RerankerModelError
from rag_service.filters import Filters
from rag_service.retrieval.cross_encoder import CrossEncoderReranker, open_reranker
from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.retrieval.vocabulary import CHINESE_PROBE
from rag_service.service import Service
from rag_service.settings import RetrievalSettings
from rag_service.types import Chunk, DoneEvent, Hit
from tests.cross_encoders import write_cross_encoder
from tests.real_parts import ingest_folder, open_service, settings_for, write_folder

WORDS = re.findall(
    r"\w+", "the how long is a warranty lasts three years pump runs at nine bar sensor dry"
)
QUESTION = "how long is the warranty"
CHINESE = "保修期自交货之日起为三年。"
HOUR_MS = 3_600_000  # a budget that nothing here exceeds
PASSAGES = ["pump at bar", "the pump runs", "the warranty lasts", "how long is the warranty"]


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cross_encoder(tmp_path_factory.mktemp("models") / "counter", WORDS)


@pytest.fixture(scope="module")
def bilingual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    characters = sorted(set(CHINESE_PROBE + CHINESE))
    folder = tmp_path_factory.mktemp("models") / "bilingual"
    return write_cross_encoder(folder, [*WORDS, *characters])


def opened(model: Path | str, budget_ms: int = HOUR_MS) -> CrossEncoderReranker:
    settings = RetrievalSettings(reranker=str(model), reranker_budget_ms=budget_ms)
    reranker = open_reranker(settings)
    assert reranker is not None
    return reranker


def hits(texts: Sequence[str]) -> list[Hit]:
    """Candidates in this order, the first with the highest score."""
    return [
        Hit(Chunk(n, 1, n, "a.txt", "", "", None, 0, len(text), text), 1 - n / 100)
        for n, text in enumerate(texts)
    ]


def texts(found: Sequence[Hit]) -> list[str]:
    return [hit.chunk.text for hit in found]


class Stopwatch:
    """A clock that moves only while the model reads: so many seconds a pair."""

    def __init__(self, model: Any, pair_s: float) -> None:
        self.model = model
        self.tokenizer = model.tokenizer
        self.pair_s = pair_s
        self.steps: list[int] = []
        self.time = 0.0

    def predict(self, pairs: Sequence[tuple[str, str]], **options: Any) -> Any:
        self.time += self.pair_s * len(pairs)
        self.steps.append(len(pairs))
        return self.model.predict(pairs, **options)


@pytest.fixture
def stopwatch(english: Path) -> Stopwatch:
    from sentence_transformers import CrossEncoder

    return Stopwatch(CrossEncoder(str(english), device="cpu", local_files_only=True), 0.01)


def timed(stopwatch: Stopwatch, budget_ms: float) -> CrossEncoderReranker:
    reranker = CrossEncoderReranker(
        stopwatch, "counter", budget_ms=budget_ms, now=lambda: stopwatch.time
    )
    stopwatch.steps.clear()
    return reranker


# -- order ---------------------------------------------------------------------------


def test_the_passages_that_answer_the_question_come_first(english: Path) -> None:
    reread = opened(english).rerank(QUESTION, hits(PASSAGES))
    assert texts(reread.hits) == [PASSAGES[3], PASSAGES[2], PASSAGES[1], PASSAGES[0]]
    assert reread.note == "The reranker counter read 4 of 4 candidates."


def test_its_scores_stand_beside_the_fused_ones(english: Path) -> None:
    found = opened(english).rerank(QUESTION, hits(PASSAGES)).hits
    assert [hit.score for hit in found] == [0.97, 0.98, 0.99, 1.0]
    scores = [hit.rerank for hit in found if hit.rerank is not None]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


def test_passages_it_finds_equally_good_keep_their_order(english: Path) -> None:
    passages = ["three years", "nine bar", "the pump", "dry"]
    found = opened(english).rerank("warranty pump", hits(passages)).hits
    assert texts(found) == ["the pump", "three years", "nine bar", "dry"]


def test_a_passage_is_read_under_its_title_and_headings(english: Path) -> None:
    plain = Chunk(1, 1, 0, "a.txt", "", "", None, 0, 11, "three years")
    titled = Chunk(2, 1, 1, "a.txt", "warranty", "how long", None, 0, 11, "three years")
    found = opened(english).rerank(QUESTION, [Hit(plain, 1.0), Hit(titled, 0.9)]).hits
    assert [hit.chunk.chunk_id for hit in found] == [2, 1]


def test_threads_share_the_model_and_get_the_order_of_their_own_question(english: Path) -> None:
    reranker = opened(english)
    questions = [QUESTION, "the pump runs", "nine bar at the pump", "dry sensor"] * 4

    def order(question: str) -> list[str]:
        return texts(reranker.rerank(question, hits(PASSAGES)).hits)

    expected = [order(question) for question in questions]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(order, questions)) == expected


# -- budget --------------------------------------------------------------------------


def test_as_many_are_read_as_fit_in_the_budget_and_the_rest_stay_below(
    stopwatch: Stopwatch,
) -> None:
    passages = [*["pump"] * 19, "the warranty", *["bar"] * 30, QUESTION]
    reread = timed(stopwatch, budget_ms=205).rerank(QUESTION, hits(passages))
    assert stopwatch.steps == [10, 5, 4, 1]  # half of what fits, and the last few at once
    assert [hit.chunk.chunk_id for hit in reread.hits] == [19, *range(19), *range(20, 51)]
    assert [hit.rerank is None for hit in reread.hits] == [False] * 20 + [True] * 31
    assert reread.note == (
        "The reranker counter read 20 of 51 candidates (as many as fit in 205 ms)."
    )


def test_a_few_are_read_however_small_the_budget(stopwatch: Stopwatch) -> None:
    reread = timed(stopwatch, budget_ms=1).rerank(QUESTION, hits(["pump"] * 20))
    assert stopwatch.steps == [4]
    assert reread.note.startswith("The reranker counter read 4 of 20 candidates")


def test_a_model_that_becomes_slower_reads_less(stopwatch: Stopwatch) -> None:
    reranker = timed(stopwatch, budget_ms=400)
    stopwatch.pair_s = 0.03
    reranker.rerank(QUESTION, hits(["pump"] * 60))
    assert stopwatch.steps == [20]  # expected to take half of the budget, took all of it
    stopwatch.steps.clear()
    reranker.rerank(QUESTION, hits(["pump"] * 60))
    assert sum(stopwatch.steps) * 0.03 == pytest.approx(0.4, abs=0.1)


def test_a_budget_for_all_reads_all_in_few_steps(stopwatch: Stopwatch) -> None:
    timed(stopwatch, budget_ms=HOUR_MS).rerank(QUESTION, hits(["pump"] * 60))
    assert stopwatch.steps == [32, 28]


# -- languages -----------------------------------------------------------------------


def test_a_question_in_a_language_it_does_not_know_is_left_alone(english: Path) -> None:
    candidates = hits(PASSAGES)
    reread = opened(english).rerank("保修期有多久？", candidates)
    assert reread.hits == candidates
    assert reread.note.startswith("The reranker counter cannot represent this question")


def test_a_passage_in_a_language_it_does_not_know_keeps_its_place(english: Path) -> None:
    reread = opened(english).rerank(QUESTION, hits(["pump", CHINESE, QUESTION]))
    assert texts(reread.hits) == [QUESTION, CHINESE, "pump"]
    assert reread.hits[1].rerank is None
    assert reread.note == (
        "The reranker counter read 2 of 3 candidates (1 are in a language it cannot represent)."
    )


def test_a_model_of_both_languages_reads_both(bilingual: Path) -> None:
    passages = ["请您仔细阅读", "the pump", "保修期自交货之日起为三年"]
    reread = opened(bilingual).rerank("保修期三年", hits(passages))
    assert texts(reread.hits) == [passages[2], passages[0], passages[1]]
    assert all(hit.rerank is not None for hit in reread.hits)


# -- models that cannot be used ------------------------------------------------------


def test_without_the_setting_there_is_none() -> None:
    assert open_reranker(RetrievalSettings()) is None


def test_a_name_that_is_nowhere_says_that_nothing_is_downloaded() -> None:
    with pytest.raises(RerankerModelError, match="nothing is downloaded by itself") as caught:
        opened("nobody/no-such-reranker")
    assert "RAG_RETRIEVAL__RERANKER" in str(caught.value)


def test_an_embedding_model_is_no_cross_encoder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}')
    with pytest.raises(RerankerModelError, match=r"no cross-encoder: .* holds BertModel"):
        opened(tmp_path)


def test_an_empty_folder_is_no_cross_encoder(tmp_path: Path) -> None:
    with pytest.raises(RerankerModelError, match=r"holds no config\.json of one"):
        opened(tmp_path)


def test_a_classifier_of_several_classes_is_refused(tmp_path: Path) -> None:
    folder = write_cross_encoder(tmp_path / "classes", WORDS, labels=3)
    with pytest.raises(RerankerModelError, match="gives 3 scores for a pair"):
        opened(folder)


def test_damaged_weights_are_an_error_of_ours(english: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(english, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(RerankerModelError, match="cannot be loaded from"):
        opened(broken)


def test_a_model_whose_score_is_no_number_is_refused(english: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(english, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    weights["classifier.bias"] = torch.tensor([float("nan")])
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RerankerModelError, match="gives nan for a score"):
        opened(broken)


# -- in the service ------------------------------------------------------------------

ASKED = "How is the warranty?"
ANSWER = "How is the warranty: the pump runs dry at nine bar three years long, the sensor at nine."


@pytest.fixture(scope="module")
def service(
    english: Path, embeddings: LocalEmbeddings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("data")
    # The other stages prefer those that speak of nothing but the warranty.
    others = {f"{word}.txt": f"Warranty warranty, warranty {word}" for word in WORDS[-14:]}
    folder = write_folder(tmp_path_factory.mktemp("documents"), others | {"answer.txt": ANSWER})
    ingest_folder(folder, settings_for(data), embeddings)
    groups = {"retrieval": {"reranker": str(english), "reranker_budget_ms": HOUR_MS}}
    with closing(open_service(settings_for(data, **groups), embeddings)) as service:
        yield service


def test_a_search_is_reranked_and_says_so(service: Service) -> None:
    found = service.search(ASKED, collection="default", top_k=3)
    assert found.hits[0].chunk.source == "answer.txt"
    assert found.hits[0].score < found.hits[1].score
    assert found.notes == ("The reranker counter read 15 of 15 candidates.",)
    assert "cross_encoder_ms" in found.timings
    scores = [hit.rerank for hit in found.hits if hit.rerank is not None]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 3
    assert all(0 <= hit.score <= 1 for hit in found.hits)


def test_a_search_that_finds_nothing_has_nothing_to_rerank(service: Service) -> None:
    nowhere = Filters(sources=("nowhere/*",))
    found = service.search(ASKED, collection="default", top_k=3, filters=nowhere)
    assert found.hits == ()
    assert not any("reranker" in note for note in found.notes)


def test_what_the_reranker_puts_first_has_its_evidence(service: Service) -> None:
    hits = service.search(ASKED, collection="default", top_k=15).hits
    assert [hit.coverage for hit in hits] == [1.0] * 15
    *_, done = service.ask(ASKED, collection="default", top_k=3)
    assert isinstance(done, DoneEvent)
    assert done.answer.status == "answered"
    assert done.answer.sources[0].chunk.source == "answer.txt"
    assert "The reranker counter read 15 of 15 candidates." in done.answer.notes


def test_the_service_names_its_reranker(service: Service) -> None:
    assert service.reranker == "counter"
