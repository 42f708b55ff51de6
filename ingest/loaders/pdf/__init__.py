"""PDF: two engines, OCR, and what pages have in common."""
