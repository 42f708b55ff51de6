"""An answer in the chat model's own words.

A prompt that fits its window, the reply as it comes, and what of it the sources support.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import BaseMessage

from rag_service.errors import QuestionTooLong
from rag_service.generation.backend import ChatBackend
from rag_service.generation.citations import CitedAnswer, cite, without_unsupported
from rag_service.generation.context import Packed, pack
from rag_service.generation.prompts import PromptLibrary, is_no_answer
from rag_service.generation.question import Question
from rag_service.generation.refusal import shown
from rag_service.generation.reply import Reply
from rag_service.generation.support import Embed
from rag_service.settings import Unsupported
from rag_service.text.language import Language
from rag_service.types import (
    Answer,
    AnswerEvent,
    DoneEvent,
    Hit,
    QueuedEvent,
    SourcesEvent,
    TokenEvent,
    Turn,
)

_WITHOUT_THE_BEST = {
    "en": "The passage found first ({source}{page}) does not fit the model's window, so the answer "
    "was made without it. The setting chat.context_tokens makes the window larger.",
    "zh-Hans": "排在最前的段落（{source}{page}）放不进模型的上下文窗口，回答时没有用到它。"
    "把设置 chat.context_tokens 调大，窗口就会变大。",
    "zh-Hant": "排在最前的段落（{source}{page}）放不進模型的上下文視窗，回答時沒有用到它。"
    "把設定 chat.context_tokens 調大，視窗就會變大。",
}
_PAGE = {"en": ", page {}", "zh-Hans": "，第 {} 页", "zh-Hant": "，第 {} 頁"}
_SHOWN_SOURCE_CHARS = 120


@dataclass(frozen=True, slots=True)
class ChatAnswerer:
    """Lets a chat model answer, and judges what it says. ``unsupported``: as the setting."""

    prompts: PromptLibrary
    chat: ChatBackend
    unsupported: Unsupported

    def answer(
        self,
        draft: Answer,
        question: Question,
        language: Language,
        refusal: Callable[[], str],
        embed: Embed | None,
    ) -> Iterator[AnswerEvent]:
        """From the sources of ``draft``. Yields as `Answerer.ask` does.

        ``refusal`` words what is said where there is no answer; ``embed`` helps to compare
        statements with sources.

        Raises: as `Answerer.ask`.
        """
        chat = self.chat
        messages, packed = self._prompt(draft.sources, question, language)
        chat.require_room()  # before the stream begins, while it can still be refused as a whole
        yield SourcesEvent(packed.included, draft.revision)
        reply = Reply()
        options = replace(question.options(question.max_tokens), admitted=True)
        for piece in chat.stream(messages, options):
            events = [piece] if isinstance(piece, QueuedEvent) else reply.push(piece)
            yield from (event for event in events if self._may_be_shown(event))
        draft = replace(
            draft,
            generator="chat",
            model=chat.name,
            sources=packed.included,
            dropped=tuple(hit.chunk.chunk_id for hit in packed.dropped),
            usage=reply.usage,
            notes=(*draft.notes, *_without_the_best(draft, packed, language), *reply.notes()),
            cut=reply.cut,
            reasoning=reply.reasoning,
        )
        if is_no_answer(reply.text) or not reply.text.strip():
            text = refusal()
            is_shown = reply.begun and self.unsupported == "mark"
            yield TokenEvent(f"\n\n{text}" if is_shown else text)
            yield DoneEvent(replace(draft, answer=text, status="refused"))
            return
        rest = reply.rest()
        answer = self._checked(draft, cite(reply.text.strip(), draft.sources, embed=embed), refusal)
        if self.unsupported != "mark":
            rest = answer.answer
        if rest:
            yield TokenEvent(rest)
        yield DoneEvent(answer)

    def _may_be_shown(self, event: AnswerEvent) -> bool:
        """Whether an event of the chat model may go out before its sentences are judged."""
        return self.unsupported == "mark" or not isinstance(event, TokenEvent)

    def _checked(self, draft: Answer, cited: CitedAnswer, refusal: Callable[[], str]) -> Answer:
        """The answer, or what the setting leaves of it."""
        if self.unsupported == "mark":
            return _with_citations(draft, cited)
        count = sum(statement.status == "unsupported" for statement in cited.statements)
        stands = any(s.status in ("supported", "unverified") for s in cited.statements)
        if not stands or (count and self.unsupported == "refuse"):
            note = f"Refused: sentences that no source supports: {count}."
            notes = (*draft.notes, note) if count else draft.notes
            return replace(draft, answer=refusal(), status="refused", notes=notes)
        if count:
            note = f"Sentences removed because no source supports them: {count}."
            draft = replace(draft, notes=(*draft.notes, note))
        return _with_citations(draft, without_unsupported(cited))

    def _prompt(
        self, hits: Sequence[Hit], question: Question, language: Language
    ) -> tuple[list[BaseMessage], Packed]:
        """The messages that fit the model's window, and the passages in them."""
        chat = self.chat
        budget = chat.context_tokens - question.max_tokens

        def messages(context: str, history: Sequence[Turn]) -> list[BaseMessage]:
            return self.prompts.answer_messages(question.text, context, language, history)

        if chat.count(messages("", ())) > budget:
            raise QuestionTooLong(
                "The question with its instructions leaves no room in the model's window of "
                f"{chat.context_tokens} tokens, of which {question.max_tokens} are kept for the "
                "answer. Shorten the question, ask for a shorter answer (max_tokens), or raise "
                "the setting chat.context_tokens."
            )
        # The documents come first: a long conversation may take half of the room.
        history = question.history
        while history and chat.count(messages("", history)) > budget // 2:
            history = history[1:]
        packed = pack(hits, fits=lambda context: chat.count(messages(context, history)) <= budget)
        if not packed.included:  # what the model would say without any passage is invented
            raise QuestionTooLong(
                "Beside the question not one passage fits the model's window of "
                f"{chat.context_tokens} tokens, of which {question.max_tokens} are kept for the "
                "answer. Shorten the question, or raise the setting chat.context_tokens."
            )
        return messages(packed.text, history), packed


def _without_the_best(draft: Answer, packed: Packed, language: Language) -> tuple[str, ...]:
    """A note, in the question's language, if the passage found first was left out."""
    best = draft.sources[0]
    if best not in packed.dropped:
        return ()
    source, page = shown(best.chunk.source, _SHOWN_SOURCE_CHARS), best.chunk.page
    where = "" if page is None else _PAGE[language].format(page)
    return (_WITHOUT_THE_BEST[language].format(source=source, page=where),)


def _with_citations(draft: Answer, cited: CitedAnswer) -> Answer:
    notes = list(draft.notes)
    if cited.invented:
        notes.append(f"Citation numbers removed because they name no source: {cited.invented}.")
    unverified = sum(statement.status == "unverified" for statement in cited.statements)
    if unverified:
        notes.append(
            "Sentences that could not be verified, because the sources are in another language: "
            f"{unverified}."
        )
    if not any(citation.verified for citation in cited.citations):
        notes.append("No statement of this answer could be verified against the sources.")
    return replace(
        draft,
        answer=cited.text,
        citations=cited.citations,
        statements=cited.statements,
        notes=tuple(notes),
    )
