"""What both indexes give back, from a snapshot or a replay."""

from __future__ import annotations

import numpy as np

from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.library import Library
from tests.integration.collection.parts import lexical, nearest
from tests.stored import letters, put


def test_a_snapshot_and_a_replay_give_the_same_results(
    library: Library, writer: CollectionWriter
) -> None:
    for number in range(20):
        put(writer.catalog, f"{number}.txt", [f"{chr(97 + number)} apple", "pear"])
    writer.catalog.remove_document(3)
    writer.publish()
    replayed = library.open("fruit").view()
    writer.finish()
    put(writer.catalog, "0.txt", ["a lemon"])
    writer.publish()
    fresh = Library(library.home("fruit").folder.parent.parent)
    from_snapshot = fresh.open("fruit").view()
    assert from_snapshot.dense.base_seq == 21
    assert replayed.dense.base_seq == 0
    current = library.open("fruit").view()
    assert nearest(from_snapshot, "lemon")[0] == nearest(current, "lemon")[0] == "a lemon"
    assert from_snapshot.dense.ids() == current.dense.ids()
    fresh.close()


def test_a_long_query_is_cut_to_its_rarest_terms(
    library: Library, writer: CollectionWriter
) -> None:
    for number in range(30):
        put(writer.catalog, f"{number}.txt", ["common words everywhere"])
    put(writer.catalog, "rare.txt", ["quetzal"])
    writer.publish()
    absent = [f"absent{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(200)]
    terms = ["common", "words", *absent, "quetzal"]
    assert lexical(library.open("fruit").view(), *terms)[0] == "quetzal"


def test_equal_scores_come_in_the_order_of_ingestion(
    library: Library, writer: CollectionWriter
) -> None:
    for number in range(5):
        put(writer.catalog, f"{number}.txt", ["same text"])
    writer.publish()
    view = library.open("fruit").view()
    ids = [chunk_id for chunk_id, _ in view.search_lexical({"same": 1.0}, 5, None)]
    assert ids == sorted(ids)
    vector = letters("same text")
    assert vector is not None
    dense = [chunk_id for chunk_id, _ in view.search_dense(vector, 5, None)]
    assert dense == sorted(dense)
    assert np.allclose([score for _, score in view.search_dense(vector, 5, None)], 1, atol=1e-3)


def test_idf_stays_positive_when_most_chunks_were_replaced(
    library: Library, writer: CollectionWriter
) -> None:
    for _ in range(4):
        for number in range(9):
            put(writer.catalog, f"{number}.txt", [f"acme {number}"])
        writer.publish()
    assert library.open("fruit").view().idf("acm") >= 0
