"""PDF through pypdfium2: text by its place on the page, and pictures of pages."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.metadata import version
from itertools import islice
from typing import Any, NamedTuple
from unicodedata import east_asian_width

import numpy as np
from numpy.typing import NDArray
from pypdfium2 import PdfDocument, PdfiumError, PdfPage, raw

from ingest.loaders.pdf.page_layout import layout_text, reading_order
from ingest.loaders.pdf.page_tables import Word

ENGINE = f"pypdfium2 {version('pypdfium2')}"

_CELL_GAP = 1.0  # of the letter's height: further apart, two letters stand in two cells
_RETURN = 1.0  # of the letter's height: this far back, another line has begun
_MIN_OVERLAP = 0.3  # of the letter's height: less, and it is another line
_TOLERANCE = 2.0  # points that text may stand over the page's edge
_MAX_LETTERS = 300_000  # of a page; a page of fine print has 10,000
_LINE_END_HYPHEN = "\x02"  # what pdfium makes of it
MAX_IMAGE_PIXELS = 80_000_000  # A1 at 300 dpi has 70 million; unpacked, 3 to 12 bytes each
_MAX_IMAGES = 10_000  # of a page, looked at
_THUMBNAIL_SIDE = 256  # pixels: enough to see that something is on a page
_BLANK_RANGE = 8  # of 255 levels of grey

Bounds = tuple[float, float, float, float]  # left, bottom, right, top
Image = NDArray[np.uint8]  # (height, width, 3): blue, green, red


class PlacedText(NamedTuple):
    """``off_page`` counts the letters beyond the page's edge, which are not in ``text``."""

    text: str
    has_tables: bool = False
    off_page: int = 0


class _Letter(NamedTuple):
    """A box in a frame in which the text is upright and y grows downwards, in points.

    ``angle``: degrees clockwise by which the text was turned, a multiple of 90.
    ``space``: white space stood before it.
    """

    char: str
    left: float
    top: float
    right: float
    bottom: float
    angle: int
    space: bool


def open_document(data: bytes, password: str) -> PdfDocument:
    """Raises pypdfium2.PdfiumError."""
    return PdfDocument(data, password=password or None)


def needs_password(error: PdfiumError) -> bool:
    return "password" in str(error).lower()


def page_text(page: PdfPage) -> PlacedText:
    """The text of ``page``, the rows of its tables kept together."""
    with closing(page.get_textpage()) as textpage:
        letters = list(islice(_letters(textpage.raw), _MAX_LETTERS))
    inside = [letter for letter in letters if _is_inside(letter, page.get_bbox())]
    groups: dict[int, list[Word]] = {}
    for run in _runs(inside):
        groups.setdefault(run[0].angle, []).append(_word(run))
    blocks: list[str] = []
    has_tables = False
    for angle, pieces in sorted(groups.items(), key=lambda item: -len(item[1])):
        is_turned = angle != 0 or page.get_rotation() != 0
        text, found = layout_text(reading_order(pieces) if is_turned else pieces)
        blocks.append(text)
        has_tables |= found
    return PlacedText("\n".join(blocks), has_tables, len(letters) - len(inside))


def _letters(textpage: Any) -> Iterator[_Letter]:
    """All that is not white space, in the order in which pdfium reads the page."""
    box = raw.FS_RECTF()
    reference = ctypes.byref(box)
    space = False
    for index in range(raw.FPDFText_CountChars(textpage)):
        char = chr(raw.FPDFText_GetUnicode(textpage, index))
        if char.isspace() or char == "\0":
            space = True
            continue
        raw.FPDFText_GetLooseCharBox(textpage, index, reference)
        angle = round(math.degrees(raw.FPDFText_GetCharAngle(textpage, index)) / 90) * 90 % 360
        char = "-" if char == _LINE_END_HYPHEN else char
        yield _Letter(char, *_upright(box, angle), angle, space)
        space = False


