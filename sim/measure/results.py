"""Raw results of measurements, kept so that a run that was stopped goes on where it was."""

import dataclasses
import hashlib
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from golden.system.progress import Progress
from golden.system.runner import Runner, in_turn
from sw_driver.system.kept import read_kept, write_kept

__all__ = ["ROOT", "Bench", "Table", "markdown_table", "paragraphs", "source_digest"]

Key = TypeVar("Key")

_PAGE_COLUMNS = 100
ROOT = Path(__file__).resolve().parents[2]
"""The folder of the project."""


@dataclasses.dataclass(frozen=True)
class Table:
    """A section of the page.

    Parameters
    ----------
    text
        Markdown: tables, and what must be known to read them.
    values
        The same for JSON.
    """

    text: str
    values: Any


@dataclasses.dataclass(frozen=True)
class Bench:
    """What a table is measured with.

    Parameters
    ----------
    folder
        Where raw results are kept, one JSON file each.
    tell
        Told of long work.
    quick
        Measure only what takes a few minutes.
    runner
        Does the jobs that may be done at once, and elsewhere: what times nothing.
    torch_device
        Where PyTorch computes: "cpu" or "cuda".
    """

    folder: Path
    tell: Progress = lambda work, done, total: None
    quick: bool = False
    runner: Runner = in_turn
    torch_device: str = "cpu"

    def result(self, name: str, depends: Mapping[str, Any],
               measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what `measure()` returns, measured once for everything that it depends on.

        A result whose file is damaged is measured again.

        Parameters
        ----------
        name
            Of the measurement: the beginning of its file's name.
        depends
            Everything that may change the result, as JSON can write it.
        measure
            Returns what JSON can write.

        Raises
        ------
        DriverError
            If the file cannot be read or written. One that is damaged is measured again.
        """
        kept = self._kept(name, depends)
        return self._keep(name, depends, measure()) if kept is None else kept

    def results(self, work: str, name: str, depends: Mapping[Key, Mapping[str, Any]],
                make: Callable[[Sequence[Key]], Iterable[tuple[Key, dict[str, Any]]]],
                ) -> dict[Key, dict[str, Any]]:
        """Return many results, each as of `result`; errors as there.

        Parameters
        ----------
        work
            What `tell` hears.
        name, depends
            As of `result`, for each key.
        make
            Yields the results of the keys for which none is kept, as soon as each is known.
        """
        found = {key: self._kept(name, one) for key, one in depends.items()}
        missing = [key for key, one in found.items() if one is None]
        self.tell(work, len(found) - len(missing), len(found))
        for more, (key, result) in enumerate(make(missing) if missing else (), 1):
            found[key] = self._keep(name, depends[key], result)
            self.tell(work, len(found) - len(missing) + more, len(found))
        return {key: one for key, one in found.items() if one is not None}

    def _kept(self, name: str, depends: Mapping[str, Any]) -> dict[str, Any] | None:
        return _kept(self._path(name, depends), json.loads(json.dumps(depends)))

    def _keep(self, name: str, depends: Mapping[str, Any], result: dict[str, Any]
              ) -> dict[str, Any]:
        write_kept(self._path(name, depends), {"depends": depends, "result": result})
        return json.loads(json.dumps(result))

    def _path(self, name: str, depends: Mapping[str, Any]) -> Path:
        key = json.dumps(depends, sort_keys=True)
        return self.folder / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def _kept(path: Path, depends: Mapping[str, Any]) -> dict[str, Any] | None:
    """The result in a file; None if there is none, or it is damaged or of something else."""
    if not path.exists():
        return None
    values = read_kept(path)
    if isinstance(values, dict) and values.get("depends") == depends:
        if isinstance(values.get("result"), dict):
            return values["result"]
    print(f"{path} is damaged: what it is of is measured again", file=sys.stderr)
    return None


def source_digest(*packages: str) -> str:
    """A number that changes when a source file of these packages does."""
    digest = hashlib.sha256()
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.*")):
            if path.suffix in (".py", ".cpp", ".h", ".vlt") and "measure" not in path.parts:
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown; all columns but the first are aligned to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def paragraphs(text: str) -> str:
    """Text in lines of the page's width; empty lines part its paragraphs."""
    parts = (textwrap.fill(" ".join(part.split()), _PAGE_COLUMNS, break_long_words=False,
                           break_on_hyphens=False)
             for part in re.split(r"\n\s*\n", text.strip()))
    return "\n\n".join(parts) + "\n"
