"""Drafting questions from a real collection, with a scripted chat model and with real llama.cpp."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from rag_service.bootstrap import open_library
from rag_service.errors import InvalidRequest
from rag_service.evaluation.drafting import DRAFT_TAG, Drafter, spread, write_drafts
from rag_service.evaluation.questions import EvalQuestion, load_questions
from rag_service.generation.prompts import PromptLibrary
from rag_service.generation.remote import LangChainBackend
from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.store.catalog import Catalog
from tests.gguf_models import write_scripted_gguf
from tests.real_parts import ingest_folder, settings_for, write_folder
from tests.unit.test_cli import Command

WARRANTY = (
    "The warranty of the Aldra recorder lasts three years from the date of delivery. It does "
    "not cover the battery, which is replaced free of charge within the first six months only."
)
RETURNS = (
    "客戶收到商品後七天內可以申請退貨。退貨時請附上發票與保固書，並保持外盒完整，運費由買方負擔。"
)
TEXTS = {"warranty.txt": WARRANTY, "退貨.txt": RETURNS, "short.txt": "Too short to ask about."}
REPLIES = {
    "Aldra": "Q: How long is the Aldra recorder under warranty?\nA: three  years",
    "退貨": "**問：** 收到商品後多久以內可以退貨？\n\n**答：** 「七天內」",
}


class Scripted(BaseChatModel):
    """Replies by what stands in the prompt's passage."""

    replies: dict[str, str]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _reply(self, messages: list[BaseMessage]) -> str:
        prompt = str(messages[-1].content)
        return next(reply for word, reply in self.replies.items() if word in prompt)

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        message = AIMessage(self._reply(messages))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> Iterator[ChatGenerationChunk]:
        for letter in self._reply(messages):
            yield ChatGenerationChunk(message=AIMessageChunk(content=letter))


def backend(replies: dict[str, str], context_tokens: int = 4096) -> LangChainBackend:
    return LangChainBackend(Scripted(replies=replies), "scripted", context_tokens, "test")


@pytest.fixture(scope="module")
def data(embeddings: LocalEmbeddings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_folder(tmp_path_factory.mktemp("documents"), TEXTS)
    data = tmp_path_factory.mktemp("data")
    ingest_folder(folder, settings_for(data), embeddings)
    return data


@pytest.fixture
def catalog(data: Path) -> Iterator[Catalog]:
    with closing(open_library(settings_for(data))) as library:
        yield library.open("default").catalog


Drafted = Callable[..., tuple[list[EvalQuestion], dict[str, int]]]


@pytest.fixture
def drafted(catalog: Catalog) -> Drafted:
    """The drafts made with some replies, and why others were dropped."""

    def draft(
        replies: dict[str, str], count: int = 10, context_tokens: int = 4096
    ) -> tuple[list[EvalQuestion], dict[str, int]]:
        with closing(backend(replies, context_tokens)) as chat:
            drafter = Drafter(chat, PromptLibrary.load(None))
            return list(drafter.drafts(catalog, count, seed=1)), dict(drafter.dropped)

    return draft


def test_a_draft_keeps_question_answer_document_and_span(drafted: Drafted) -> None:
    drafts, dropped = drafted(REPLIES)
    assert dropped == {}
    assert sorted(drafts, key=lambda draft: draft.lang) == [
        EvalQuestion(
            question="How long is the Aldra recorder under warranty?",
            answers=("three years",),  # as the document spells it
            sources=("warranty.txt",),
            span=(WARRANTY.index("three"), WARRANTY.index("three") + len("three years")),
            lang="en",
            tags=(DRAFT_TAG,),
        ),
        EvalQuestion(
            question="收到商品後多久以內可以退貨？",
            answers=("七天內",),
            sources=("退貨.txt",),
            span=(RETURNS.index("七"), RETURNS.index("七") + 3),
            lang="zh-Hant",
            tags=(DRAFT_TAG,),
        ),
    ]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("NONE", "the model wrote no question with an answer"),
        ("Q: How long?", "the model wrote no question with an answer"),
        ("<think>\nQ: a?\nA: b\n", "the model wrote no question with an answer"),
        ("Q: ?\nA: three years", "the question is blank or too long"),
        ("Q: How long?\nA: " + "three years " * 30, "the answer is blank or too long"),
        ("Q: Is it three years?\nA: three years", "the question gives its own answer"),
        (
            "Q: How long does it last in this passage?\nA: three years",
            "the question speaks of the passage, which nobody who searches knows",
        ),
        (
            "Q: 这台记录仪的保修期是多长？\nA: three years",
            "the question is in another language than the passage",
        ),
        ("Q: How long does it last?\nA: 3 years", "the answer does not stand in the passage"),
    ],
)
def test_what_is_of_no_use_is_dropped_and_told(drafted: Drafted, reply: str, reason: str) -> None:
    drafts, dropped = drafted({**REPLIES, "Aldra": reply})
    assert [draft.sources for draft in drafts] == [("退貨.txt",)]
    assert dropped == {reason: 1}


