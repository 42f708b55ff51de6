"""Copying one catalog's documents into another that has other vectors for them.

Tables and columns are read from the catalog itself, so that none is forgotten when one is
added. Ids and change numbers stay, so indexes over an earlier state of the same documents can
catch up. Works within the caller's transaction; the other catalog is attached as ``source``.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag_service.store.catalog_file import Connection

# Each catalog's own: who it is, its vectors, and files in the making, which reference vectors.
_LEFT_BEHIND = {"meta", "vectors", "staged_documents", "staged_text", "staged_chunks"}


def copy_documents(db: Connection, keys: Sequence[tuple[int, bytes]]) -> None:
    """Everything but vectors; chunks get the vector keys given, as ``(chunk_id, vector_key)``."""
    db.execute("CREATE TEMP TABLE vector_keys (chunk_id INTEGER PRIMARY KEY, vector_key BLOB)")
    db.executemany("INSERT INTO vector_keys VALUES (?, ?)", keys)
    tables = _tables(db)
    for table in reversed(tables):  # what references before what is referenced
        db.execute(f"DELETE FROM main.{table}")
    for table in tables:
        _copy(db, table)
    # Ids are never reused, not even those of what was deleted before.
    db.execute("DELETE FROM main.sqlite_sequence")
    db.execute("INSERT INTO main.sqlite_sequence SELECT * FROM source.sqlite_sequence")
    db.execute("DROP TABLE vector_keys")


def _tables(db: Connection) -> list[str]:
    """The tables to be copied, in the order in which they were made."""
    rows = db.execute(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "ORDER BY rowid"
    )
    return [name for (name,) in rows if name not in _LEFT_BEHIND]


def _copy(db: Connection, table: str) -> None:
    columns = [row[1] for row in db.execute(f"PRAGMA main.table_info({table})")]
    values = [f"k.{c}" if c == "vector_key" else f"t.{c}" for c in columns]
    keyed = "JOIN vector_keys k USING (chunk_id)" if "vector_key" in columns else ""
    db.execute(
        f"INSERT INTO main.{table} ({', '.join(columns)}) "
        f"SELECT {', '.join(values)} FROM source.{table} t {keyed}"
    )
