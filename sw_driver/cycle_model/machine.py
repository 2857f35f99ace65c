"""A whole torus, stepped a clock cycle at a time."""

from hw.config import TorusConfig
from sw_driver.cycle_model.bridge import Collector, Distributor
from sw_driver.cycle_model.gateways import Gateways
from sw_driver.cycle_model.lanes import Lanes, Mask
from sw_driver.cycle_model.links import Links
from sw_driver.cycle_model.macs import Macs
from sw_driver.cycle_model.rings import COL, ROW, Rings
from sw_driver.cycle_model.sequencer import HEADER_BOOT, PROGRAM_BOOT, Sequencers
from sw_driver.cycle_model.tables import Tables

__all__ = ["Machine"]


class Machine:
    """The control registers of `hw.top`: everything but words.

    Parameters
    ----------
    config
        Of the torus.
    tables
        The program that it will load.
    """

    def __init__(self, config: TorusConfig, tables: Tables) -> None:
        most = max(
            config.buffer_words << 1,
            2 << config.rep_bits,
            config.program_words,
            config.host_fifo_beats,
            config.beat_words,
        )
        self.lanes = lanes = Lanes(config.rows, config.cols, most)
        self.cycle = 0
        self.pe_sequencers = Sequencers(lanes, lanes.row_pes, tables.pe, tables.pe_blocks)
        self.gateway_sequencers = Sequencers(
            lanes, lanes.gateways, tables.gateway[:1], tables.gateway_blocks
        )
        self.bridge_sequencer = Sequencers(lanes, 1, tables.gateway[1:], tables.gateway_blocks)
        self.rings = Rings(lanes, config, tables.pe[:2], tables.pe_blocks)
        self.macs = Macs(lanes, config, tables.pe[2])
        self.gateways = Gateways(lanes, config, tables.gateway[0], tables.gateway_blocks)
        self.links = Links(lanes, config.link_stages)
        self.distributor = Distributor(lanes, config, tables.gateway[1], tables.gateway_blocks)
        self.collector = Collector(lanes, config, tables.gateway[2])
        self._sent: Mask = 0  # Output registers of ring nodes that hold a word.
        self._linked = config.link_stages > 0

    def step(self, offered: bool, accepted: bool) -> tuple[bool, bool]:
        """Go on by a cycle.

        Parameters
        ----------
        offered, accepted
            Whether the host has a beat to give, and takes one.

        Returns
        -------
        Whether it gave one, and whether it took one.
        """
        lanes, rings, macs, gateways = self.lanes, self.rings, self.macs, self.gateways
        half = lanes.half_bits
        pe_sequencers, gateway_sequencers = self.pe_sequencers, self.gateway_sequencers
        bridge_sequencer, distributor, collector = (
            self.bridge_sequencer, self.distributor, self.collector)

        # What registers say, before anything moves.
        row_full, col_full, mac_full = pe_sequencers.full
        (ring_full,) = gateway_sequencers.full
        in_full, out_full = bridge_sequencer.full
        pe_asking = pe_sequencers.asking
        gateway_asking = gateway_sequencers.asking
        bridge_asking = bridge_sequencer.asking
        pe_done = pe_sequencers.watching
        if pe_done:
            busy = rings.active | rings.active >> half | macs.active | macs.under_way
            pe_done &= ~busy
        gateway_done = gateway_sequencers.watching
        if gateway_done:
            gateway_done &= ~gateways.active
        bridge_done = bridge_sequencer.watching
        if bridge_done and (distributor.active or collector.active):
            bridge_done = 0
        written, landed = macs.landing()
        ring_finish = rings.finished()
        gateway_finish = gateways.finished()

        # The rings, from readiness back to the nodes that send.
        ready = rings.receiving & ~written
        sent = self._sent
        if self._linked:
            accepts = self.links.accepted()
            load = lanes.nodes ^ sent | accepts
            ready |= gateways.ready(load)
        else:
            accepts = lanes.upstream(ready)
            load = lanes.nodes ^ sent | accepts
            gateway_ready = gateways.ready(load)
            ready |= gateway_ready
            load |= lanes.upstream(gateway_ready)
        received = self.links.arriving(sent) & ready
        if self._linked:
            self.links.move(sent, ready)

        step = macs.step(rings)
        program_words = received & rings.loads_program
        received_by_pes = received & lanes.pes
        filled = rings.move(received_by_pes, load)

        # The host.
        host_in_writable = gateways.host_in.writable
        beats, gave, bridge_loads = distributor.move(offered, host_in_writable)
        collected, took = collector.move(accepted, gateways.host_out.readable)
        gateway_filled, gateway_loads = gateways.move(
            received ^ received_by_pes, load, beats, collected
        )
        self._sent = filled | gateway_filled | sent & ~load

        # Fetching.
        pe_sequencers.fetch(self.cycle)
        gateway_sequencers.fetch(self.cycle)
        bridge_sequencer.fetch(self.cycle)

        # Ops that end, and ops that begin.
        free = lanes.pes & ~(rings.active & ~(ring_finish & rings.last_rep))
        taken: list[tuple[int, int, Mask]] = []
        booted = pe_asking & free
        if booted:
            taken += [
                (ROW, index, mask)
                for index, mask in (
                    (HEADER_BOOT, booted & pe_sequencers.asking_header),
                    (PROGRAM_BOOT, booted & pe_sequencers.asking_program),
                )
                if mask
            ]
            pe_sequencers.grant(booted)
        if takes := row_full & free & ~pe_asking:
            taken += [(ROW, *op) for op in pe_sequencers.take(0, takes)]
        if takes := col_full & (free >> half):
            taken += [(COL, index, mask << half) for index, mask in pe_sequencers.take(1, takes)]
        mac_taken: list[tuple[int, Mask]] = []
        if mac_full and (takes := mac_full & (lanes.nodes ^ macs.active | step.rep_ended & macs.last_rep)):
            mac_taken = pe_sequencers.take(2, takes)
        free = lanes.gateways & ~(gateways.active & ~(gateway_finish & gateways.last_rep))
        gateway_taken: list[tuple[int, Mask]] = []
        if booted := gateway_asking & free:
            gateway_taken += [
                (index, mask)
                for index, mask in (
                    (HEADER_BOOT, booted & gateway_sequencers.asking_header),
                    (PROGRAM_BOOT, booted & gateway_sequencers.asking_program),
                )
                if mask
            ]
            gateway_sequencers.grant(booted)
        if takes := ring_full & free & ~gateway_asking:
            gateway_taken += gateway_sequencers.take(0, takes)
        if not distributor.active:
            if bridge_asking:
                distributor.begin(
                    HEADER_BOOT if bridge_sequencer.asking_header else PROGRAM_BOOT)
                bridge_sequencer.grant(1)
            elif in_full:
                for index, _ in bridge_sequencer.take(0, in_full):
                    distributor.begin(index)
        if out_full and not collector.active:
            for index, _ in bridge_sequencer.take(1, out_full):
                collector.begin(index)

        # Programs.
        start = pe_sequencers.proceed(pe_done)
        gateway_sequencers.proceed(gateway_done)
        bridge_sequencer.proceed(bridge_done)
        if program_words:
            pe_sequencers.load(program_words)
        if gateway_loads:
            gateway_sequencers.load(gateway_loads)
        if bridge_loads:
            bridge_sequencer.load(1)

        rings.proceed(ring_finish, taken, landed, step.consumed, start | start << half)
        macs.proceed(step, mac_taken, ring_finish, start)
        gateways.proceed(gateway_finish, gateway_taken)
        self.cycle += 1
        return gave, took
