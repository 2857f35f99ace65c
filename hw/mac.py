"""`Mac`: weight and bias memories, multiplier, accumulator, and the way out of a stage."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .config import MAC_CYCLES, REQUANTISE_CYCLES
from .mac_control import result_layout, step_layout
from .ops import Axis
from .requantise import Requantise

__all__ = ["Mac", "bias_load_layout", "weight_load_layout"]


def weight_load_layout(config):
    """A weight on its way into the weight memory."""
    return data.StructLayout({
        "addr": config.weight_addr_bits, "weight": signed(config.weight_bits)})


def bias_load_layout(config):
    """A bias on its way into the bias memory."""
    return data.StructLayout({"addr": config.bias_addr_bits, "bias": signed(config.bias_bits)})


class Mac(wiring.Component):
    """Does the steps of `MacControl`: one multiplication and addition a cycle, exactly.

    The words of a step come on the cycle after it, from the gather buffer of its axis. A result is
    written `LATENCY_CYCLES` after the last step of its sum. Nothing in it ever waits. Weights and
    biases are loaded while no step is done that reads the same address.

    Parameters
    ----------
    config : TorusConfig
    weights, biases : list of int
        Contents of the memories after configuration, from address 0 up; the rest is zero.

    Members
    -------
    step : In(stream)
        See `MacControl`.
    row_word, col_word : In(word_bits)
        The word at the step's address in either buffer, one cycle after the step; only the low
        `act_bits` are used.
    load_weight, load_bias : In(stream)
        Writes to the memories. Always accepted.
    result : Out(stream)
        A finished activation and where it goes. Never waits.
    idle : Out(1)
        No sum is under way.
    """

    LATENCY_CYCLES = MAC_CYCLES

    def __init__(self, config, *, weights=(), biases=()):
        self.config = config
        self.weights = list(weights)
        self.biases = list(biases)
        super().__init__({
            "step": In(stream.Signature(step_layout(config), always_ready=True)),
            "row_word": In(config.word_bits),
            "col_word": In(config.word_bits),
            "load_weight": In(stream.Signature(weight_load_layout(config), always_ready=True)),
            "load_bias": In(stream.Signature(bias_load_layout(config), always_ready=True)),
            "result": Out(stream.Signature(data.StructLayout({
                "where": result_layout(config), "word": signed(config.act_bits),
            }), always_ready=True)),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config

        m.submodules.weight_memory = weight_memory = memory.Memory(
            shape=signed(config.weight_bits), depth=config.weight_words, init=self.weights)
        m.submodules.bias_memory = bias_memory = memory.Memory(
            shape=signed(config.bias_bits), depth=config.bias_words, init=self.biases)
        m.submodules.requantise = requantise = Requantise(config)
        weight_write, weight_read = weight_memory.write_port(), weight_memory.read_port()
        bias_write, bias_read = bias_memory.write_port(), bias_memory.read_port()
        m.d.comb += [
            weight_write.en.eq(self.load_weight.valid),
            weight_write.addr.eq(self.load_weight.p.addr),
            weight_write.data.eq(self.load_weight.p.weight),
            bias_write.en.eq(self.load_bias.valid),
            bias_write.addr.eq(self.load_bias.p.addr),
            bias_write.data.eq(self.load_bias.p.bias),
        ]

        # Stage 0: the step itself. Addresses go to the memories.
        m.d.comb += [
            weight_read.en.eq(self.step.valid),
            weight_read.addr.eq(self.step.p.w_addr),
            bias_read.en.eq(self.step.valid & self.step.p.first),
            bias_read.addr.eq(self.step.p.b_addr),
        ]
        busy = []

        def delayed(valid, step):
            """The step one stage further on."""
            next_valid, next_step = Signal(), Signal(step_layout(config))
            m.d.sync += [next_valid.eq(valid), next_step.eq(step)]
            busy.append(next_valid)
            return next_valid, next_step

        # Stage 1: the memories' words are registered.
        x = Signal(signed(config.act_bits))
        w = Signal(signed(config.weight_bits))
        bias = Signal(signed(config.bias_bits))
        read_valid, read_step = delayed(self.step.valid, self.step.payload)
        m.d.sync += [
            x.eq(Mux(read_step.axis == Axis.ROW, self.row_word, self.col_word)),
            w.eq(weight_read.data),
            bias.eq(Mux(read_step.bias, bias_read.data, 0)),
        ]

        # Stage 2: multiply.
        product = Signal(signed(config.act_bits + config.weight_bits))
        start = Signal(signed(config.bias_bits))
        operand_valid, operand_step = delayed(read_valid, read_step)
        m.d.sync += [product.eq(x * w), start.eq(bias)]

        # Stage 3: accumulate.
        acc = Signal(signed(config.acc_bits))
        product_valid, product_step = delayed(operand_valid, operand_step)
        with m.If(product_valid):
            m.d.sync += acc.eq(Mux(product_step.first, start, acc) + product)

        # Stage 4: finish the sum.
        sum_valid, sum_step = delayed(product_valid, product_step)
        m.d.comb += [
            requantise.i.valid.eq(sum_valid & sum_step.last),
            requantise.i.p.acc.eq(acc),
            requantise.i.p.finish.shift.eq(sum_step.shift),
            requantise.i.p.finish.relu.eq(sum_step.relu),
        ]
        where_valid, where = requantise.i.valid, sum_step.result
        for _ in range(REQUANTISE_CYCLES):
            next_valid, next_where = Signal(), Signal(result_layout(config))
            m.d.sync += [next_valid.eq(where_valid), next_where.eq(where)]
            where_valid, where = next_valid, next_where
            busy.append(next_valid)
        m.d.comb += [
            self.result.valid.eq(requantise.o.valid),
            self.result.p.word.eq(requantise.o.payload),
            self.result.p.where.eq(where),
            self.idle.eq(~(self.step.valid | Cat(busy).any())),
        ]
        return m
