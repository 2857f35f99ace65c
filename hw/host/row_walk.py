"""`RowWalk`: the walk of a host op over repetitions, rows and beats."""

from amaranth import *

from ..cells.countdown import Countdown

__all__ = ["RowWalk"]


class RowWalk:
    """Counts how far a host op is: in each repetition it goes over the beats of row after row.

    An op may also be about all rows at once, or about none; a repetition then has as many beats as
    one row has otherwise. The owner calls `advance` once, and adds the statements of `start` behind
    that.

    Parameters
    ----------
    config : TorusConfig

    Attributes
    ----------
    active : Signal(1)
        An op is in progress.
    of_row : Signal(rows)
        The rows that the coming beat is for: one of them, all or none.
    """

    def __init__(self, config):
        self.active = Signal()
        self.of_row = Signal(config.rows)
        self._beats_of_row = Signal(config.count_bits, name="beats_of_row")
        self._beats = Countdown(config.count_bits, "beats")  # Beats left of this row.
        self._reps = Countdown(config.rep_bits, "reps")      # Repetitions after this one.

    def advance(self, m, passed, at_once):
        """Go on by a beat where `passed` is high. `at_once` is high in an op for all rows or none.

        Returns
        -------
        Value
            High with the op's last beat, which ends the op.
        """
        last_row = at_once | self.of_row[-1]
        at_last = self._beats.last & last_row & ~self._reps.some
        ends = at_last & passed
        with m.If(passed):
            with m.If(self._beats.last):
                m.d.sync += [
                    *self._beats.start(self._beats_of_row),
                    self.of_row.eq(self.of_row.rotate_left(1)),
                ]
                with m.If(last_row):
                    m.d.sync += self._reps.step()
            with m.Else():
                m.d.sync += self._beats.step()
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
