"""What a trace says of a search, from the outcomes of its stages alone."""

from __future__ import annotations

from collections.abc import Sequence

from rag_service.retrieval.explain import NoTrace, Tracer, matched_terms
from rag_service.retrieval.fusion import Leg, fuse
from rag_service.search_types import MatchedTerm, SearchTrace, StagePlace
from rag_service.types import Chunk, Hit, LegScore


def chunk(chunk_id: int, text: str = "text", heading: str = "", table_header: str = "") -> Chunk:
    return Chunk(chunk_id, 1, 0, "a.md", "", heading, None, 0, len(text), text, table_header)


def hits(*scored: tuple[int, float]) -> list[Hit]:
    return [Hit(chunk(chunk_id), score) for chunk_id, score in scored]


class Corpus:
    """Every chunk but those that are gone; every term says 2."""

    def __init__(self, *gone: int) -> None:
        self._gone = gone

    def chunks(self, chunk_ids: Sequence[int]) -> dict[int, Chunk]:
        return {i: chunk(i, "pumps and a pump") for i in chunk_ids if i not in self._gone}

    def idf(self, _term: str) -> float:
        return 2.0


def traced() -> SearchTrace:
    legs = [
        Leg("dense", 1.0, [(1, 0.9), (2, 0.8), (3, 0.7)]),
        Leg("lexical", 1.0, [(2, 9.0), (4, 8.0), (5, 7.0)]),
    ]
    tracer = Tracer()
    tracer.fused(fuse(legs, 60))  # 2, 1, 4, then 3 and 5 with equal scores
    tracer.kept(hits((2, 1.0), (1, 0.5), (3, 0.4)), {4: "gone"}, "below the first 3")
    tracer.stage("coverage", hits((1, 0.7), (2, 0.6), (3, 0.2)))
    tracer.stage("selection", hits((1, 0.7), (2, 0.6)), {3: "near duplicate of 1"})
    return tracer.finish(Corpus(4), "Which pumps?", top_k=1)


def test_a_result_has_its_way_through_all_stages() -> None:
    (result,) = traced().results
    assert result.chunk_id == 1
    assert result.legs == {"dense": LegScore(1, 0.9)}
    assert [(place.stage, place.rank) for place in result.stages] == [
        ("fused", 2),
        ("coverage", 1),
        ("selection", 1),
    ]
    assert result.stages[-1] == StagePlace("selection", 1, 0.7)
    assert result.reason == ""


def test_every_candidate_that_is_no_result_says_why_those_that_came_far_first() -> None:
    assert [(each.chunk_id, each.reason) for each in traced().dropped] == [
        (2, "below the first 1, which were asked for"),
        (3, "near duplicate of 1"),
        (4, "gone"),
        (5, "below the first 3"),
    ]


def test_a_candidate_gone_from_the_catalog_has_no_text_and_no_terms() -> None:
    gone = next(each for each in traced().dropped if each.chunk_id == 4)
    assert (gone.chunk, gone.terms) == (None, ())
    assert gone.legs == {"lexical": LegScore(2, 8.0)}


def test_a_stage_that_gives_no_reason_is_named() -> None:
    tracer = Tracer()
    tracer.fused(fuse([Leg("dense", 1.0, [(1, 0.9), (2, 0.8)])], 60))
    tracer.stage("selection", hits((2, 1.0)))
    (dropped,) = tracer.finish(Corpus(), "pump", top_k=5).dropped
    assert dropped.reason == "dropped by the stage 'selection'"


def test_the_terms_are_those_of_the_question_and_of_each_passage() -> None:
    trace = traced()
    assert trace.terms == ("pump",)
    assert trace.results[0].terms == (MatchedTerm("pump", 2.0, in_text=2, in_context=0),)


def test_terms_are_counted_in_text_and_context_rarest_first() -> None:
    passage = chunk(1, "水泵 pumps", heading="Pumps", table_header="保修期")
    found = matched_terms(passage, {"pump": 1.0, "水": 2.0, "保修": 3.0, "warranti": 4.0})
    assert found == (
        MatchedTerm("保修", 3.0, in_text=1, in_context=0),
        MatchedTerm("水", 2.0, in_text=1, in_context=0),
        MatchedTerm("pump", 1.0, in_text=1, in_context=1),
    )


def test_a_search_that_nobody_asked_to_explain_has_no_trace() -> None:
    trace = NoTrace()
    trace.fused([])
    trace.stage("coverage", hits((1, 1.0)))
    assert trace.finish(Corpus(), "pump", top_k=1) is None