def _upright(box: Any, angle: int) -> Bounds:
    """Left, top, right, bottom of ``box`` (y growing upwards) with its text turned upright."""
    if angle == 90:
        return -box.top, -box.right, -box.bottom, -box.left
    if angle == 180:
        return -box.right, box.bottom, -box.left, box.top
    if angle == 270:
        return box.bottom, box.left, box.top, box.right
    return box.left, -box.top, box.right, -box.bottom


def _is_inside(letter: _Letter, bounds: Bounds) -> bool:
    """Whether the middle of ``letter`` is on the page."""
    left, bottom, right, top = bounds
    along = (letter.left + letter.right) / 2
    down = (letter.top + letter.bottom) / 2
    x, y = {
        0: (along, -down),
        90: (-down, -along),
        180: (-along, down),
        270: (down, along),
    }[letter.angle]
    in_width = left - _TOLERANCE <= x <= right + _TOLERANCE
    return in_width and bottom - _TOLERANCE <= y <= top + _TOLERANCE


def _runs(letters: Sequence[_Letter]) -> Iterator[list[_Letter]]:
    """The letters of each word."""
    run: list[_Letter] = []
    for letter in letters:
        if run and (letter.space or _is_apart(run[-1], letter)):
            yield run
            run = []
        run.append(letter)
    if run:
        yield run


def _is_apart(last: _Letter, letter: _Letter) -> bool:
    heights = last.bottom - last.top, letter.bottom - letter.top
    height = max(heights)
    if letter.angle != last.angle or letter.left < last.left - _RETURN * height:
        return True
    if letter.left > last.right + _CELL_GAP * height:
        return True
    overlap = min(last.bottom, letter.bottom) - max(last.top, letter.top)
    return overlap < _MIN_OVERLAP * min(heights) and not _is_vertical(last, letter)


def _is_vertical(last: _Letter, letter: _Letter) -> bool:
    """Whether ``letter`` continues a line of Chinese or Japanese written downwards."""
    is_wide = all(east_asian_width(item.char) in "WF" for item in (last, letter))
    shift = abs(letter.left - last.left)
    return is_wide and letter.top > last.top and shift < _MIN_OVERLAP * (last.bottom - last.top)


def _word(letters: Sequence[_Letter]) -> Word:
    text = "".join(letter.char for letter in letters)
    return Word(
        # pdfium gives characters beyond U+FFFF in halves.
        text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
        min(letter.left for letter in letters),
        min(letter.top for letter in letters),
        max(letter.right for letter in letters),
        max(letter.bottom for letter in letters),
    )


def is_blank(page: PdfPage) -> bool:
    """Whether nothing can be seen on ``page``."""
    scale = _THUMBNAIL_SIDE / max(*page.get_size(), 1.0)
    with closing(page.render(scale=scale, grayscale=True)) as bitmap:
        levels = bitmap.to_numpy()
        return int(levels.max()) - int(levels.min()) <= _BLANK_RANGE


def largest_image(page: PdfPage) -> int:
    """Pixels of the largest image on ``page``, by what it says of itself."""
    return max((math.prod(image.get_px_size()) for image in _images(page)), default=0)


def image_cover(page: PdfPage) -> float:
    """Share of the page's area that images take; those that overlap count twice."""
    width, height = page.get_size()
    boxes = (image.get_bounds() for image in _images(page))
    covered = sum((right - left) * (top - bottom) for left, bottom, right, top in boxes)
    return float(covered / max(1.0, width * height))


def _images(page: PdfPage) -> Iterator[Any]:
    return islice(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE]), _MAX_IMAGES)


def render(page: PdfPage, *, dpi: float, max_side: int) -> Image:
    """A picture of ``page``, its longer side at most ``max_side`` pixels."""
    scale = min(dpi / 72, max_side / max(*page.get_size(), 1.0))
    with closing(page.render(scale=scale)) as bitmap:
        return np.array(bitmap.to_numpy()[:, :, :3], dtype=np.uint8)
