"""The whole service in one process: real store, real embedding model, real llama.cpp."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.crash.standin import WordHashes
from rag_service import bootstrap
from rag_service.errors import (
    Cancelled,
    ChatModelError,
    CollectionExists,
    CollectionNotFound,
    IndexMismatch,
    Overloaded,
    QuestionTooLong,
    RagError,
)
from rag_service.generation.prompts import PromptLibrary
from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.service import Service
from rag_service.settings import Settings
from rag_service.types import Answer, DoneEvent, SourcesEvent, TokenEvent, Turn
from tests.gguf_models import write_scripted_gguf
from tests.real_parts import ingest_folder, open_service, settings_for, write_folder

QUESTION = "How long is the warranty of the Aldra recorder?"
WARRANTY = "The warranty of the Aldra recorder lasts three years from the date of delivery."
TEXTS = {
    "warranty.txt": WARRANTY,
    "storage.txt": "Store the sensor in a dry room, away from magnets and from sunlight.",
    "退貨.txt": "客戶收到商品後七天內可以申請退貨。退貨時請附上發票與保固書。",
}
SCRIPTS = {
    "answering": "The warranty of the Aldra recorder lasts three years [1].",
    "silent": "NO_ANSWER",
    "chinese": "客户收到商品后七天内可以申请退货[1]。",
}
Opener = Callable[..., Service]


@pytest.fixture(scope="module")
def data(embeddings: LocalEmbeddings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_folder(tmp_path_factory.mktemp("documents"), TEXTS)
    data = tmp_path_factory.mktemp("data")
    ingest_folder(folder, settings_for(data), embeddings)
    return data


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name, script in SCRIPTS.items():
        write_scripted_gguf(folder / f"{name}.gguf", script)
    write_scripted_gguf(folder / "endless.gguf", "It lasts and lasts [1]. ", repeat=True)
    write_scripted_gguf(folder / "small.gguf", "Three years [1].", n_ctx_train=512)
    return folder


@pytest.fixture
def opened(data: Path, models: Path, embeddings: LocalEmbeddings) -> Iterator[Opener]:
    """Opens services, with a chat model if one is named, and closes them."""
    services: list[Service] = []

    def open_with(model: str | None = None, **chat: object) -> Service:
        groups = {"chat": {"context_tokens": 4096, "max_tokens": 200, **chat}}
        if model:
            groups["chat"]["model"] = str(models / f"{model}.gguf")
        services.append(open_service(settings_for(data, **groups), embeddings))
        return services[-1]

    yield open_with
    for service in services:
        service.close()


def answer(service: Service, question: str = QUESTION, **options: object) -> Answer:
    *_, last = service.ask(question, collection="default", **options)  # type: ignore[arg-type]
    assert isinstance(last, DoneEvent)
    return last.answer


def test_the_chat_model_answers_with_a_verified_citation(opened: Opener) -> None:
    reply = answer(opened("answering"))
    assert (reply.answer, reply.status) == (SCRIPTS["answering"], "answered")
    assert (reply.generator, reply.model) == ("chat", "answering")
    (citation,) = reply.citations
    assert (citation.n, citation.source, citation.verified) == (1, "warranty.txt", True)
    assert (citation.quote, citation.char_start) == (WARRANTY, 0)
    assert reply.usage.completion_tokens > 0
    assert reply.usage.prompt_tokens > len(WARRANTY)  # a token a byte


def test_a_chinese_answer_is_verified_against_a_traditional_source(opened: Opener) -> None:
    reply = answer(opened("chinese"), "收到商品后几天内可以申请退货？")
    assert reply.answer == SCRIPTS["chinese"]
    assert [(c.source, c.verified) for c in reply.citations] == [("退貨.txt", True)]


def test_a_model_that_finds_no_answer_refuses_in_the_language_of_the_question(
    opened: Opener,
) -> None:
    service = opened("silent")
    texts = list(service.ask("申請退貨要附上什麼？", collection="default"))
    shown = "".join(event.text for event in texts if isinstance(event, TokenEvent))
    assert shown.startswith("文檔中沒有找到能可靠回答“申請退貨要附上什麼？”的內容。")
    assert isinstance(texts[-1], DoneEvent)
    assert (texts[-1].answer.status, texts[-1].answer.answer) == ("refused", shown)


def test_a_question_off_the_topic_is_refused_without_asking_the_model(opened: Opener) -> None:
    reply = answer(opened("answering"), "Which king built the palace of Versailles?")
    assert (reply.status, reply.generator, reply.usage.prompt_tokens) == (
        "refused",
        "extractive",
        0,
    )
    assert reply.sources


def test_without_a_chat_model_the_documents_are_quoted(opened: Opener) -> None:
    reply = answer(opened())
    assert (reply.answer, reply.generator) == (f"{WARRANTY} [1]", "extractive")


def test_an_answer_never_exceeds_the_tokens_allowed(opened: Opener) -> None:
    service = opened("endless")
    asked_for_less = answer(service, max_tokens=7)
    assert asked_for_less.usage.completion_tokens == 7
    assert any(note.startswith("The answer was cut off") for note in asked_for_less.notes)
    assert answer(service, max_tokens=100_000).usage.completion_tokens == 200


def test_a_follow_up_is_condensed_by_the_model_and_searched_for(opened: Opener) -> None:
    history = (Turn("user", "Tell me of the Aldra recorder."), Turn("assistant", "It is grey."))
    # What the scripted model makes of it is its one sentence, which finds the warranty.
    reply = answer(opened("answering"), "And how long?", history=history)
    assert reply.sources[0].chunk.source == "warranty.txt"
    assert reply.answer == SCRIPTS["answering"]


def test_a_question_longer_than_the_window_is_refused(opened: Opener) -> None:
    service = opened("answering", context_tokens=2048)
    with pytest.raises(QuestionTooLong, match="2048 tokens, of which 200 are kept"):
        answer(service, f"{QUESTION} " * 60)


def test_a_model_whose_window_holds_no_prompt_is_refused_at_the_start(opened: Opener) -> None:
    with pytest.raises(ChatModelError, match=r"max_tokens is 512, but .* holds 512 tokens"):
        opened("small", max_tokens=512)


def test_a_full_queue_refuses_and_a_closed_answer_makes_room(opened: Opener) -> None:
    service = opened("endless", queue_size=0, context_tokens=32768, max_tokens=30000)
    events = service.ask(QUESTION, collection="default")
    assert isinstance(next(events), SourcesEvent)
    assert isinstance(next(events), TokenEvent)
    with pytest.raises(Overloaded) as refused:
        answer(service)
    assert refused.value.retry_after >= 1
    events.close()  # type: ignore[attr-defined]
    assert answer(service, max_tokens=3).usage.completion_tokens == 3


def test_a_cancelled_answer_says_so_and_frees_the_model(opened: Opener) -> None:
    service = opened("endless", queue_size=0, context_tokens=32768, max_tokens=30000)
    cancelled = threading.Event()
    events = service.ask(QUESTION, collection="default", cancelled=cancelled)
    assert isinstance(next(events), SourcesEvent)
    assert isinstance(next(events), TokenEvent)
    cancelled.set()
    with pytest.raises(Cancelled):
        list(events)
    assert answer(service, max_tokens=3).usage.completion_tokens == 3


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("no/such.gguf", "There is no chat model at no/such.gguf. Set RAG_CHAT__MODEL"),
        ("nowhere:qwen3", "Chat model 'nowhere:qwen3' cannot be opened"),
        ("openai:qwen3", "Chat model 'openai:qwen3' cannot be opened"),  # no key is set
    ],
)
def test_a_chat_model_that_cannot_be_opened_says_why(
    data: Path, embeddings: LocalEmbeddings, model: str, message: str
) -> None:
    with pytest.raises(ChatModelError) as refused:
        open_service(settings_for(data, chat={"model": model}), embeddings)
    assert str(refused.value).startswith(message)


def test_examples_take_room_from_the_passages_and_what_did_not_fit_is_told(
    data: Path, models: Path, embeddings: LocalEmbeddings
) -> None:
    chat = {"model": str(models / "answering.gguf"), "context_tokens": 8192, "max_tokens": 6000}
    settings = settings_for(data, chat=chat, answer={"examples": True, "min_confidence": 0})
    with closing(open_service(settings, embeddings)) as service:
        whole = answer(service, max_tokens=60)
        room = 8192 - whole.usage.prompt_tokens
        cut = answer(service, max_tokens=room + 1)
        assert answer(service, max_tokens=room).dropped == whole.dropped == ()
    assert len(cut.dropped) == 1
    assert {*cut.dropped, *(hit.chunk.chunk_id for hit in cut.sources)} == {
        hit.chunk.chunk_id for hit in whole.sources
    }
    assert cut.usage.prompt_tokens < whole.usage.prompt_tokens
    assert (cut.answer, cut.citations) == (whole.answer, whole.citations)


def test_examples_that_leave_no_room_are_told_of_at_the_start(
    data: Path, models: Path, embeddings: LocalEmbeddings
) -> None:
    chat = {"model": str(models / "answering.gguf"), "max_tokens": 60, "context_tokens": 1536}
    with pytest.raises(ChatModelError, match="Turn RAG_ANSWER__EXAMPLES off"):
        open_service(settings_for(data, chat=chat, answer={"examples": True}), embeddings)


def test_the_steps_are_asked_for_where_the_settings_say_so(
    data: Path, models: Path, embeddings: LocalEmbeddings
) -> None:
    chat = {"model": str(models / "answering.gguf"), "max_tokens": 60, "context_tokens": 8192}
    tokens = []
    for style in ("plain", "steps"):
        settings = settings_for(data, chat=chat, answer={"style": style})
        with closing(open_service(settings, embeddings)) as service:
            tokens.append(answer(service).usage.prompt_tokens)
    library = PromptLibrary.load(None)
    plain, steps = (library.files.templates[f"{task}.en.md"] for task in ("answer", "steps"))
    assert tokens[1] - tokens[0] == len(steps["system"]) - len(plain["system"])  # a token a byte


def test_prompts_of_ones_own_are_used(
    data: Path, embeddings: LocalEmbeddings, tmp_path: Path
) -> None:
    (tmp_path / "refusal.en.md").write_text("## message\nNo idea about {question}.", "utf-8")
    settings = settings_for(data, prompts_dir=tmp_path)
    with closing(open_service(settings, embeddings)) as service:
        assert answer(service, "Who rules Versailles?").answer == (
            "No idea about Who rules Versailles?."
        )


def test_collections_are_made_listed_and_deleted(
    embeddings: LocalEmbeddings, tmp_path: Path
) -> None:
    with closing(open_service(settings_for(tmp_path), embeddings)) as service:
        made = service.create_collection("manuals")
        assert (made.name, made.documents, made.chunks) == ("manuals", 0, 0)
        assert made.embedding_model == "all-MiniLM-L6-v2"
        with pytest.raises(CollectionExists):
            service.create_collection("manuals")
        assert service.collections() == [made]
        assert service.search("warranty", collection="manuals", top_k=3).hits == ()
        service.delete_collection("manuals")
        assert service.collections() == []
        with pytest.raises(CollectionNotFound):
            service.search("warranty", collection="manuals", top_k=3)


def test_documents_are_listed_page_by_page(opened: Opener) -> None:
    service = opened()
    listed = service.documents("default", limit=2, offset=0)
    rest = service.documents("default", limit=2, offset=2)
    assert sorted(info.source for info in [*listed, *rest]) == sorted(TEXTS)
    assert service.document("default", listed[0].doc_id) == listed[0]


def test_a_collection_of_a_model_that_is_not_here_is_reported_and_refused(
    tmp_path: Path, embeddings: LocalEmbeddings
) -> None:
    settings = settings_for(tmp_path / "data")
    ingest_folder(write_folder(tmp_path / "documents", TEXTS), settings, WordHashes())
    with closing(open_service(settings, embeddings)) as service:
        (reason,) = service.readiness()
        assert "embedding_model 'word-hashes' → 'all-MiniLM-L6-v2'" in reason
        with pytest.raises(IndexMismatch, match="rag ingest"):
            answer(service)


def test_a_service_whose_collections_open_is_ready(opened: Opener) -> None:
    assert opened().readiness() == []


@pytest.mark.parametrize("name", ["nowhere", "../default", ""])
def test_a_collection_that_is_none_is_an_error_of_ours(opened: Opener, name: str) -> None:
    with pytest.raises(RagError):
        list(opened().ask(QUESTION, collection=name))


def test_status_needs_no_model(data: Path) -> None:
    with closing(bootstrap.open_library(Settings.model_validate({"data_dir": data}))) as library:
        assert [library.info(name).documents for name in library.names()] == [len(TEXTS)]


def test_a_misspelled_question_is_answered_as_it_was_meant(
    data: Path, embeddings: LocalEmbeddings
) -> None:
    with closing(open_service(settings_for(data), embeddings)) as service:
        right, wrong = (
            answer(service, f"How long is the {word} of the recorder?")
            for word in ("warranty", "warrenty")
        )
    assert (right.status, wrong.status) == ("answered", "answered")
    assert (wrong.answer, wrong.citations) == (right.answer, right.citations)
    assert any("“warrenty”" in note for note in wrong.notes)
