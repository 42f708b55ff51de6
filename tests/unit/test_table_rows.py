"""What is a row of a table, and what its columns are called."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from rag_service.generation.table_rows import is_table_head
from rag_service.types import Chunk


def chunk(text: str) -> Chunk:
    return Chunk(1, 1, 0, "a.md", "", "", None, 0, len(text), text)


@pytest.mark.parametrize("rule", ["|---|---|", "---|---", ":--: | --", "+----+----+", "--"])
def test_a_row_of_dashes_and_the_names_above_it_are_the_head(rule: str) -> None:
    source = chunk(f"A | B\n{rule}\n1 | 2")
    assert is_table_head(source, 0, 5)
    assert is_table_head(source, 6, 6 + len(rule))
    assert not is_table_head(source, 7 + len(rule), len(source.text))


def test_a_first_row_of_three_names_is_the_head_without_a_rule() -> None:
    source = chunk("Room | Seats | Floor\nFleet | 20 | 4\nThames | 8 | 2")
    assert is_table_head(source, 0, 20)
    assert not is_table_head(source, 21, 35)
    assert not is_table_head(chunk("Room | Fleet\nSeats | 20"), 0, 12)
    assert not is_table_head(chunk("Room | Seats | Floor\nare listed below"), 0, 20)


def test_a_row_of_words_that_nothing_tells_from_names_is_not_the_head() -> None:
    staff = chunk("Ann | Sales | Berlin\nBob | Support | Paris")
    assert not is_table_head(staff, 0, 20)


def test_the_first_row_of_a_passage_is_not_the_head_where_the_table_began_before_it() -> None:
    rooms = chunk("Fleet | large | east\nThames | 8 | 2")
    assert is_table_head(rooms, 0, 20)
    assert not is_table_head(replace(rooms, table_header="Room | Seats | Floor"), 0, 20)


def test_a_long_row_of_dashes_before_words_is_looked_at_once() -> None:
    text = "-" * 3_000 + " " * 3_000 + "Section 3"
    started = time.perf_counter()
    assert not is_table_head(chunk(text), 0, len(text))
    assert time.perf_counter() - started < 1