def test_thoughts_labels_and_emphasis_are_left_aside(drafted: Drafted) -> None:
    reply = (
        "<think>Q: no?\nA: no</think>Sure!\n"
        "1. **Question 1:** *How long?*\n\n**Answer:** `three years`."
    )
    drafts, _ = drafted({**REPLIES, "Aldra": reply})
    assert ("How long?", ("three years",)) in [(d.question, d.answers) for d in drafts]


def test_the_same_question_is_kept_once(embeddings: LocalEmbeddings, tmp_path: Path) -> None:
    copies = {f"{n}.txt": WARRANTY.replace("three", word) for n, word in enumerate(["two", "ten"])}
    ingest_folder(write_folder(tmp_path / "in", copies), settings_for(tmp_path), embeddings)
    replies = {
        "two years": "Q: How long does the Aldra warranty last?\nA: two years",
        "ten years": "Q: How long will the Aldra's warranty last?\nA: ten years",
    }
    with (
        closing(backend(replies)) as chat,
        closing(open_library(settings_for(tmp_path))) as library,
    ):
        drafter = Drafter(chat, PromptLibrary.load(None))
        drafts = list(drafter.drafts(library.open("default").catalog, 5))
    assert len(drafts) == 1
    assert drafter.dropped == {"another draft asks the same": 1}


def test_as_many_are_drafted_as_were_wanted(drafted: Drafted) -> None:
    assert len(drafted(REPLIES, count=1)[0]) == 1


def test_a_passage_that_does_not_fit_the_window_is_left_out(drafted: Drafted) -> None:
    drafts, dropped = drafted(REPLIES, context_tokens=300)
    assert drafts == []
    assert dropped == {"the passage does not fit the model's window": 2}


def test_the_seed_alone_decides_the_order_of_passages(
    embeddings: LocalEmbeddings, tmp_path: Path
) -> None:
    texts = {f"{n}.txt": f"{WARRANTY} Number {n}." for n in range(8)}
    ingest_folder(write_folder(tmp_path / "in", texts), settings_for(tmp_path), embeddings)
    with closing(open_library(settings_for(tmp_path))) as library:
        catalog = library.open("default").catalog
        orders = [[chunk.source for chunk in spread(catalog, seed)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[2]) == sorted(texts)


def test_drafts_are_questions_for_rag_eval(drafted: Drafted, tmp_path: Path) -> None:
    drafts, _ = drafted(REPLIES)
    path = tmp_path / "drafts.jsonl"
    assert write_drafts(drafts, path) == 2
    assert [q.question for q in load_questions(path)] == [draft.question for draft in drafts]
    with pytest.raises(InvalidRequest, match="exists already"):
        write_drafts(drafts, path)


@pytest.fixture
def rag(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_DATA_DIR", str(data))
    return Command()


def test_the_command_drafts_with_a_gguf_model(
    rag: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_scripted_gguf(tmp_path / "drafting.gguf", REPLIES["Aldra"])
    monkeypatch.setenv("RAG_CHAT__MODEL", str(model))
    code, out, err = rag("eval", "drafts.jsonl", "--make", "5", "--seed", "3")
    assert (code, out) == (
        0,
        "1 drafts in drafts.jsonl. Read through them before you trust what they measure.\n",
    )
    assert err == (
        "note: not kept, 1 times: the question is in another language than the passage\n"
    )
    (line,) = Path("drafts.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["answers"] == ["three years"]


def test_a_model_that_cannot_draft_is_exit_1(
    rag: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_scripted_gguf(tmp_path / "silent.gguf", "Once upon a time.")
    monkeypatch.setenv("RAG_CHAT__MODEL", str(model))
    code, _, err = rag("eval", "drafts.jsonl", "--make", "5")
    assert code == 1
    assert "note: not kept, 2 times: the model wrote no question with an answer\n" in err
    assert err.endswith("error: silent drafted no question that could be kept.\n")
    assert not Path("drafts.jsonl").exists()


def test_drafting_without_a_chat_model_says_what_to_set(rag: Command) -> None:
    assert rag("eval", "drafts.jsonl", "--make", "3") == (
        1,
        "",
        "error: Questions are drafted by a chat model, and none is set: set RAG_CHAT__MODEL.\n",
    )
