"""Prompt templates, one Markdown file per task and language.

A file is a sequence of parts, each opened by a line ``## name``. Variables are written
``{name}``; every other brace is plain text. Which parts and variables a file must have is
checked when it is loaded, see ``rag_service/generation/prompts.py``. To change the wording,
put a file of the same name into the folder that the setting ``prompts_dir`` names.
"""
