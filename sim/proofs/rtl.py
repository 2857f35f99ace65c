"""The RTL under proof: as it is, or a copy in memory with one line changed."""

import importlib
import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

import hw

from ..errors import SimError

__all__ = ["Mutant", "MutantMisplaced", "Rtl"]

_FOLDER = Path(hw.__file__).parent
_numbers = itertools.count()


class MutantMisplaced(SimError):
    """The text that a mutant replaces is not in its file exactly once."""


@dataclass(frozen=True)
class Mutant:
    """A mistake that someone could make in a file of `hw`.

    Parameters
    ----------
    mistake
        What it is, in words.
    file
        The file, from the folder `hw`.
    old, new
        Text that is in the file exactly once, and what stands there instead.
    caught_by
        Name of the proof that must fail.
    slow
        A counterexample takes more than some seconds.
    """

    mistake: str
    file: str
    old: str
    new: str
    caught_by: str
    slow: bool = False

    def applied(self, text: str) -> str:
        """Return the text of the file with the mistake.

        Raises
        ------
        MutantMisplaced
            The file has changed: the old text is not in it exactly once.
        """
        found = text.count(self.old)
        if found != 1:
            raise MutantMisplaced(f"mutant {self.mistake!r}: {self.old!r} is in hw/{self.file} "
                                  f"{found} times, not once")
        return text.replace(self.old, self.new)


class Rtl:
    """Gives the modules of `hw`, or those of a copy of it with a mutant.

    Nothing on disk changes, and the modules of `hw` that others have imported stay what they are.
    """

    def __init__(self, mutant: Mutant | None = None) -> None:
        self._package = "hw"
        self._finder: _CopyFinder | None = None
        if mutant is not None:
            self._package = f"hw_mutant_{next(_numbers)}"
            self._finder = _CopyFinder(self._package, mutant)

    def module(self, name: str) -> ModuleType:
        """Return a module by its name inside the package: `ring.gather`."""
        with self._importable():
            return importlib.import_module(f"{self._package}.{name}")

    @contextmanager
    def _importable(self) -> Iterator[None]:
        if self._finder is None:
            yield
            return
        sys.meta_path.insert(0, self._finder)
        try:
            yield
        finally:
            sys.meta_path.remove(self._finder)


class _CopyFinder(MetaPathFinder, Loader):
    """Imports a package from the files of `hw` under another name; its imports are relative."""

    def __init__(self, package: str, mutant: Mutant) -> None:
        self._package = package
        self._mutant = mutant

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname.split(".")[0] != self._package:
            return None
        return spec_from_loader(fullname, self, is_package=self._path(fullname).is_dir())

    def exec_module(self, module: ModuleType) -> None:
        path = self._path(module.__name__)
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        text = file.read_text()
        if file.relative_to(_FOLDER).as_posix() == self._mutant.file:
            text = self._mutant.applied(text)
        exec(compile(text, str(file), "exec"), module.__dict__)

    @staticmethod
    def _path(fullname: str) -> Path:
        """A module's file without its suffix, or a package's folder."""
        return _FOLDER.joinpath(*fullname.split(".")[1:])
