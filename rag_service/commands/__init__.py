"""The commands of `rag`, each a thin function; `cli.py` puts them together."""
