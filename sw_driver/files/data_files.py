"""The files that --data names."""

from pathlib import Path

from golden.data.source import Source, data_files

__all__ = ["known_files", "source_files"]


def source_files(source: Source | None) -> dict[str, tuple[Path, ...]]:
    """Return the files that are read for data, by the option that names them.

    Those of all known names, if no data are given: a model or an artifact may name one of them.

    Raises
    ------
    GoldenError
        If there are no such data.
    """
    if source is None:
        return {"--data": known_files()}
    found = {"--data": data_files(source.data)}
    if source.test_data is not None:
        found["--test-data"] = data_files(source.test_data, "test_data")
    return found


def known_files() -> tuple[Path, ...]:
    """Return the files of all data that come with the program."""
    from golden.data import datasets

    return tuple(path for name in datasets.NAMES for path in datasets.files(name))
