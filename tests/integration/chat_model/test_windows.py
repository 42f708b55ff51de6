"""What fits the model's window, and what of it need not be read again."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from rag_service.errors import GenerationError
from rag_service.generation.chat_model import LlamaCppChat
from tests.gguf_models import ARCHITECTURES, write_random_gguf, write_scripted_gguf
from tests.integration.chat_model.parts import ANSWER, QUESTION, Opener


def test_counts_equal_what_usage_reports(chat: LlamaCppChat) -> None:
    messages = [SystemMessage("Answer briefly."), HumanMessage("天空是什麼顏色？")]
    usage = chat.invoke(messages).usage_metadata
    assert usage is not None
    assert usage["input_tokens"] == chat.count_message_tokens(messages)
    assert usage["input_tokens"] == chat.get_num_tokens_from_messages(messages)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_plain_text_is_counted_without_a_message_around_it(chat: LlamaCppChat) -> None:
    assert chat.count_tokens("sky 天") == len("sky 天".encode()) == chat.get_num_tokens("sky 天")


def test_the_window_is_the_smaller_of_setting_and_training(models: Path, opened: Opener) -> None:
    path = write_scripted_gguf(models / "short.gguf", ANSWER, n_ctx_train=1000)
    assert opened(path, context_tokens=8192).context_tokens == 1000
    assert opened(path, context_tokens=512).context_tokens == 512


def test_a_prompt_that_does_not_fit_is_refused(models: Path, opened: Opener) -> None:
    path = write_scripted_gguf(models / "small.gguf", ANSWER)
    with pytest.raises(GenerationError, match=r"does not fit the model's window of 512 tokens"):
        opened(path, context_tokens=512).invoke("x" * 512)


def test_a_shared_beginning_is_read_once(models: Path, opened: Opener) -> None:
    chat = opened(write_scripted_gguf(models / "prefix.gguf", ANSWER))
    system = ("system", "Answer from these sources: " + "blue " * 40)
    first = chat.invoke([system, ("user", "one")]).usage_metadata
    second = chat.invoke([system, ("user", "two")])
    assert first is not None
    assert second.usage_metadata is not None
    shared = chat.count_message_tokens([SystemMessage(system[1])]) - len("<>assistant\n") + 2
    assert first["input_token_details"]["cache_read"] == 0
    assert second.usage_metadata["input_token_details"]["cache_read"] >= shared
    assert second.content == ANSWER


def cached(chat: LlamaCppChat, system: str, question: str = QUESTION) -> int:
    """How many tokens of the prompt need not be read."""
    usage = chat.invoke([("system", system), ("user", question)]).usage_metadata
    assert usage is not None
    return usage["input_token_details"].get("cache_read", 0)


def test_instructions_are_not_read_again_when_others_came_in_between(
    models: Path, opened: Opener
) -> None:
    path = write_scripted_gguf(models / "turns.gguf", ANSWER)
    answering, rewriting = "Answer from these passages. " * 12, "Rewrite the question. " * 15
    chat, forgetful = opened(path), opened(path, prefix_cache_mb=0)
    for model in (chat, forgetful):
        assert [cached(model, system) for system in (answering, rewriting)] == [0, 0]
    for system in (answering, rewriting, answering):
        assert cached(chat, system) >= len(system)
        assert cached(forgetful, system) == 0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_answer_from_kept_instructions_is_the_same_as_the_first(
    architecture: str, models: Path, opened: Opener
) -> None:
    path = write_random_gguf(models / f"kept-{architecture}.gguf", architecture)
    chat = opened(path, max_tokens=16, temperature=1.5, seed=5)
    system = "Answer from these passages. " * 12
    asked = [("system", system), ("user", "Who? " * 40)]
    first = chat.invoke(asked)
    for other in ("Rewrite the question. " * 15, "Be brief."):
        cached(chat, other, "And then? " * 30)
    again = chat.invoke(asked)
    assert again.content == first.content
    assert again.usage_metadata is not None
    assert again.usage_metadata["input_token_details"]["cache_read"] >= len(system)


def test_kept_instructions_stay_within_their_memory(models: Path, opened: Opener) -> None:
    chat = opened(write_random_gguf(models / "bounded.gguf", "qwen2"), prefix_cache_mb=1)
    systems = [f"{letter} instructions. " * 40 for letter in "abcdef"]
    for system in systems:
        assert cached(chat, system) < len(system)
    assert cached(chat, systems[0]) < len(systems[0])
    assert cached(chat, systems[-1]) >= len(systems[-1])
