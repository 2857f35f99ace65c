"""`GradientMemory` and `HostGradients`, which keep gradients until the stage before needs them.

`TargetGradients` makes gradients of results and of the targets that `HostGradients` keeps.
"""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.block_ram import BlockRam
from ..cells.delay import delayed, later
from ..cells.parity import sealed
from ..config import READ_CYCLES, REQUANTISE_CYCLES
from ..layouts import complete_layout, finished_layout, gradient_load_layout, gradient_word
from .requantise import Requantise

__all__ = ["GradientMemory", "HostGradients", "TargetGradients"]


class GradientMemory(wiring.Component):
    """The gradients of the own words of one axis, at the addresses of the words.

    Parameters
    ----------
    config : TorusConfig
        With `training`.

    Members
    -------
    complete : In(stream)
        A sum, and what becomes of it (`hw.layouts.complete_layout`). Always accepted; its gradient
        is written `REQUANTISE_CYCLES` later.
    landed : Out(1)
        High in the cycle before a gradient is written: it can be read two cycles later.
    read_en, read_addr, word : In(1), In, Out
        The gradient at `read_addr`, `READ_CYCLES` after `read_en`, with `checks` its parity above
        it, which is made as it is written.
    busy : Out(1)
        A gradient will be written in this cycle or later.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "complete": In(stream.Signature(complete_layout(config), always_ready=True)),
            "landed": Out(1),
            "read_en": In(1), "read_addr": In(config.addr_bits),
            "word": Out(gradient_word(config)),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.requantise = requantise = Requantise(config, gradients=True)
        m.submodules.gradients = words = BlockRam(
            config.training.grad_bits + config.checks, config.buffer_words)
        sums = self.complete
        m.d.comb += [
            requantise.i.valid.eq(sums.valid),
            requantise.i.p.acc.eq(sums.p.sum),
            requantise.i.p.finish.shift.eq(sums.p.place.shift),
            requantise.i.p.finish.zero.eq(sums.p.place.zero),
        ]
        valid, place = zip(*delayed(m, sums.valid, sums.p.place, REQUANTISE_CYCLES, "place"),
                           strict=True)
        m.d.comb += [
            words.write_en.eq(requantise.o.valid),
            words.write_addr.eq(place[-1].addr),
            words.write_data.eq(sealed(config, requantise.o.payload)),
            self.landed.eq(valid[-2]),
            words.read_en.eq(self.read_en),
            words.read_addr.eq(self.read_addr),
            words.out_en.eq(1),
            self.word.eq(words.read_data),
            self.busy.eq(Cat(valid).any()),
        ]
        return m


class HostGradients(wiring.Component):
    """The gradients of the net's own results, which the host sends.

    Parameters
    ----------
    config : TorusConfig
        With `training`.

    Members
    -------
    load : In(stream)
        A gradient and its address. Always accepted; it can be read from the next cycle on.
    read_addr, word : In, Out
        The gradient at `read_addr`, `READ_CYCLES` later, with `checks` its parity above it, which
        came with it.
    take, target : In(1), Out
        With `targets` only. The words are targets, from address 0 up in the order of the results
        that they are for: `target` is that of the next result, in the same cycle, and `take` goes
        on to the one after it. No gradient may be read then. The word of address 0 begins anew.
    """

    def __init__(self, config):
        self.config = config
        layout = gradient_load_layout(config)
        targets = {
            "take": In(1), "target": Out(gradient_word(config)),
        } if config.training.targets else {}
        super().__init__({
            **targets,
            "load": In(stream.Signature(layout, always_ready=True)),
            "read_addr": In(layout["addr"].width),
            "word": Out(gradient_word(config)),
        })

    def elaborate(self, platform):
        m = Module()
        training = self.config.training
        m.submodules.gradients = words = memory.Memory(
            shape=gradient_word(self.config), depth=training.result_words, init=[])
        write, read = words.write_port(), words.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(self.load.valid),
            write.addr.eq(self.load.p.addr),
            write.data.eq(self.load.p.word),
            read.addr.eq(self.read_addr),
        ]
        m.d.comb += self.word.eq(later(m, read.data, READ_CYCLES, "word")[-1])
        if training.targets:
            next_target = Signal.like(self.read_addr)
            m.d.comb += self.target.eq(read.data)
            with m.If(self.take):
                m.d.comb += read.addr.eq(next_target)
                m.d.sync += next_target.eq(next_target + 1)
            with m.If(self.load.valid & (self.load.p.addr == 0)):
                m.d.sync += next_target.eq(0)
        return m


class TargetGradients(wiring.Component):
    """Makes the gradient of a squared error: a result less its target, a cycle later.

    It hands the difference, times 2**target_gain_bits, to the `GradientMemory` of the rows, which
    shifts it right, rounds and saturates it as any gradient, and writes it to the address of the
    result. In between it takes what a reduce engine completes, in the same cycle; never both may
    come, which the order of ops makes sure of.

    Parameters
    ----------
    config : TorusConfig
        With `training` and `targets`.

    Members
    -------
    result : In(stream)
        Results as they land. Always accepted.
    target : In
        The target of the result.
    take : Out(1)
        The result has a target.
    summed : In(stream)
        What the reduce engine of the rows completes.
    complete : Out(stream)
        What the gradient memory of the rows is to take.
    bad_target : Out(1)
        With `checks`: the parity of a target that is taken in this cycle is wrong.
    """

    def __init__(self, config):
        self.config = config
        complete = stream.Signature(complete_layout(config), always_ready=True)
        super().__init__({
            "result": In(stream.Signature(finished_layout(config), always_ready=True)),
            "target": In(gradient_word(config)),
            "take": Out(1),
            **({"bad_target": Out(1)} if config.checks else {}),
            "summed": In(complete),
            "complete": Out(complete),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        result = self.result.p
        valid = Signal()
        difference = Signal(signed(max(config.act_bits, config.training.grad_bits) + 1))
        where = Signal.like(result.where)
        m.d.comb += self.take.eq(self.result.valid & result.where.compare)
        target = self.target
        if config.checks:
            m.d.comb += self.bad_target.eq(self.take & target.xor())
            target = target[:-1].as_signed()
        m.d.sync += [
            valid.eq(self.take),
            difference.eq(result.word - target),
            where.eq(result.where),
        ]
        m.d.comb += [
            self.complete.valid.eq(valid | self.summed.valid),
            self.complete.payload.eq(self.summed.payload),
        ]
        with m.If(valid):
            m.d.comb += [
                self.complete.p.sum.eq(difference << config.training.target_gain_bits),
                self.complete.p.place.addr.eq(where.addr),
                self.complete.p.place.shift.eq(where.compare_shift),
                self.complete.p.place.zero.eq(0),
            ]
        return m
