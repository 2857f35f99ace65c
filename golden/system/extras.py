"""Extras of the installation: what an import says that needs one which is not installed.

The extras and their packages stand in pyproject.toml. Without any there are PyTorch and NumPy.
"""

import importlib.util
from types import TracebackType
from typing import NoReturn

from golden.system.status import TOOL_MISSING

__all__ = ["ExtraMissing", "needs"]


class ExtraMissing(ModuleNotFoundError):
    """A package of an extra is not installed; `name` is that of the package."""

    exit_status = TOOL_MISSING


class needs:  # It is read as a verb: `with needs("experiments"): import networkx`.
    """A context for imports from packages of an extra: where one is missing, the error names it.

    Parameters
    ----------
    extra
        Its name in pyproject.toml, such as "experiments".

    Raises
    ------
    ExtraMissing
        At the end of the block, if a module that it imports is not there.
    """

    def __init__(self, extra: str) -> None:
        self._extra = extra

    def __enter__(self) -> "needs":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say which extra brings a module that was not found; other errors go on as they are."""
        if isinstance(error, ModuleNotFoundError) and not isinstance(error, ExtraMissing):
            self._refuse(error.name or str(error), error)

    def check(self, *packages: str) -> None:
        """Refuse what cannot be imported, without importing it."""
        for package in packages:
            if importlib.util.find_spec(package) is None:
                self._refuse(package, None)

    def _refuse(self, module: str, error: BaseException | None) -> NoReturn:
        package = module.partition(".")[0]
        raise ExtraMissing(
            f"this needs the package {package}, which is not installed: "
            f"pip install 'clostorus[{self._extra}]'",
            name=package,
        ) from error
