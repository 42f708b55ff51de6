"""Where collections live: one SQLite truth and two indexes derived from it."""
