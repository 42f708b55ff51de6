"""What the local chat model answers: whole, in pieces, cut, and what it thought before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from rag_service.errors import ChatModelError
from rag_service.generation.chat_model import LlamaCppChat
from tests.gguf_models import ARCHITECTURES, CHATML, write_random_gguf, write_scripted_gguf
from tests.integration.chat_model.parts import ANSWER, QUESTION, Opener, collect, prompt_tokens


def test_invoke_gives_the_whole_answer(chat: LlamaCppChat) -> None:
    message = chat.invoke(QUESTION)
    assert message.content == ANSWER
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.response_metadata["model_name"] == "scripted"


def test_stream_gives_the_same_answer_in_pieces(chat: LlamaCppChat) -> None:
    chunks = list(chat.stream(QUESTION))
    assert "".join(str(chunk.content) for chunk in chunks) == ANSWER
    assert len(chunks) > 10
    assert chunks[-1].response_metadata == {"finish_reason": "stop", "model_name": "scripted"}
    assert chunks[-1].usage_metadata is not None


def test_ainvoke_gives_the_whole_answer(chat: LlamaCppChat) -> None:
    message = asyncio.run(chat.ainvoke(QUESTION))
    assert message.content == ANSWER


def test_astream_gives_the_same_pieces_as_stream(chat: LlamaCppChat) -> None:
    async def pieces() -> list[str]:
        return [str(chunk.content) async for chunk in chat.astream(QUESTION)]

    assert asyncio.run(pieces()) == [str(chunk.content) for chunk in chat.stream(QUESTION)]


def test_characters_are_never_cut_although_tokens_are(chat: LlamaCppChat) -> None:
    pieces = [str(chunk.content) for chunk in chat.stream(QUESTION)]
    assert "😀" in "".join(pieces)
    assert not any("\ufffd" in piece for piece in pieces)


def test_an_answer_cut_inside_a_character_leaves_that_character_out(
    models: Path, opened: Opener
) -> None:
    path = write_scripted_gguf(models / "wide.gguf", "天地人")  # tokens of two bytes
    message = opened(path).invoke(QUESTION, max_tokens=2)
    assert message.content == "天"
    assert message.response_metadata["finish_reason"] == "length"
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == 2


def test_max_tokens_ends_the_answer_with_reason_length(chat: LlamaCppChat) -> None:
    message = chat.invoke(QUESTION, max_tokens=3)
    assert message.content == "The sk"
    assert message.response_metadata["finish_reason"] == "length"
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == 3


def test_the_window_ends_the_answer_with_reason_length(endless_path: Path, opened: Opener) -> None:
    chat = opened(endless_path, context_tokens=512, max_tokens=4096)
    message = chat.invoke(QUESTION)
    assert message.response_metadata["finish_reason"] == "length"
    assert message.usage_metadata is not None
    assert message.usage_metadata["total_tokens"] == chat.context_tokens == 512


@pytest.mark.parametrize("stop", ["blue", "is blue [", "b"])
def test_a_stop_string_ends_the_answer_before_itself(chat: LlamaCppChat, stop: str) -> None:
    message = chat.invoke(QUESTION, stop=["never", stop, ""])
    assert message.content == ANSWER[: ANSWER.index(stop)]
    assert message.response_metadata["finish_reason"] == "stop"


def test_a_beginning_of_a_stop_string_is_not_lost(chat: LlamaCppChat) -> None:
    assert chat.invoke(QUESTION, stop=["[2]。 never"]).content == ANSWER


def test_the_same_seed_gives_the_same_text_and_another_seed_another(
    models: Path, opened: Opener
) -> None:
    chat = opened(write_random_gguf(models / "seeds.gguf", "qwen2"), max_tokens=24)
    first, again, other = (
        chat.invoke(QUESTION, temperature=2.0, seed=seed).content for seed in (7, 7, 8)
    )
    assert first == again != other


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_loads_and_generates(
    architecture: str, models: Path, opened: Opener
) -> None:
    path = write_random_gguf(models / f"{architecture}.gguf", architecture)
    message = opened(path).invoke([("system", "Be brief."), ("user", QUESTION)], max_tokens=6)
    assert message.usage_metadata is not None
    assert 1 <= message.usage_metadata["output_tokens"] <= 6
    assert message.response_metadata["model_name"] == architecture


def test_a_cache_that_does_not_fit_the_model_is_told_with_the_setting(
    models: Path, opened: Opener
) -> None:
    path = write_random_gguf(models / "narrow.gguf", "llama")  # heads of 16, q8_0 stores 32
    with pytest.raises(ChatModelError, match=r"K cache type q8_0 .* Set RAG_CHAT__KV_CACHE to f16"):
        opened(path, kv_cache="q8_0")


@pytest.mark.parametrize("control", [(), ("<think>", "</think>")], ids=["as text", "as control"])
def test_reasoning_is_told_from_the_answer(
    control: tuple[str, ...], models: Path, opened: Opener
) -> None:
    script = "<think>\nRayleigh?\n</think>\n\nBlue [1]."
    path = write_scripted_gguf(models / f"think{len(control)}.gguf", script, control=control)
    message = collect(opened(path).stream(QUESTION))
    assert message.content == "Blue [1]."
    assert message.additional_kwargs["reasoning_content"] == "\nRayleigh?\n"
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_token_details"]["reasoning"] > 0


def test_reasoning_opened_by_the_template_is_told_from_the_answer(
    models: Path, opened: Opener
) -> None:
    path = write_scripted_gguf(
        models / "opened.gguf", "Hm.</think>Blue [1].", template=CHATML + "<think>{{ '\n' }}"
    )
    message = opened(path).invoke(QUESTION)
    assert message.content == "Blue [1]."
    assert message.additional_kwargs["reasoning_content"] == "Hm."


def test_templates_that_know_thinking_are_asked_not_to(models: Path, opened: Opener) -> None:
    template = CHATML + "{% if enable_thinking is false %}<think>\n\n</think>\n{% endif %}"
    path = write_scripted_gguf(models / "quiet.gguf", "Blue [1].", template=template)
    chat = opened(path)
    assert "".join(prompt_tokens(chat, ("user", "?"))).count("</think>") == 1
    assert chat.invoke(QUESTION).content == "Blue [1]."


def test_the_model_takes_part_in_a_chain(chat: LlamaCppChat) -> None:
    chain = ChatPromptTemplate.from_messages([("human", "{question}")]) | chat | StrOutputParser()
    assert chain.invoke({"question": QUESTION}) == ANSWER
    assert "".join(chain.stream({"question": QUESTION})) == ANSWER
