"""`BeatQueue`: a queue of beats that knows whether those it gives are those that were put in."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.queue import Queue

__all__ = ["BeatQueue", "beat_queue"]


class BeatQueue(wiring.Component):
    """Holds up to `host_fifo_beats` beats of the host in order, as a `Queue` does.

    Each beat has beside it its parity and its number. The number tells a beat that was read from a
    wrong place, since its address flipped, from the right one. The parity makes the number of ones
    odd, so that no place that was never written seems right.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    i, o : In(stream), Out(stream)
        As of a `Queue`.
    bad : Out(1)
        The beat at `o` is not the one that was put in.
    """

    def __init__(self, config):
        self.config = config
        beats = stream.Signature(config.host_bits)
        super().__init__({"i": In(beats), "o": Out(beats), "bad": Out(1)})

    def elaborate(self, platform):
        m = Module()
        config = self.config
        put, taken = (Signal(config.host_fifo_beats.bit_length(), name=name)
                      for name in ("put", "taken"))
        held = Cat(self.i.payload, put)
        m.submodules.queue = queue = Queue(len(held) + 1, config.host_fifo_beats)
        m.d.comb += [
            queue.i.valid.eq(self.i.valid),
            self.i.ready.eq(queue.i.ready),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
            self.o.payload.eq(queue.o.payload),
            queue.i.payload.eq(Cat(held, ~held.xor())),
            self.bad.eq(self.o.valid & (
                ~queue.o.payload.xor() | (queue.o.payload[config.host_bits:-1] != taken))),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += put.eq(put + 1)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += taken.eq(taken + 1)
        return m


def beat_queue(config):
    """Return the queue of a gateway: a `BeatQueue` with `checks` of 3, else a bare `Queue`."""
    if config.checks > 2:
        return BeatQueue(config)
    return Queue(config.host_bits, config.host_fifo_beats)
