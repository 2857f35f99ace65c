"""`BoardTop`: a torus with its host link, as it is put on a board."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .bus.ft245 import Ft245, ft245_members
from .cells.reset_driver import ResetDriver
from .config import ConfigError
from .fault_places import fault_units, flag_bits
from .link_config import MOST_FAULT_NODES
from .top import ClostorusTop
from .uart.host_link import HostLink

__all__ = ["BoardTop", "check_board"]


def check_board(config) -> None:
    """Refuse a torus that no board can have.

    Raises
    ------
    ConfigError
        It has `checks`, and more nodes than a frame of the host link tells of.
    """
    nodes = fault_units(config)
    if config.checks and nodes > MOST_FAULT_NODES:
        raise ConfigError(f"checks must be 0 on a board whose torus has {nodes} nodes, since a "
                          f"frame of the host link tells of {MOST_FAULT_NODES} at most, not "
                          f"{config.checks}: take fewer rows or cols, or leave checks out")


class BoardTop(wiring.Component):
    """A `ClostorusTop` behind a `HostLink`. Configuring the FPGA is all the reset that it needs.

    Parameters
    ----------
    config : TorusConfig
        See `check_board`.
    link : LinkConfig
    make_pe : callable of (row, col)
        See `Torus`.
    weights_id : int
        Identifies the weights that `make_pe` puts into the PEs (`hw.uart.weights_id`); 0 if it puts
        none there.

    Members
    -------
    rx, tx : In(1), Out(1)
        The wires from and to the host.
    clkout, rxf_n, ... : In, Out
        If `link.fifo`, instead of these wires: the pins of an `Ft245`.
    led : Out(1)
        High once a host has opened a session.
    """

    def __init__(self, config, link, *, make_pe=None, weights_id=0):
        self.config = config
        self.link = link
        self.make_pe = make_pe
        self.weights_id = weights_id
        self._pins = ft245_members() if link.fifo else {"rx": In(1, init=1), "tx": Out(1, init=1)}
        super().__init__({**self._pins, "led": Out(1)})

    @property
    def _flags(self):
        """How many nodes have flags of faults, and how many each."""
        config = self.config
        return (fault_units(config), flag_bits(config)) if config.checks else (0, 0)

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.host = host = HostLink(self.link, config.host_bits, config.hardware_id,
                                            self.weights_id, config.word_bits, config.beat_words,
                                            *self._flags)
        # The torus is reset whenever a session begins; by a domain of its own, since a PE may be an
        # instance that takes clock and reset by name.
        m.domains.torus = ClockDomain(local=True)
        m.submodules.reset_driver = reset_driver = ResetDriver()
        m.d.comb += [
            ClockSignal("torus").eq(ClockSignal()),
            reset_driver.i.eq(ResetSignal() | host.reset),
            ResetSignal("torus").eq(reset_driver.o),
            *([] if self.link.fifo else [host.rx.eq(self.rx), self.tx.eq(host.tx)]),
            self.led.eq(host.opened),
        ]
        if self.link.fifo:
            m.submodules.fifo = fifo = Ft245()
            wiring.connect(m, fifo.o, host.from_host)
            wiring.connect(m, host.to_host, fifo.i)
            for name, member in self._pins.items():
                inner, outer = getattr(fifo, name), getattr(self, name)
                m.d.comb += inner.eq(outer) if member.flow == In else outer.eq(inner)
        torus = ClostorusTop(config, make_pe=self.make_pe)
        m.submodules.torus = DomainRenamer("torus")(torus)
        wiring.connect(m, host.to_torus, torus.host_in)
        wiring.connect(m, torus.host_out, host.from_torus)
        if config.checks:
            m.d.comb += host.faults.eq(torus.faults)
        return m
