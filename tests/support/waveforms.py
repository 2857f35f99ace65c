"""The waveforms of docs/waveforms.md, as text, from simulations of the blocks.

    python -m tests.support.waveforms            # Prints them.
    python -m tests.support.waveforms --write    # Puts them into the page.

`tests/docs/test_waveforms.py` holds what stands in the page against them.
"""

import sys
from typing import NamedTuple

from hw.cells.credits import Credits
from hw.mac.mac import READ_CYCLES, Mac
from hw.op_fields import GatherKind
from hw.presets import TEST
from hw.ring.gather import RingGather
from tests.support.hw_bench import putter, simulate
from tests.support.pictures import fenced, print_or_write
from tests.support.project import ROOT

__all__ = ["PAGE", "WAVEFORMS", "Trace", "credit_counter", "forwarded_words", "main", "own_words",
           "step_to_result"]

PAGE = ROOT / "docs" / "waveforms.md"
_CELL = 4  # Characters of a cycle.


class Trace(NamedTuple):
    """What a simulation showed: for each name a value per cycle, None where it means nothing.

    `bits` names those that are drawn as levels; the others are drawn as numbers.
    """

    values: dict
    bits: frozenset

    def text(self):
        """The lines of the waveform."""
        width = max(map(len, self.values)) + 2
        cycles = range(len(next(iter(self.values.values()))))
        lines = [f"{'cycle':<{width}}" + "".join(f"{cycle:<{_CELL}}" for cycle in cycles)]
        for name, values in self.values.items():
            draw = _levels if name in self.bits else _numbers
            lines.append(f"{name:<{width}}{draw(values)}")
        return [line.rstrip() for line in lines]


def _levels(values):
    text, before = "", values[0]
    for value in values:
        level = "‾" if value else "_"
        edge = level if value == before else "/" if value else "\\"
        text += edge + level * (_CELL - 1)
        before = value
    return text


def _numbers(values):
    return "".join(f"{'.' if value is None else value:<{_CELL}}" for value in values)


def _trace(dut, cycles, shown, drivers):
    """Simulate and record.

    Parameters
    ----------
    dut, cycles
        What is simulated, and for how long.
    shown
        By name: a signal of 1 bit; or (value, valid signal, how it is written).
    drivers
        Testbenches that give the inputs.
    """
    values = {name: [] for name in shown}

    async def watch(ctx):
        flat = [signal for one in shown.values()
                for signal in (one[:2] if isinstance(one, tuple) else (one,))]
        for _ in range(cycles):
            _, _, *sampled = await ctx.tick().sample(*flat)
            for name, one in shown.items():
                value = sampled.pop(0)
                if isinstance(one, tuple):
                    value = one[2](value) if sampled.pop(0) else None
                values[name].append(value)

    simulate(dut, watch, *drivers)
    bits = frozenset(name for name, one in shown.items() if not isinstance(one, tuple))
    return Trace(values, bits)


def _settings(*changes):
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


def _later(cycle, testbench):
    async def delayed(ctx):
        for _ in range(cycle):
            await ctx.tick()
        await testbench(ctx)
    return delayed


def _hop(node):
    return {
        "i.valid": node.i.valid, "i.ready": node.i.ready,
        "i.payload": (node.i.payload, node.i.valid, "{:X}".format),
        "o.valid": node.o.valid, "o.ready": node.o.ready,
        "o.payload": (node.o.payload, node.o.valid, "{:X}".format),
        "retired": node.pe.retired,
    }


def _gather(own, recv):
    return {"kind": GatherKind.GATHER, "own": own, "recv": recv, "need_first": own > 0, "lag": 1}


def forwarded_words():
    """A node without own words passes four words on; its neighbour waits for two cycles."""
    node = RingGather(TEST)
    return _trace(node, 13, _hop(node), [
        putter(node.pe.op, [_gather(0, 4)]),
        _later(1, putter(node.i, [0xB0, 0xB1, 0xB2, 0xB3])),
        _settings((0, [(node.o.ready, 1)]), (3, [(node.o.ready, 0)]), (5, [(node.o.ready, 1)])),
    ])


def own_words():
    """A node receives while its own words land, and sends these first."""
    node = RingGather(TEST)
    write = node.pe.write
    shown = {"write": write.valid, "landed": node.pe.landed, **_hop(node)}
    return _trace(node, 13, shown, [
        putter(node.pe.op, [_gather(2, 4)]),
        _later(1, putter(node.i, [0xB0, 0xB1, 0xC0, 0xC1])),
        _settings(
            (0, [(node.o.ready, 1)]),
            (2, [(write.valid, 1), (write.p.word, 0xA0), (write.p.addr, 0)]),
            (3, [(write.p.word, 0xA1), (write.p.addr, 1), (node.pe.landed, 1)]),
            (4, [(write.valid, 0), (node.pe.landed, 0)])),
    ])


def step_to_result():
    """Two sums without a gap, of three products and of two."""
    words, lengths = [1, 2, 3, 10, 20], [3, 2]
    mac = Mac(TEST, weights=[1, 1, 1, 1, 1])
    firsts = {sum(lengths[:index]) for index in range(len(lengths))}
    lasts = {sum(lengths[:index + 1]) - 1 for index in range(len(lengths))}
    step = mac.step
    shown = {
        "step.valid": step.valid, "step.first": step.p.first, "step.last": step.p.last,
        "row_word": (mac.row_word, mac.row_word != 0, str),
        "result.valid": mac.result.valid,
        "result.word": (mac.result.p.word, mac.result.valid, str),
        "for_row": mac.for_row, "idle": mac.idle,
    }
    steps = [(cycle, [(step.valid, cycle < len(words)), (step.p.first, cycle in firsts),
                      (step.p.last, cycle in lasts), (step.p.w_addr, cycle)])
             for cycle in range(len(words) + 1)]
    read = [(cycle + READ_CYCLES, [(mac.row_word, word)])
            for cycle, word in enumerate([*words, 0])]
    return _trace(mac, 14, shown, [_settings(*steps), _settings(*read)])


def credit_counter():
    """Two credits are asked for when one is there; the second one comes later."""
    counter = Credits(2)
    shown = {"add": counter.add, "take": (counter.take, counter.take != 0, str),
             "enough": counter.enough}
    return _trace(counter, 9, shown, [_settings(
        (1, [(counter.add, 1)]), (2, [(counter.add, 0)]), (3, [(counter.take, 2)]),
        (4, [(counter.take, 0)]), (6, [(counter.add, 1)]), (7, [(counter.add, 0)]))])


WAVEFORMS = {
    name: lambda draw=draw: fenced("", draw().text()) for name, draw in {
        "forwarded words": forwarded_words, "own words": own_words,
        "step to result": step_to_result, "credits": credit_counter}.items()}
"""What draws each waveform, by the name in the marks that it stands between."""


def main(arguments):
    """Print all waveforms, or write them into the page."""
    print_or_write(PAGE, WAVEFORMS, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
