"""Reading pictures of pages: rapidocr with the Chinese and English models in its wheel.

An optional extra. It is given the models' paths, because a model that it misses it would
download; so nothing is fetched and nothing written.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.loaders.pdf.page_layout import layout_text, reading_order
from ingest.loaders.pdf.page_tables import Word

Image = NDArray[np.uint8]  # (height, width, 3): blue, green, red

DPI = 200
MAX_SIDE = 2400  # pixels: A4 at 200 dpi has 2339
# Text is looked for in a smaller picture and read in the large one. Measured on five scans:
# 1280 finds what 2000 does in a third of the time; 960 loses lines.
_DETECTION_SIDE = 1280
_THREADS = 1  # files are parsed side by side already
_SIDEWAYS = 1.5  # height by width of a line's box
# Mean confidence: pages the right way up have 0.95 to 1, upside down 0.7.
_GOOD, _BAD = 0.9, 0.7
_PACKAGES = ("rapidocr", "onnxruntime")


class OcrText(NamedTuple):
    """``confidence``: mean over the letters, 0..1; 0 where nothing was found."""

    text: str
    confidence: float


class _Line(NamedTuple):
    word: Word
    confidence: float


def is_available() -> bool:
    """Whether the extra is installed, its models included."""
    return all(importlib.util.find_spec(name) for name in _PACKAGES) and len(_models()) == 2


def engine() -> str:
    """Name and version; without the version where it is not installed."""
    return f"rapidocr {version('rapidocr')}" if is_available() else "rapidocr"


def read_page(image: Image) -> OcrText:
    """The text in ``image`` in reading order, whichever way up the page was scanned."""
    best = _lines(image)
    for quarters in (1, 3) if _is_sideways(best) else (2,):
        if not best or (_confidence(best) >= _GOOD and not _is_sideways(best)):
            break
        turned = _lines(np.ascontiguousarray(np.rot90(image, quarters)))
        if _is_sideways(best) or _confidence(turned) > _confidence(best):
            best = turned
    if _confidence(best) < _BAD:
        return OcrText("", 0.0)
    text, _ = layout_text(reading_order([line.word for line in best]))
    return OcrText(text, _confidence(best))


def _is_sideways(lines: list[_Line]) -> bool:
    boxes = [line.word for line in lines if len(line.word.text) > 1]
    tall = sum(box.height > _SIDEWAYS * (box.right - box.left) for box in boxes)
    return 2 * tall > len(boxes)


def _confidence(lines: list[_Line]) -> float:
    letters = sum(len(line.word.text) for line in lines)
    return sum(line.confidence * len(line.word.text) for line in lines) / max(1, letters)


def _lines(image: Image) -> list[_Line]:
    return list(_found(_reader()(image)))


def _found(result: Any) -> Iterator[_Line]:
    if result.boxes is None or result.txts is None:
        return
    for box, text, confidence in zip(result.boxes, result.txts, result.scores, strict=True):
        (left, top), (right, bottom) = box.min(axis=0), box.max(axis=0)
        word = Word(text, float(left), float(top), float(right), float(bottom))
        yield _Line(word, float(confidence))


@cache
def _reader() -> Any:
    from rapidocr import RapidOCR  # takes seconds to import

    detection, recognition = _models()
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": MAX_SIDE,
            # Lines upside down are told by the page; judged one by one, upright ones are lost.
            "Global.use_cls": False,
            "Det.model_path": str(detection),
            "Det.limit_type": "max",
            "Det.limit_side_len": _DETECTION_SIDE,
            "Rec.model_path": str(recognition),
            "EngineConfig.onnxruntime.intra_op_num_threads": _THREADS,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


@cache
def _models() -> tuple[Path, ...]:
    """The models that find text and that read it, as far as the package brings them."""
    found = importlib.util.find_spec("rapidocr")
    if found is None or found.origin is None:
        return ()
    folder = Path(found.origin).parent / "models"
    kinds = (sorted(folder.glob(f"*_{kind}_*.onnx")) for kind in ("det", "rec"))
    return tuple(names[-1] for names in kinds if names)
