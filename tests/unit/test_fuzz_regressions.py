"""What the fuzzer (`python -m benchmarks.fuzz`) found, each as the smallest input that shows it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from ingest.decoding import decode
from ingest.loaders import LoadOptions, load_bytes
from rag_service.types import LoadedText

_HANG_S = 20  # of CPU time: a hundred times what any test here takes


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """Ends a test that would go on for hours."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError("This takes far too long: is it quadratic?")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, _HANG_S)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


def load(name: str, data: bytes) -> LoadedText:
    return load_bytes(name, data, LoadOptions(ocr=False))


def test_a_long_line_of_ascii_in_a_legacy_encoding_is_decoded_without_delay() -> None:
    text = "x" * 500_000 + "\n每十四天更换一次滤网，轴承每年加油。\n"
    decoded = decode(text.encode("gb18030"))
    assert (decoded.text, decoded.encoding) == (text, "gb18030")
