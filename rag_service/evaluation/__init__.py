"""Measuring a collection with questions whose answers are known: what `rag eval` does.

`questions.py` reads the questions, `runner.py` asks them of a `target.py` and judges each with
`metrics.py`; `summary.py` and `comparison.py` put figures on a run and on a pair of runs, and
`report.py` and `plot.py` show them. `drafting.py` writes questions with a chat model.
"""
