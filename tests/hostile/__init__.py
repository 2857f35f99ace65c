"""Hostile inputs: what users, files and signals can do, and what must come of it.

Each module lists cases of one group (`case.Case`); `tests/hostile/test_inputs.py` tries them, and
`python -m tests.hostile.table` counts them for docs/verification.md.
"""
