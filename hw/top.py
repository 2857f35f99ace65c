"""The whole accelerator: a torus behind one host stream each way."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .fault_places import fault_units, flag_bits
from .host.bridge import Bridge
from .torus import Torus

__all__ = ["ClostorusTop"]


class ClostorusTop(wiring.Component):
    """A `Torus` and its `Bridge`. docs/architecture.md, section 6, says what the host sends.

    Parameters
    ----------
    config : TorusConfig
    make_pe : callable of (row, col)
        See `Torus`.
    tells : bool
        Whether there is a port `running`.

    Members
    -------
    host_in, host_out : In(stream), Out(stream)
        Beats of `host_bits`.
    running : Out(1)
        With `tells`: high from the first cycle of a program until all has been done that it asks
        of the host stream.
    faults : Out
        With `checks`: the flags of all nodes, `flag_bits` bits each, in the order of
        `fault_units`. Registers: a flag rises in the cycle after its word is found wrong, which is
        before any result that the word has a part in leaves `host_out`, and falls with a reset.
    """

    def __init__(self, config, *, make_pe=None, tells=False):
        self.config = config
        self.make_pe = make_pe
        self.tells = tells
        super().__init__({
            "host_in": In(stream.Signature(config.host_bits)),
            "host_out": Out(stream.Signature(config.host_bits)),
            **({"running": Out(1)} if tells else {}),
            **({"faults": Out(flag_bits(config) * fault_units(config))} if config.checks else {}),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.torus = torus = Torus(self.config, make_pe=self.make_pe)
        m.submodules.bridge = bridge = Bridge(self.config, tells=self.tells)
        wiring.connect(m, wiring.flipped(self.host_in), bridge.host_in)
        wiring.connect(m, bridge.host_out, wiring.flipped(self.host_out))
        if self.tells:
            m.d.comb += self.running.eq(bridge.running)
        if self.config.checks:
            m.d.comb += self.faults.eq(Cat(torus.faults, bridge.faults))
        for row in range(self.config.rows):
            wiring.connect(m, bridge.to_gateways[row], torus.host_in[row])
            wiring.connect(m, torus.host_out[row], bridge.from_gateways[row])
        return m
