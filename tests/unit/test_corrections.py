"""Words of a question that no document has, and what is searched for instead."""

from __future__ import annotations

from dataclasses import dataclass

from rag_service.retrieval.corrections import (
    Correction,
    corrected,
    correction_notes,
    corrections,
)


@dataclass(frozen=True)
class Frequencies:
    """A vocabulary of a few words."""

    of: dict[str, int]

    def frequency(self, term: str) -> int:
        return self.of.get(term, 0)


KNOWN = Frequencies({"parliament": 3, "pressur": 5, "valv": 2, "valu": 9, "colder": 1})


def test_a_word_that_stands_nowhere_is_taken_for_its_neighbour() -> None:
    assert corrections(["parliment", "valv"], KNOWN) == (Correction("parliment", "parliament"),)


def test_of_several_neighbours_the_commonest_is_meant() -> None:
    known = Frequencies({"staton": 1, "station": 8})
    assert corrections(["statioon"], known) == (Correction("statioon", "station"),)
    assert corrections(["statn"], Frequencies({"state": 2, "statu": 2})) == (
        Correction("statn", "state"),
    )


def test_a_word_that_some_document_has_is_never_doubted() -> None:
    assert corrections(["colder"], Frequencies({"colder": 1, "folder": 90})) == ()


def test_a_word_without_neighbours_stays_as_it_is() -> None:
    assert corrections(["turbine", "泵", "4711"], KNOWN) == ()


def test_what_is_guessed_counts_less_and_never_less_than_it_did() -> None:
    slips = (Correction("parliment", "parliament"),)
    assert corrected({"parliment": 1.0, "uk": 2.0}, slips) == {"uk": 2.0, "parliament": 0.7}
    assert corrected({"parliment": 1.0, "parliament": 1.0}, slips) == {"parliament": 1.0}


def test_the_note_has_the_word_as_it_was_typed() -> None:
    slips = (Correction("parliment", "parliament"),)
    assert correction_notes("Who opened Parliment?", slips) == (
        "No document has the word “Parliment”: words on “parliament” were searched for in its "
        "place.",
    )


def test_only_the_first_words_that_stand_nowhere_are_looked_at() -> None:
    unknown = ["4711", "turbine", "gasket", "flange", "nozzle"]
    assert corrections([*unknown, "parliment"], KNOWN) == (Correction("parliment", "parliament"),)
    assert corrections([*unknown, "sprocket", "parliment"], KNOWN) == ()
