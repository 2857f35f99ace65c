"""Traces of simulations of blocks, drawn as text: a column a clock cycle, a line a signal."""

from typing import NamedTuple

from tests.support.hw_bench import simulate

__all__ = ["Trace", "later", "settings", "trace"]

_CELL = 4


class Trace(NamedTuple):
    """What a simulation showed: for each name a value per cycle, None where it means nothing.

    `bits` names those that are drawn as levels; the others are drawn as numbers. A cycle is `cell`
    characters wide.
    """

    values: dict
    bits: frozenset
    cell: int = _CELL

    def text(self):
        """The lines of the waveform."""
        width = max(map(len, self.values)) + 2
        cycles = range(len(next(iter(self.values.values()))))
        lines = [f"{'cycle':<{width}}{_numbers(cycles, self.cell)}"]
        for name, values in self.values.items():
            draw = _levels if name in self.bits else _numbers
            lines.append(f"{name:<{width}}{draw(values, self.cell)}")
        return [line.rstrip() for line in lines]


def _levels(values, cell):
    text, before = "", values[0]
    for value in values:
        level = "‾" if value else "_"
        edge = level if value == before else "/" if value else "\\"
        text += edge + level * (cell - 1)
        before = value
    return text


def _numbers(values, cell):
    return "".join(f"{'.' if value is None else value:<{cell}}" for value in values)


def trace(dut, cycles, shown, drivers, *, wait=None, cell=_CELL):
    """Simulate and record.

    Parameters
    ----------
    dut, cycles
        What is simulated, and for how long.
    shown
        By name: a signal of 1 bit; or (value, valid signal, how it is written).
    drivers
        Testbenches that give the inputs.
    wait
        A testbench that ends where the record begins; by default it begins at once.
    cell
        See `Trace`.
    """
    values = {name: [] for name in shown}

    async def watch(ctx):
        flat = [signal for one in shown.values()
                for signal in (one[:2] if isinstance(one, tuple) else (one,))]
        if wait is not None:
            await wait(ctx)
        for _ in range(cycles):
            _, _, *sampled = await ctx.tick().sample(*flat)
            for name, one in shown.items():
                value = sampled.pop(0)
                if isinstance(one, tuple):
                    value = one[2](value) if sampled.pop(0) else None
                values[name].append(value)

    simulate(dut, watch, *drivers)
    bits = frozenset(name for name, one in shown.items() if not isinstance(one, tuple))
    return Trace(values, bits, cell)


def settings(*changes):
    """A testbench that sets signals: (cycle, {signal: value}), in the order of cycles."""
    async def testbench(ctx):
        now = 0
        for cycle, values in changes:
            while now < cycle:
                await ctx.tick()
                now += 1
            for signal, value in values:
                ctx.set(signal, value)
    return testbench


def later(cycle, testbench):
    """A testbench that begins some cycles later."""
    async def delayed(ctx):
        for _ in range(cycle):
            await ctx.tick()
        await testbench(ctx)
    return delayed
