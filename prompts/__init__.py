"""Prompt templates, one Markdown file per task and language, and examples for two of them.

A template (``answer.en.md``) is a sequence of parts, each opened by a line ``## name``.
Variables are written ``{name}``; every other brace is plain text. Examples (``answer.en.jsonl``)
are one JSON object a line and are shown to the chat model when the setting ``answer.examples``
is on. What a file must have is checked when it is loaded, see
``rag_service/generation/prompt_files.py`` and ``docs/prompts.md``. To change the wording, put a
file of the same name into the folder that the setting ``prompts_dir`` names.
"""
