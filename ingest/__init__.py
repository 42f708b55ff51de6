"""Batch ingestion: makes a collection a mirror of a folder."""
