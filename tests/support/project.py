"""Where the project lies."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""Its root: pages, programs and the Makefile are found from here."""
