"""The torus: R x C PEs on row and column rings, a gateway on each row ring. It only wires them."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .fault_places import FaultPlace, fault_units, flag_bits
from .host.gateway import Gateway
from .layouts import partial_layout
from .pe.pe import PE
from .pe.training_pe import TrainingPE
from .ring.link import chain

__all__ = ["Torus"]


class Torus(wiring.Component):
    """PEs, gateways and the links between them; see docs/architecture.md, section 1.

    Parameters
    ----------
    config : TorusConfig
    make_pe : callable of (row, col)
        Makes each PE: a `PE`, or a `TrainingPE` where the torus trains, or something with the same
        ports. The PEs that are made by default hold no weights.

    Members
    -------
    host_in, host_out : arrays of In(stream), Out(stream)
        The beats of each gateway.
    faults : Out
        With `checks`: the flags of all PEs and gateways, in the order of `fault_units`. Registers.
    """

    def __init__(self, config, *, make_pe=None):
        self.config = config
        pe = PE if config.training is None else TrainingPE
        self.make_pe = make_pe or (lambda row, col: pe(config))
        beats = stream.Signature(config.host_bits)
        super().__init__({
            "host_in": In(beats).array(config.rows),
            "host_out": Out(beats).array(config.rows),
            **({"faults": Out(flag_bits(config) * (fault_units(config) - 1))}
               if config.checks else {}),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        rows, cols = config.rows, config.cols

        links = {}  # With `checks` of 3: flags of the links into each node.

        def link(name, source, sink, row, col, more_stages=0):
            links.setdefault((row, col), []).extend(chain(
                m, name, source, sink, config.ring_bits, config.link_stages + more_stages,
                doubled=config.checks > 2))

        def link_back(name, source, sink):
            chain(m, name, source, sink, partial_layout(config), config.link_stages)

        pes = [[self.make_pe(row, col) for col in range(cols)] for row in range(rows)]
        gateways = []
        for row in range(rows):
            m.submodules[f"gateway_{row}"] = gateway = Gateway(config)
            gateways.append(gateway)
            wiring.connect(m, wiring.flipped(self.host_in[row]), gateway.host_in)
            wiring.connect(m, gateway.host_out, wiring.flipped(self.host_out[row]))
            link(f"west_{row}", gateway.o, pes[row][0].west, row, 0)
            # A gateway passes `ready` on: without a register before it the last PE of a row would
            # wait for the first, through the whole width of the torus.
            link(f"east_{row}", pes[row][-1].east, gateway.i, row, cols, more_stages=1)
            for col in range(cols):
                m.submodules[f"pe_{row}_{col}"] = pes[row][col]
                m.d.comb += pes[row][col].col.eq(col)
                below = (row + 1) % rows
                link(f"south_{row}_{col}", pes[row][col].south, pes[below][col].north, below, col)
                if col + 1 < cols:
                    link(f"east_{row}_{col}", pes[row][col].east, pes[row][col + 1].west,
                         row, col + 1)
            if config.training is None:
                continue
            # The rings that go back: each link runs against the forward link of the same two nodes.
            link_back(f"to_gateway_{row}", pes[row][0].to_west, gateway.from_pe)
            link_back(f"from_gateway_{row}", gateway.to_pe, pes[row][-1].from_east)
            for col in range(cols):
                link_back(f"north_{row}_{col}", pes[(row + 1) % rows][col].to_north,
                          pes[row][col].from_south)
                if col + 1 < cols:
                    link_back(f"west_{row}_{col}", pes[row][col + 1].to_west,
                              pes[row][col].from_east)
        if config.checks:
            m.d.comb += self.faults.eq(Cat(
                node.faults | Cat(Const(0, FaultPlace.CONTROL), Cat(*links[row, col]).any())
                if links[row, col] else node.faults
                for row in range(rows)
                for col, node in enumerate([*pes[row], gateways[row]])))
        return m
