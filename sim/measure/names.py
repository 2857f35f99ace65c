"""What users name of the tables of docs/benchmarks.md. Nothing slow is imported here."""

__all__ = ["DEVICES", "TABLE_NAMES"]

TABLE_NAMES = (
    "utilisation", "systolic", "dense", "training", "training-systolic", "learning", "software",
    "area", "training-area", "simulation",
)  # fmt: skip
"""Keys of `sim.measure.tables.TABLES`, in the order of the page."""

DEVICES = ("cpu", "cuda")
"""Where PyTorch may compute."""
