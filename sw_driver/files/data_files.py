"""The files that --data names."""

from pathlib import Path

__all__ = ["array_files", "data_files"]


def data_files(data: str | None) -> tuple[Path, ...]:
    """Return the files that `load_samples` would read; those of all known names if it is None.

    Raises
    ------
    GoldenError
        If there is no such dataset.
    """
    if data is not None and data.endswith(".npy"):
        return (Path(data),)
    from golden.data import datasets

    if data is None:
        return tuple(path for name in datasets.NAMES for path in datasets.files(name))
    return datasets.files(data)


def array_files(data: str | None) -> tuple[Path, ...]:
    """Return what of `data_files` is known before PyTorch is imported: an array file."""
    return data_files(data) if data is not None and data.endswith(".npy") else ()
