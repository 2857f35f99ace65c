"""A whole torus, stepped a clock cycle at a time."""

from collections.abc import Iterable
from typing import Any

from hw.config import TorusConfig
from sw_driver.cycle_model.bridge import Collector, Distributor
from sw_driver.cycle_model.gateways import Gateways
from sw_driver.cycle_model.lanes import Lanes, Mask, frozen
from sw_driver.cycle_model.links import GatewayLinks, Links
from sw_driver.cycle_model.macs import Macs
from sw_driver.cycle_model.reverse import Reverse
from sw_driver.cycle_model.rings import Rings
from sw_driver.cycle_model.sequencer import Sequencers
from sw_driver.cycle_model.signals import Observer, Signals
from sw_driver.cycle_model.tables import Tables
from sw_driver.cycle_model.training_macs import TrainingMacs
from sw_driver.cycle_model.training_ops import most_steps
from sw_driver.cycle_model.training_rings import TrainingRings

__all__ = ["Machine"]

# Queues by number.
_ROW, _COL, _MAC = 0, 1, 2
_RING, _HOST_IN, _HOST_OUT = 0, 1, 2


class Machine:
    """The control registers of `hw.top`: everything but words. It starts as after a reset.

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
            4 << config.rep_bits,
            config.host_fifo_beats,
            config.beat_words,
            most_steps(tables.pe[_MAC]),
            config.training.gradient_rows if config.training else 0,
        )
        self.lanes = lanes = Lanes(config.rows, config.cols, most)
        self.cycle = 0
        pe, gateway = tables.pe, tables.gateway
        self.rings: Rings
        self.macs: Macs | TrainingMacs
        self.reverse: Reverse | None = None
        if config.training is None:
            self.rings = Rings(lanes, config, pe[:_MAC], tables.pe_blocks)
            self.macs = Macs(lanes, config, pe[_MAC])
        else:
            self.rings = rings = TrainingRings(lanes, config, pe[:_MAC], tables.pe_blocks)
            self.reverse = Reverse(lanes, config, config.training.reduce_words)
            self.macs = TrainingMacs(lanes, config, pe[_MAC], rings, self.reverse)
        self.gateways = Gateways(lanes, config, gateway[_RING], tables.gateway_blocks)
        self.links = Links(lanes, config.link_stages)
        self.gateway_links = GatewayLinks(lanes)
        self.distributor = Distributor(lanes, config, gateway[_HOST_IN], tables.gateway_blocks)
        self.collector = Collector(lanes, config, gateway[_HOST_OUT])
        self.pe_queues = Sequencers(lanes.row_pes, dict(enumerate(pe)), _ROW)
        self.gateway_queues = Sequencers(lanes.gateways, {_RING: gateway[_RING]}, _RING)
        self.bridge_queues = Sequencers(
            1, {number: gateway[number] for number in (_HOST_IN, _HOST_OUT)}, _HOST_IN
        )
        self._sequencers = self.pe_queues, self.gateway_queues, self.bridge_queues
        self._sent: Mask = 0  # Output registers of ring nodes that hold a word.
        self._linked = config.link_stages > 0
        self.observer: Observer | None = None

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
        pe_queues, bridge_queues = self.pe_queues, self.bridge_queues

        # What registers say.
        mac_full = pe_queues.full[_MAC]
        gateway_full = self.gateway_queues.full[_RING]
        in_full, out_full = bridge_queues.full[_HOST_IN], bridge_queues.full[_HOST_OUT]
        pes_go_on = pe_queues.watch(self._pes_idle()) if pe_queues.watchful else 0
        gateways_go_on = bridge_goes_on = 0
        if self.gateway_queues.watchful:
            gateways_go_on = self.gateway_queues.watch(lanes.gateways & ~gateways.active)
        if bridge_queues.watchful:
            bridge_goes_on = bridge_queues.watch(self._bridge_idle())
        written, landed = macs.landing()
        ring_finish = rings.finished()
        gateway_finish = gateways.finished()
        reverse = self.reverse
        sums = reverse.hand_out(gateways.wants_sums()) if reverse else (0, 0)

        # Words.
        sent, ready = self._sent, rings.receiving
        if written:
            ready ^= ready & written
        if sent or self._linked or self.gateway_links.valid:
            load, arriving, ready = self._cross_links(sent, ready)
        else:
            load, arriving = lanes.nodes, 0
        received = arriving & ready
        received_by_pes = received & lanes.pes
        step = macs.step(rings)
        filled, passed_on = rings.move(received_by_pes, load)
        beats, gave = self.distributor.move(offered, gateways.host_in.writable)
        collected, took = self.collector.move(accepted, gateways.host_out.readable)
        filled |= gateways.move(received ^ received_by_pes, load, beats, collected, sums)
        self._sent = filled | sent ^ sent & load

        # Ops and programs.
        cycle = self.cycle
        for queues in self._sequencers:
            queues.fetch(cycle)
        ring_begin = rings.begin(ring_finish)
        mac_begin = macs.begin(step)
        if self.observer is not None:
            self.observer.see(Signals(
                arriving=arriving, load=load, received=received, filled=filled,
                passed_on=passed_on, step=step, ring_begin=ring_begin, ring_finish=ring_finish,
                mac_begin=mac_begin, gateway_finish=gateway_finish, gave=gave, took=took,
            ))  # fmt: skip
        start = pe_queues.proceed(cycle, pes_go_on) if pes_go_on else 0
        mac_takes = mac_full and mac_full & macs.accepts(mac_begin)
        macs.proceed(step, mac_begin, ring_finish, start)
        if reverse:
            reverse.move(step.given, sums[1])
        if mac_takes:
            for index, where in pe_queues.take(_MAC, mac_takes):
                macs.take(index, where)
        start |= start << lanes.half_bits
        for axis, where in rings.proceed(ring_finish, ring_begin, landed, step, start):
            pe_queues.take(axis, where >> lanes.half_bits if axis else where)
        for number, index, where in pe_queues.arrived:
            if number != _MAC:
                rings.offer(number, index, where << lanes.half_bits if number else where)
        if gateways_go_on or gateway_finish or gateway_full:
            self._go_on_at_gateways(gateways_go_on, gateway_finish, gateway_full)
        if bridge_goes_on or in_full or out_full:
            self._go_on_at_bridge(bridge_goes_on, in_full, out_full)
        self.cycle = cycle + 1
        return gave, took

    def _cross_links(self, sent: Mask, ready: Mask) -> tuple[Mask, Mask, Mask]:
        """Words between nodes: who may send on, where words arrive, and who is ready to take them.

        `sent` are the nodes whose output registers hold a word, `ready` the PEs that take one.
        """
        lanes, before_gateways = self.lanes, self.gateway_links
        # A word is ready to be taken by a PE, or by the slice before a gateway.
        ends = ready | before_gateways.ready()
        if self._linked:
            load = lanes.nodes ^ sent | self.links.accepted()
            came = self.links.arriving()
            self.links.move(sent, ends)
        else:
            load = lanes.nodes ^ sent | lanes.upstream(ends)
            came = lanes.downstream(sent)
        gateway_ready = self.gateways.ready(load)
        arriving = came & lanes.pes | before_gateways.valid
        before_gateways.move(came, gateway_ready)
        return load, arriving, ready | gateway_ready

    def _go_on_at_gateways(self, where: Mask, finish: Mask, full: Mask) -> None:
        """Go on with the programs and the ops of the gateways."""
        queues, gateways = self.gateway_queues, self.gateways
        if where:
            queues.proceed(self.cycle, where)
        takes = full and full & gateways.accepts(finish)
        if finish or takes:
            gateways.proceed(finish, queues.take(_RING, takes))

    def _go_on_at_bridge(self, where: Mask, in_full: Mask, out_full: Mask) -> None:
        """Go on with the program and the ops of the bridge."""
        queues, distributor, collector = self.bridge_queues, self.distributor, self.collector
        if where:
            queues.proceed(self.cycle, where)
        if in_full and not distributor.active:
            for index, _ in queues.take(_HOST_IN, in_full):
                distributor.begin(index)
        if out_full and not collector.active:
            for index, _ in queues.take(_HOST_OUT, out_full):
                collector.begin(index)

    def state(self) -> tuple[Any, ...]:
        """All that decides what happens from now on, but for how often loops will turn.

        Two equal states with a host that does the same go on in the same way until a loop ends.
        """
        parts = (
            self.rings,
            self.macs,
            self.gateways,
            self.gateways.host_in,
            self.gateways.host_out,
            self.links,
            self.gateway_links,
            self.distributor,
            self.collector,
        )
        if isinstance(self.macs, TrainingMacs):
            parts = *parts, self.macs.dispatch, self.macs.dumps
            parts = *parts, *([self.macs.readers] if self.macs.readers else [])
        registers = [frozen([getattr(part, name) for name in part.REGISTERS]) for part in parts]
        reverse = self.reverse.state() if self.reverse else ()
        return self._sent, reverse, *registers, *(one.state(self.cycle) for one in self._sequencers)

    def turns(self) -> list[int]:
        """How often each loop of each queue will turn, in an order that `state` determines."""
        return [turns for one in self._sequencers for turns in one.turns()]

    def turn_less(self, fewer: Iterable[int]) -> None:
        """Take turns from each loop, as many as `fewer` says, in that order."""
        each = iter(fewer)
        for one in self._sequencers:
            one.turn_less(each)

    def _pes_idle(self) -> Mask:
        """PEs whose engines are idle."""
        macs = self.macs
        ring_idle = self.rings.idle
        busy = macs.active | macs.waiting | macs.under_way
        return self.lanes.row_pes & ring_idle & ring_idle >> self.lanes.half_bits & ~busy

    def _bridge_idle(self) -> Mask:
        """1 if the bridge is idle, else 0."""
        distributor = self.distributor
        return int(not (distributor.active or distributor.loading or self.collector.active))
