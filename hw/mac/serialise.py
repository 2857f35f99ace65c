"""`Serialise`: gives the sums that are made at once one after the other, each with its bias."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layouts import finish_layout, group_layout, result_layout, sum_layout, target_options

__all__ = ["Serialise"]


class Serialise(wiring.Component):
    """Takes all sums of a group at once, and gives a sum a cycle, the first `LATENCY_CYCLES` later.

    It never waits: the next group may come as many cycles after a group as that has sums. Addresses
    of results and of biases go on from group to group, so that the groups need not know how large
    those before them are.

    Parameters
    ----------
    config : TorusConfig
        With `lanes_out` above 1.

    Members
    -------
    i : In(stream)
        A group of sums, how they are finished, where its results go and how many there are:
        `finish_layout`, `result_layout` and `group_layout`. With `group.opens` the first result
        goes to `where.addr`, else `group.stride` behind the one before. With `where.landed` the
        last result of the group is counted, or where a torus trains every one. Always accepted.
    b_addr, reads_bias : Out, Out(1)
        Address of the bias that `bias` must have in the next cycle, where `reads_bias` is high:
        that of the group's step with `group.begins`, else the one behind that of the sum before.
    bias : In(signed(bias_bits))
        Added to the sum. It must be 0 in a cycle with a sum whose group's steps do not have `bias`:
        one that comes after a cycle without `reads_bias`.
    o : Out(stream)
        A sum with its bias, how it is finished, and where its result goes. Never waits.
    busy : Out(1)
        A sum that has been taken has not been given.
    """

    LATENCY_CYCLES = 2

    def __init__(self, config):
        self.config = config
        super().__init__({
            "i": In(stream.Signature(data.StructLayout({
                "sums": data.ArrayLayout(signed(config.acc_bits), config.lanes_out),
                "finish": finish_layout(config), "where": result_layout(config),
                "bias": 1, "b_addr": config.bias_addr_bits, "group": group_layout(config),
            }), always_ready=True)),
            "b_addr": Out(config.bias_addr_bits),
            "reads_bias": Out(1),
            "bias": In(signed(config.bias_bits)),
            "o": Out(stream.Signature(sum_layout(config), always_ready=True)),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config, group = self.config, self.i.p

        # The group: its sums move down, and the lowest of them is given.
        sums = [Signal(signed(config.acc_bits), name=f"sum_{lane}", reset_less=True)
                for lane in range(config.lanes_out)]
        giving = Signal()
        left = Signal(config.sum_bits)  # Sums after this one.
        addr = Signal(config.addr_bits)
        stride = Signal(config.addr_bits)
        b_after = Signal(config.bias_addr_bits)  # Address of the bias behind that of this sum.
        with_bias = Signal()
        finish = Signal(finish_layout(config), reset_less=True)
        dest = Signal()
        landed = Signal()
        targets = {name: Signal(shape, name=name) for name, shape in target_options(config).items()}
        for lane, one in enumerate(sums):
            above = sums[lane + 1] if lane + 1 < len(sums) else one
            m.d.sync += one.eq(Mux(self.i.valid, group.sums[lane], above))
        with m.If(giving):
            m.d.sync += [
                giving.eq(left != 0),
                left.eq(left - 1),
                addr.eq(addr + stride),
            ]
        # The next sum's bias is read in this cycle, so that its way ends in a register.
        with m.If(self.i.valid | (giving & (left != 0))):
            m.d.sync += b_after.eq(self.b_addr + 1)
        with m.If(self.i.valid):
            m.d.sync += [
                giving.eq(1),
                left.eq(group.group.last_sum),
                stride.eq(group.group.stride),
                with_bias.eq(group.bias),
                finish.eq(group.finish),
                dest.eq(group.where.dest),
                landed.eq(group.where.landed),
                *(value.eq(group.where[name]) for name, value in targets.items()),
            ]
            with m.If(group.group.opens):
                m.d.sync += addr.eq(group.where.addr)

        begins = self.i.valid & group.group.begins
        m.d.comb += [
            self.b_addr.eq(Mux(begins, group.b_addr, b_after)),
            self.reads_bias.eq(Mux(self.i.valid, group.bias, with_bias)),
            self.busy.eq(giving | self.o.valid),
        ]
        m.d.sync += [
            self.o.valid.eq(giving),
            self.o.p.acc.eq(sums[0] + self.bias),
            self.o.p.finish.eq(finish),
            self.o.p.where.dest.eq(dest),
            self.o.p.where.addr.eq(addr),
            self.o.p.where.landed.eq(
                landed & (left == 0) if config.training is None else landed),
            *(self.o.p.where[name].eq(value) for name, value in targets.items()),
        ]
        return m
