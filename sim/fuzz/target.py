"""What is fuzzed: a target draws cases by number, tries one, and says what is smaller."""

import abc
import copy
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from sim.fuzz.edits import apply_to_bytes, draw_byte_edit, drawn
from sw_driver.system.scratch import temporary_folder

__all__ = ["Case", "FileTarget", "Target"]

Case = dict[str, Any]
"""Plain values that JSON can hold: all that an input is made of."""


class Target(abc.ABC):
    """Something that takes inputs of strangers, or must equal something else.

    Attributes
    ----------
    name
        As the command line has it.
    job_inputs
        Inputs that are tried together: so many that they take 0.2 s or more.
    goal
        Inputs of a whole campaign.
    limit_s
        Of one input; what takes longer counts as a crash.
    memory_bytes
        That one process may come to need beyond what it had; more counts as a crash.
    weight
        Its share of the time, beside those of the others.
    """

    name: str
    job_inputs: int
    goal: int = 100_000
    limit_s: float = 20.0
    memory_bytes: int = 1 << 30
    weight: float = 1.0

    @abc.abstractmethod
    def draw(self, random: Random, number: int) -> Case:
        """Draw the input of this number."""

    @abc.abstractmethod
    def attempt(self, case: Case, folder: Path) -> None:
        """Try an input; what it raises but errors that users are told in a line is a crash.

        Parameters
        ----------
        case
            The input.
        folder
            Where a file may be put.
        """

    @abc.abstractmethod
    def smaller(self, case: Case) -> Iterator[Case]:
        """Yield inputs that are simpler by one thing, the simplest first."""

    def content(self, case: Case, folder: Path) -> bytes | None:
        """Return the file of an input, or its bytes; None if it has none."""
        return None

    def warm(self) -> None:  # noqa: B027
        """Make and import what all inputs need, before processes are forked that try them."""

    def case(self, seed: int, number: int) -> Case:
        """Return the input of this number of a campaign with this seed."""
        return self.draw(Random(f"{self.name}/{seed}/{number}"), number)


class FileTarget(Target):
    """A reader of files: a whole file, changed inside and then as bytes.

    Attributes
    ----------
    suffix
        Of the name of its files.
    bases
        How many whole files there are to begin with.
    """

    suffix: str
    bases: int = 1
    most_edits = 4

    @abc.abstractmethod
    def draw_inside(self, random: Random) -> list[Any]:
        """Draw one change of what the file holds."""

    @abc.abstractmethod
    def made(self, base: int, inside: list[Any], folder: Path) -> bytes:
        """Return a whole file with changes of what it holds, its digests computed anew."""

    @abc.abstractmethod
    def read(self, path: Path) -> None:
        """Read a file as users' commands do."""

    def draw(self, random: Random, number: int) -> Case:
        """Three of four inputs are changed inside, a third of all as bytes."""
        kind = random.randrange(12)
        inside = drawn(random, self.draw_inside, self.most_edits) if kind < 9 else []
        outside = drawn(random, draw_byte_edit, self.most_edits) if kind >= 8 else []
        return {"base": random.randrange(self.bases), "inside": inside, "outside": outside}

    def content(self, case: Case, folder: Path) -> bytes:
        """Return the file."""
        whole = self.made(case["base"], copy.deepcopy(case["inside"]), folder)
        return apply_to_bytes(whole, case["outside"])

    def attempt(self, case: Case, folder: Path) -> None:
        """Write the file and read it."""
        path = folder / f"input{self.suffix}"
        path.write_bytes(self.content(case, folder))
        self.read(path)

    def warm(self) -> None:
        """Read every whole file, which must be taken."""
        with temporary_folder() as folder:
            for base in range(self.bases):
                self.attempt({"base": base, "inside": [], "outside": []}, folder)

    def smaller(self, case: Case) -> Iterator[Case]:
        """Leave out changes, half of them or one; begin with another file."""
        for part in ("outside", "inside"):
            edits = case[part]
            if len(edits) > 2:
                yield {**case, part: edits[: len(edits) // 2]}
                yield {**case, part: edits[len(edits) // 2 :]}
            for number in range(len(edits)):
                yield {**case, part: edits[:number] + edits[number + 1 :]}
        if case["base"]:
            yield {**case, "base": 0}
