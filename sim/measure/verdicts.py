"""Verdicts on measured figures, and how many there are of each."""

__all__ = ["Verdicts"]

_MET, _MISSED, _NO_AIM = "met", "**missed**", "-"


class Verdicts:
    """Says of each figure whether its aim is met, and counts what it said.

    Attributes
    ----------
    met, missed : int
        How many aims were.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.met = self.missed = 0

    def at_least(self, value: float, aim: float | None) -> str:
        """Return "met" if a value is not below its aim, "**missed**", or "-" without an aim."""
        return self._said(None if aim is None else value >= aim)

    def at_most(self, value: float, aim: float | None) -> str:
        """Return the same of a value that should not be above its aim."""
        return self._said(None if aim is None else value <= aim)

    def _said(self, met: bool | None) -> str:
        if met is None:
            return _NO_AIM
        self.met += met
        self.missed += not met
        return _MET if met else _MISSED

    def __str__(self) -> str:
        """Say how many aims there are; nothing if there is none."""
        total = self.met + self.missed
        return f"Of {total} aims, {self.met} are met and {self.missed} missed." if total else ""
