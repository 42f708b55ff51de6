"""How a prompt is cut into batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.generation.llama_decoding import batch_ends


@pytest.mark.parametrize(
    ("length", "stable", "ends"),
    [
        (1, 0, [1]),
        (128, 0, [128]),
        (300, 0, [128, 256, 300]),
        (300, 40, [40, 168, 296, 300]),
        (300, 128, [128, 256, 300]),
        (300, 200, [128, 200, 300]),
    ],
)
def test_a_batch_ends_where_all_prompts_go_apart(length: int, stable: int, ends: list[int]) -> None:
    assert batch_ends(length, stable, 128) == ends


@given(st.integers(1, 5000), st.integers(0, 5000), st.integers(1, 600))
def test_batches_cover_the_prompt_in_order_and_none_is_too_long(
    length: int, stable: int, size: int
) -> None:
    ends = batch_ends(length, min(stable, length - 1), size)
    steps = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    assert ends[-1] == length
    assert all(0 < step <= size for step in steps)
