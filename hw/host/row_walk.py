"""`RowWalk`: the walk of a host op over repetitions, rows and beats."""

from amaranth import *

from ..cells.countdown import Countdown

__all__ = ["RowWalk"]


class RowWalk:
    """How far the op in progress is: beats of one row, of the next one, and so in each repetition.

    Or of all rows at once, or of none: then a repetition has the beats of one row. Its owner calls
    `advance` once, and adds the statements of `start` behind that.

    Parameters
    ----------
    config : TorusConfig

    Attributes
    ----------
    active : Signal(1)
        An op is in progress.
    of_row : Signal(rows)
        Which rows are meant: one of them, all or none.
    """

    def __init__(self, config):
        self.active = Signal()
        self.of_row = Signal(config.rows)
        self._beats_of_row = Signal(config.count_bits, name="beats_of_row")
        self._beats = Countdown(config.count_bits, "beats")  # Of this row.
        self._reps = Countdown(config.rep_bits, "reps")      # After this one.

    def advance(self, m, passed, at_once):
        """Go on by a beat where `passed`; `at_once`: this op does not go from row to row.

        Returns
        -------
        Value
            That beat is the last of the op, which ends.
        """
        last_row = at_once | self.of_row[-1]
        at_last = self._beats.last & last_row & ~self._reps.some
        ends = at_last & passed
        with m.If(passed):
            m.d.sync += self._beats.step()
        with m.If(passed & self._beats.last):
            m.d.sync += [
                *self._beats.start(self._beats_of_row),
                self.of_row.eq(self.of_row.rotate_left(1)),
            ]
            with m.If(last_row):
                m.d.sync += self._reps.step()
        with m.If(ends):
            m.d.sync += [self.active.eq(0), self.of_row.eq(0)]
        return ends

    def start(self, rows, beats, reps):
        """Statements that begin an op of `reps` + 1 repetitions, `beats` a row, at these `rows`."""
        return [
            self.active.eq(1),
            self.of_row.eq(rows),
            self._beats_of_row.eq(beats),
            *self._beats.start(beats),
            *self._reps.start(reps),
        ]
