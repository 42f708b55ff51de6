"""The story of one question, with a chat model and a corpus in memory."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata

from rag_service.answering import Answerer, Corpus, Question
from rag_service.errors import Cancelled, Overloaded, QuestionTooLong, RagError
from rag_service.generation.backend import CallOptions
from rag_service.generation.prompts import PromptLibrary
from rag_service.settings import Unsupported
from rag_service.types import (
    Answer,
    AnswerEvent,
    Chunk,
    DoneEvent,
    Filters,
    Hit,
    LegScore,
    QueuedEvent,
    SearchResult,
    SourcesEvent,
    TokenEvent,
    Turn,
    Usage,
)

PROMPTS = PromptLibrary.load(None)
QUESTION = "How long is the warranty of the recorder?"
WARRANTY = "The warranty of the recorder lasts three years. It begins with the delivery."
RETURNS = "Unused goods may be returned within thirty days. A fee of ten euros is kept back."
CHINESE = "记录仪的保修期为三年。保修期从交货之日开始。"
LOOKED_FOR = "Searched for: “long”, “warranty”, “recorder”."
REFUSAL = (
    f"The documents hold no reliable answer to “{QUESTION}”.\n{LOOKED_FOR}\n"
    "Nearest sources:\n- a.txt\n- b.txt"
)


def words(messages: Sequence[BaseMessage]) -> int:
    return sum(len(str(message.content).split()) for message in messages)


@dataclass
class FakeBackend:
    """A chat model that says what it was told to; one word is one token.

    ``replies`` are used up one per call. ``asked`` remembers the messages of each call and
    ``limits`` the tokens it was allowed.
    """

    replies: list[Sequence[str]]
    context_tokens: int = 4096
    name: str = "scripted"
    setup: str = "in memory"
    error: RagError | None = None
    full: bool = False
    finish_reason: str = "stop"
    asked: list[Sequence[BaseMessage]] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    closed: bool = False

    def count(self, messages: Sequence[BaseMessage]) -> int:
        return words(messages)

    def require_room(self) -> None:
        if self.full:
            raise Overloaded("Full.", retry_after=3)

    def stream(
        self, messages: Sequence[BaseMessage], options: CallOptions
    ) -> Iterator[QueuedEvent | AIMessageChunk]:
        self.asked.append(messages)
        self.limits.append(options.max_tokens)
        pieces = self.replies.pop(0)
        for piece in pieces:
            if options.cancelled.is_set():
                raise Cancelled("The request was cancelled.")
            yield AIMessageChunk(content=piece)
        if self.error:
            raise self.error
        counts = (words(messages), len("".join(pieces).split()))
        yield AIMessageChunk(
            content="",
            usage_metadata=UsageMetadata(
                input_tokens=counts[0], output_tokens=counts[1], total_tokens=sum(counts)
            ),
            response_metadata={"finish_reason": self.finish_reason},
        )

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeCorpus:
    """Finds the same hits for every question and remembers what was searched for."""

    hits: Sequence[Hit]
    notes: tuple[str, ...] = ()
    searched: list[tuple[str, int, Filters | None]] = field(default_factory=list)

    def search(self, query: str, top_k: int, filters: Filters | None) -> SearchResult:
        self.searched.append((query, top_k, filters))
        return SearchResult(
            tuple(self.hits),
            7,
            ("dense", "lexical"),
            self.notes,
            {"embed_ms": 1.5},
            leg_scores={"lexical": (10.0, 1.0)},
        )

    @property
    def corpus(self) -> Corpus:
        return Corpus(self.search, lambda _: 1.0)


def hit(text: str, chunk_id: int, *, sure: bool = True, source: str = "a.txt") -> Hit:
    chunk = Chunk(chunk_id, chunk_id, 0, source, "", "", None, 100, 100 + len(text), text)
    return Hit(chunk, 0.9, LegScore(1, 0.9 if sure else 0.1), coverage=1.0 if sure else 0.1)


FOUND = (hit(WARRANTY, 11), hit(RETURNS, 12, source="b.txt"))


def question(text: str = QUESTION, **more: object) -> Question:
    values: dict[str, object] = {"collection": "manuals", "top_k": 8, "max_tokens": 100, **more}
    return Question(text, **values)  # type: ignore[arg-type]


def events_of(
    chat: FakeBackend | None, asked: Question, found: FakeCorpus | None = None
) -> list[AnswerEvent]:
    answerer = Answerer(PROMPTS, chat, min_confidence=0.5)
    return list(answerer.ask(asked, (found or FakeCorpus(FOUND)).corpus))


def answer_of(
    chat: FakeBackend | None, asked: Question | None = None, found: FakeCorpus | None = None
) -> Answer:
    *_, last = events_of(chat, asked or question(), found)
    assert isinstance(last, DoneEvent)
    return last.answer


def shown(events: Sequence[AnswerEvent]) -> list[str]:
    """The pieces of text a user sees as they come."""
    return [event.text for event in events if isinstance(event, TokenEvent)]


def saying(*pieces: str, **more: object) -> FakeBackend:
    return FakeBackend([pieces], **more)  # type: ignore[arg-type]


# -- the order of events -----------------------------------------------------------


def test_sources_come_first_then_the_text_then_the_whole_answer() -> None:
    chat = saying("The warranty lasts ", "three years", " [1].")
    first, *tokens, last = events_of(chat, question())
    assert first == SourcesEvent(FOUND, 7)
    assert shown(tokens) == ["The warranty lasts ", "three years", " [1]."]
    assert len(tokens) == 3
    assert isinstance(last, DoneEvent)
    assert last.answer.answer == "The warranty lasts three years [1]."


def test_an_answer_says_what_it_was_made_from_and_by_whom() -> None:
    answer = answer_of(saying("The warranty lasts three years [1]."))
    assert (answer.status, answer.generator, answer.model) == ("answered", "chat", "scripted")
    assert (answer.collection, answer.revision, answer.dropped) == ("manuals", 7, ())
    assert (answer.sources, answer.notes) == (FOUND, ())
    assert answer.timings.keys() == {"embed_ms", "total_ms"}
    assert answer.confidence > 0.8


def test_the_question_is_searched_for_with_its_limits_and_filters() -> None:
    found = FakeCorpus(FOUND)
    filters = Filters(sources=("*.txt",))
    answer_of(saying("Three years [1]."), question(top_k=3, filters=filters), found)
    assert found.searched == [(QUESTION, 3, filters)]


def test_the_model_gets_the_numbered_passages_and_the_question() -> None:
    chat = saying("Three years [1].")
    answer_of(chat, question(max_tokens=64))
    ((system, user),) = chat.asked
    assert chat.limits == [64]
    assert str(user.content).endswith(f"\n\nQuestion: {QUESTION}")
    assert f'[1] source: "a.txt"\n> {WARRANTY}\n' in str(user.content)
    assert f'[2] source: "b.txt"\n> {RETURNS}\n' in str(user.content)
    assert WARRANTY not in str(system.content)


def test_usage_is_what_the_model_counted() -> None:
    chat = saying("Three years ", "[1].")
    usage = answer_of(chat).usage
    assert usage == Usage(prompt_tokens=words(chat.asked[0]), completion_tokens=3)


def test_what_a_search_noted_stands_in_the_answer() -> None:
    found = FakeCorpus(FOUND, notes=("Only the lexical index voted.",))
    assert answer_of(saying("Three years [1]."), found=found).notes == found.notes


def test_an_answer_that_ran_out_of_tokens_says_so() -> None:
    answer = answer_of(saying("The warranty lasts three [1]", finish_reason="length"))
    assert answer.notes == (
        "The answer was cut off: the model had reached the most tokens allowed.",
    )


# -- refusing ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (QUESTION, REFUSAL.removesuffix("\n- b.txt")),
        (
            "记录仪的保修期是多久？",
            "文档中没有找到能可靠回答“记录仪的保修期是多久？”的内容。\n"
            "查找的关键词：“记录”、“保修期”。\n最接近的来源：\n- a.txt",
        ),
        (
            "記錄儀的保固期是多久？",
            "文檔中沒有找到能可靠回答“記錄儀的保固期是多久？”的內容。\n"
            "查找的關鍵詞：“記錄”、“保固”。\n最接近的來源：\n- a.txt",
        ),
    ],
    ids=["en", "zh-Hans", "zh-Hant"],
)
def test_without_evidence_the_answer_is_a_refusal_in_the_language_of_the_question(
    text: str, refusal: str
) -> None:
    chat = saying("I make this up.")
    near = (hit(WARRANTY, 11, sure=False),)
    first, *tokens, last = events_of(chat, question(text), FakeCorpus(near))
    assert first == SourcesEvent(near, 7)
    assert shown(tokens) == [refusal]
    assert isinstance(last, DoneEvent)
    answer = last.answer
    assert (answer.answer, answer.status, answer.sources) == (refusal, "refused", near)
    assert (answer.citations, answer.usage, answer.confidence < 0.5) == ((), Usage(), True)
    assert chat.asked == []


def test_nothing_found_is_a_refusal_even_if_any_confidence_will_do() -> None:
    answerer = Answerer(PROMPTS, saying("I make this up."), min_confidence=0.0)
    *_, last = answerer.ask(question(), FakeCorpus(()).corpus)
    assert isinstance(last, DoneEvent)
    assert (last.answer.status, last.answer.sources) == ("refused", ())


@pytest.mark.parametrize(
    "pieces",
    [
        ["NO_ANSWER"],
        ["NO", "_ANS", "WER"],
        list("NO_ANSWER"),
        ["\n", " NO_ANSWER", "\n"],
        ["**", "NO_ANSWER", "**"],
        ["[", "no answer", "]", "\n", "The passages are about something else."],
        ["NO_ANSWER", ": the passages", " do not say."],
        [""],
        [" ", "\n"],
    ],
    ids="|".join,
)
def test_a_model_without_an_answer_refuses_and_its_marker_is_never_shown(
    pieces: list[str],
) -> None:
    chat = saying(*pieces)
    events = events_of(chat, question())
    assert shown(events) == [REFUSAL]
    answer = answer_of(saying(*pieces))
    assert (answer.answer, answer.status, answer.citations) == (REFUSAL, "refused", ())
    assert (answer.generator, answer.sources) == ("chat", FOUND)
    assert answer.usage.prompt_tokens == words(chat.asked[0])


def test_a_marker_after_an_excuse_is_not_shown_either() -> None:
    events = events_of(saying("Sorry", ".\nNO", "_ANSWER", "\nReally."), question())
    assert shown(events) == ["Sorry", ".\n", f"\n\n{REFUSAL}"]
    assert isinstance(events[-1], DoneEvent)
    assert (events[-1].answer.answer, events[-1].answer.status) == (REFUSAL, "refused")


@pytest.mark.parametrize(
    "pieces",
    [
        ["No", " one knows, but it is three years [1]."],
        ["NO", "RMALLY three years [1]."],
        ["No answer", " was given before three years [1]."],
        ["Three years [1].", "\n", "- ", "N", "ot more [1]."],
        ["Three years [1].\n\n", "No", "thing else [1]."],
    ],
    ids="|".join,
)
def test_an_answer_that_begins_like_the_marker_is_shown_whole(pieces: list[str]) -> None:
    events = events_of(saying(*pieces), question())
    assert isinstance(events[-1], DoneEvent)
    assert events[-1].answer.status == "answered"
    assert "".join(shown(events)) == "".join(pieces) == events[-1].answer.answer


def test_white_space_before_an_answer_is_not_part_of_it() -> None:
    events = events_of(saying("\n", " ", "Three years [1]."), question())
    assert shown(events) == ["Three years [1]."]


# -- citations ---------------------------------------------------------------------


def test_a_supported_citation_is_verified_and_names_its_place() -> None:
    (citation,) = answer_of(saying("The warranty lasts three years [1].")).citations
    assert (citation.n, citation.chunk_id, citation.source) == (1, 11, "a.txt")
    assert citation.verified
    assert citation.quote == WARRANTY[citation.char_start - 100 : citation.char_end - 100]
    assert "lasts three years." in citation.quote


def test_a_citation_of_the_wrong_passage_is_not_verified_and_the_right_one_is_added() -> None:
    answer = answer_of(saying("The warranty lasts three years [2]."))
    cited = [(c.n, c.chunk_id, c.verified, c.added) for c in answer.citations]
    assert cited == [(2, 12, False, False), (1, 11, True, True)]
    assert [(s.status, s.citations) for s in answer.statements] == [("supported", (0, 1))]
    assert answer.notes == ()


@pytest.mark.parametrize("markers", ["[1][9]", "[1, 9]", "[9, 1]"])
def test_an_invented_citation_is_removed_and_noted(markers: str) -> None:
    answer = answer_of(saying(f"The warranty lasts three years {markers}."))
    assert answer.answer == "The warranty lasts three years [1]."
    assert [(c.n, c.verified) for c in answer.citations] == [(1, True)]
    assert answer.notes == ("Citation numbers removed because they name no source: 1.",)


def test_an_answer_without_support_says_that_nothing_was_verified() -> None:
    answer = answer_of(saying("The warranty lasts nine years."))
    assert (answer.status, answer.citations) == ("answered", ())
    assert [statement.status for statement in answer.statements] == ["unsupported"]
    assert answer.notes == ("No statement of this answer could be verified against the sources.",)


HALF_MADE_UP = "The warranty lasts three years [1]. It covers alien abduction as well."


def checked(policy: Unsupported, text: str) -> list[AnswerEvent]:
    answerer = Answerer(PROMPTS, saying(*re.split("(?<= )", text)), 0.5, policy)
    return list(answerer.ask(question(), FakeCorpus(FOUND).corpus))


def test_unsupported_sentences_are_marked_in_an_answer_that_streams_as_it_is_written() -> None:
    _, *tokens, last = checked("mark", HALF_MADE_UP)
    assert len(tokens) > 1
    assert isinstance(last, DoneEvent)
    statuses = [statement.status for statement in last.answer.statements]
    assert statuses == ["supported", "unsupported"]


def test_unsupported_sentences_can_be_removed_before_anything_is_shown() -> None:
    first, token, last = checked("remove", HALF_MADE_UP)
    assert isinstance(first, SourcesEvent)
    assert token == TokenEvent("The warranty lasts three years [1].")
    assert isinstance(last, DoneEvent)
    assert last.answer.answer == "The warranty lasts three years [1]."
    assert [statement.status for statement in last.answer.statements] == ["supported"]
    assert last.answer.notes == ("Sentences removed because no source supports them: 1.",)


@pytest.mark.parametrize(
    ("policy", "text"),
    [("refuse", HALF_MADE_UP), ("remove", "It covers alien abduction."), ("refuse", "Yes.")],
)
def test_an_answer_can_be_refused_for_what_no_source_supports(
    policy: Unsupported, text: str
) -> None:
    _, token, last = checked(policy, text)
    assert isinstance(last, DoneEvent)
    assert (last.answer.status, last.answer.citations) == ("refused", ())
    assert token == TokenEvent(last.answer.answer)
    assert "alien" not in last.answer.answer


# -- what fits the model -----------------------------------------------------------


def many_hits() -> list[Hit]:
    return [hit(f"Passage {n} speaks of the warranty. " * 10, n) for n in range(1, 9)]


@pytest.mark.parametrize("room", [100, 160, 300])
def test_what_does_not_fit_is_dropped_whole_and_told(room: int) -> None:
    bare = words(PROMPTS.answer_messages(QUESTION, "", "en", []))
    chat = saying("Passage 1 speaks of the warranty [1].", context_tokens=bare + room + 50)
    hits = many_hits()
    answer = answer_of(chat, question(max_tokens=50), FakeCorpus(hits))
    included = [h.chunk.chunk_id for h in answer.sources]
    assert included
    assert answer.dropped
    assert [*included, *answer.dropped] == list(range(1, 9))
    (messages,) = chat.asked
    assert chat.count(messages) <= chat.context_tokens - 50
    # One more passage would not have fitted.
    assert chat.count(messages) + 60 > chat.context_tokens - 50
    prompt = str(messages[-1].content)
    assert [f"> {h.chunk.text}" in prompt for h in hits] == [n in included for n in range(1, 9)]


def test_a_passage_too_long_is_skipped_and_the_next_takes_its_number() -> None:
    bare = words(PROMPTS.answer_messages(QUESTION, "", "en", []))
    chat = saying("The warranty lasts three years [1].", context_tokens=bare + 150)
    hits = [hit("word " * 400, 1), hit(WARRANTY, 11)]
    answer = answer_of(chat, question(max_tokens=50), FakeCorpus(hits))
    assert (answer.dropped, answer.sources) == ((1,), (hits[1],))
    assert [(c.chunk_id, c.verified) for c in answer.citations] == [(11, True)]


@pytest.mark.parametrize(
    ("room", "message"), [(99, "leaves no room"), (105, "not one passage fits")]
)
def test_a_question_that_leaves_no_room_is_refused_before_the_stream(
    room: int, message: str
) -> None:
    bare = words(PROMPTS.answer_messages(QUESTION, "", "en", []))
    chat = saying("I make this up.", context_tokens=bare + room)
    events = Answerer(PROMPTS, chat, 0.5).ask(question(), FakeCorpus(many_hits()).corpus)
    with pytest.raises(QuestionTooLong, match=message):
        next(events)
    assert chat.asked == []


class RestartingBackend(FakeBackend):
    """Says its first reply, and then that it was reasoning."""

    def stream(
        self, messages: Sequence[BaseMessage], options: CallOptions
    ) -> Iterator[QueuedEvent | AIMessageChunk]:
        said = "".join(self.replies[0])
        yield from super().stream(messages, options)
        extra = {"reasoning_content": said, "answer_restarts": True}
        yield AIMessageChunk(content="", additional_kwargs=extra)
        yield from super().stream(messages, options)


def test_what_turns_out_to_be_reasoning_is_no_part_of_the_answer() -> None:
    chat = RestartingBackend([["Four? No, ", "three [7].\nNO_"], ["Three years [1]."]])
    answer = answer_of(chat)
    assert (answer.answer, answer.status) == ("Three years [1].", "answered")
    assert answer.reasoning == "Four? No, three [7].\nNO_"
    assert [citation.n for citation in answer.citations] == [1]


def test_a_rewriting_that_begins_with_reasoning_is_searched_for_without_it() -> None:
    chat = RestartingBackend(
        [["It is the recorder."], ["How long is its warranty?"], ["Hm."], ["Three years [1]."]]
    )
    found = FakeCorpus(FOUND)
    answer_of(chat, question("And its warranty?", history=HISTORY), found)
    assert [query for query, _, _ in found.searched] == ["How long is its warranty?"]


# -- conversations -----------------------------------------------------------------

HISTORY = (Turn("user", "Tell me of the recorder."), Turn("assistant", "It is grey [2]."))


def test_a_follow_up_is_rewritten_and_the_rewritten_question_searched_for() -> None:
    chat = FakeBackend([["How long is the recorder's", " warranty?\n"], ["Three years [1]."]])
    found = FakeCorpus(FOUND)
    answer = answer_of(chat, question("And its warranty?", history=HISTORY), found)
    assert [query for query, _, _ in found.searched] == ["How long is the recorder's warranty?"]
    condense, final = chat.asked
    assert "User: Tell me of the recorder.\nAssistant: It is grey." in str(condense[-1].content)
    contents = [str(message.content) for message in final[1:]]
    assert contents[:2] == ["Tell me of the recorder.", "It is grey."]
    assert contents[2].endswith("Question: And its warranty?")
    assert (answer.answer, chat.limits) == ("Three years [1].", [96, 100])
    assert answer.standalone_question == "How long is the recorder's warranty?"


def test_a_rewriting_that_comes_back_empty_gives_way_to_the_rule() -> None:
    chat, found = FakeBackend([[" "], ["Three years [1]."]]), FakeCorpus(FOUND)
    answer = answer_of(chat, question("And its warranty?", history=HISTORY), found)
    assert [query for query, _, _ in found.searched] == ["And its warranty? (recorder)"]
    assert answer.standalone_question == "And its warranty? (recorder)"


def test_without_a_chat_model_a_follow_up_is_completed_from_the_questions_before() -> None:
    found = FakeCorpus(FOUND)
    turns = (Turn("user", "Where is the office?"), *HISTORY)
    answer = answer_of(None, question("And its warranty?", history=turns), found)
    assert [query for query, _, _ in found.searched] == ["And its warranty? (office recorder)"]
    assert answer.standalone_question == "And its warranty? (office recorder)"


@pytest.mark.parametrize("has_model", [False, True], ids=["without a model", "with one"])
@pytest.mark.parametrize("text", [QUESTION, "外籍员工的试用期有多长？"])
def test_a_question_that_stands_alone_is_searched_for_as_it_is(
    text: str, *, has_model: bool
) -> None:
    chat = saying("Three years [1].") if has_model else None
    found = FakeCorpus(FOUND)
    answer = answer_of(chat, question(text, history=HISTORY), found)
    assert [query for query, _, _ in found.searched] == [text]
    assert answer.standalone_question == ""
    assert chat is None or len(chat.asked) == 1


def test_a_first_question_is_not_rewritten() -> None:
    chat = saying("Three years [1].")
    answer_of(chat)
    assert len(chat.asked) == 1


def test_a_long_conversation_gives_way_to_the_documents() -> None:
    bare = words(PROMPTS.answer_messages(QUESTION, "", "en", []))
    chat = saying("Three years [1].", context_tokens=2 * bare + 200)
    turns = (Turn("user", "word " * 300), Turn("assistant", "An earlier answer."))
    answer = answer_of(chat, question(history=turns))
    (final,) = chat.asked
    assert [str(message.content) for message in final[1:-1]] == ["An earlier answer."]
    assert answer.sources == FOUND


def test_of_a_conversation_too_long_to_rewrite_the_oldest_turns_are_left_out() -> None:
    chat = FakeBackend([["And where?"], ["Three years [1]."]], context_tokens=1500)
    turns = (Turn("user", "word " * 2000), *HISTORY)
    answer_of(chat, question("And its warranty?", history=turns))
    condense, _ = chat.asked
    assert "word" not in str(condense[-1].content)
    assert "User: Tell me of the recorder.\nAssistant: It is grey." in str(condense[-1].content)


def test_a_follow_up_that_cannot_be_rewritten_in_the_window_is_completed_by_rule() -> None:
    found = FakeCorpus(FOUND)
    turns = (*HISTORY[:1], Turn("assistant", "word " * 2000))
    chat = saying("Three years [1].", context_tokens=1500)
    answer_of(chat, question("And its warranty?", history=turns), found)
    assert [query for query, _, _ in found.searched] == ["And its warranty? (recorder)"]
    assert len(chat.asked) == 1


# -- a model that cannot ------------------------------------------------------------


def test_a_full_queue_refuses_before_the_first_event() -> None:
    chat = saying("Three years [1].", full=True)
    events = Answerer(PROMPTS, chat, 0.5).ask(question(), FakeCorpus(FOUND).corpus)
    with pytest.raises(Overloaded) as refused:
        next(events)
    assert refused.value.retry_after == 3
    assert chat.asked == []


def test_a_refusal_needs_no_room_in_the_queue() -> None:
    near = FakeCorpus((hit(WARRANTY, 11, sure=False),))
    assert answer_of(saying(full=True), found=near).status == "refused"


def test_being_cancelled_passes_through() -> None:
    cancelled = threading.Event()
    chat = saying("Three ", "years ", "[1].")
    asked = question(cancelled=cancelled)
    events = Answerer(PROMPTS, chat, 0.5).ask(asked, FakeCorpus(FOUND).corpus)
    assert next(events) == SourcesEvent(FOUND, 7)
    assert next(events) == TokenEvent("Three ")
    cancelled.set()
    with pytest.raises(Cancelled):
        next(events)


def test_a_failure_of_the_model_passes_through() -> None:
    events = Answerer(PROMPTS, saying("Three ", error=RagError("Broken.")), 0.5).ask(
        question(), FakeCorpus(FOUND).corpus
    )
    assert [type(next(events)) for _ in range(2)] == [SourcesEvent, TokenEvent]
    with pytest.raises(RagError, match="Broken"):
        next(events)


# -- without a chat model ------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "text", "answer"),
    [
        (QUESTION, WARRANTY, "The warranty of the recorder lasts three years. [1]"),
        ("记录仪的保修期是多久？", CHINESE, "记录仪的保修期为三年。[1]"),
        ("記錄儀的保修期是多久？", CHINESE, "记录仪的保修期为三年。[1]"),
    ],
    ids=["en", "zh-Hans", "zh-Hant"],
)
def test_without_a_chat_model_the_documents_are_quoted(asked: str, text: str, answer: str) -> None:
    hits = (hit(text, 11),)
    first, token, last = events_of(None, question(asked), FakeCorpus(hits))
    assert first == SourcesEvent(hits, 7)
    assert isinstance(last, DoneEvent)
    quoted = last.answer
    assert quoted.answer.startswith(answer)
    assert token == TokenEvent(quoted.answer)
    assert (quoted.status, quoted.generator, quoted.model) == (
        "answered",
        "extractive",
        "extractive",
    )
    assert (quoted.usage, quoted.dropped) == (Usage(), ())
    assert all(citation.verified for citation in quoted.citations)
    assert quoted.citations[0].quote == answer.removesuffix("[1]").rstrip()
