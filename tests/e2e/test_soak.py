"""Ten seconds of the soak that `python -m benchmarks.soak` runs for minutes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.chat import ANSWER
from benchmarks.soak import BAD, soak
from rag_service.retrieval.embedding import LocalEmbeddings
from tests.chat_service import ask, chat_service, make_home
from tests.gguf_models import write_scripted_gguf


def test_clients_who_come_and_go_leave_a_service_that_answers(
    tmp_path: Path, embeddings: LocalEmbeddings
) -> None:
    home = make_home(tmp_path, embeddings)
    model = write_scripted_gguf(home / "soak.gguf", ANSWER)
    chat = {"model": str(model), "max_tokens": 200, "queue_size": 8}
    with chat_service(home, embeddings, chat) as url:
        outcomes = soak(url, seconds=10, clients=16)
        assert {outcome: outcomes[outcome] for outcome in BAD} == dict.fromkeys(BAD, 0)
        assert min(outcomes["whole"], outcomes["left"]) > 0
        assert outcomes["ended"] == 0
        assert ask(url).json()["answer"] == ANSWER
