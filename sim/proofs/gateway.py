"""`Gateway` as a whole: words of the host go round its ring, and those of the ring to the host."""

from typing import Any

from amaranth import *

from hw.config import TorusConfig
from hw.op_fields import RingKind

from .boxes import look_inside_with_boxes
from .gateway_lemmas import gateway_lemmas
from .gateway_walk import FromHost, GatewayWalk, ToHost
from .inside import Inside
from .rtl import Rtl
from .spec import Spec
from .streams import check_holds, drive, take

__all__ = ["gateway_spec", "gateway_without_sequencer"]

_KINDS = (RingKind.SEND, RingKind.FORWARD, RingKind.SINK, RingKind.PROGRAM)


def gateway_without_sequencer(rtl: Rtl, config: TorusConfig) -> tuple[Any, Inside, Any]:
    """Return a gateway, what is inside it, and the box that stands for its sequencer."""
    module = rtl.module("host.gateway")
    gateway = module.Gateway(config)
    queues = [f"{queue}.fifo.storage" for queue in ("in_queue", "out_queue")]
    return gateway, *look_inside_with_boxes(gateway, module, "Sequencer", "sequencer",
                                            "unpack", "pack", *queues)


def gateway_spec(rtl: Rtl, config: TorusConfig) -> Spec:
    """A gateway with any ops, between any host and any ring; a reset comes at any time.

    Its `Sequencer` is proved apart: here it gives any ops at any time. One beat of the host is
    watched from `host_in` to the ring or the program, and one word of the ring to `host_out`.
    """
    spec = Spec(restarts=True)
    m = spec.m
    gateway, inside, sequencer = gateway_without_sequencer(rtl, config)
    m.submodules.gateway = gateway
    drive(spec, "op", sequencer.queue_0)
    op = sequencer.queue_0.p
    has_host = (op.kind == RingKind.SEND) | (op.kind == RingKind.PROGRAM)
    spec.assume(Cat(op.kind == kind.value for kind in _KINDS).any())
    spec.assume(Mux(has_host, (op.recv == 0) & (op.send != 0), op.send <= op.recv))
    received = drive(spec, "i", gateway.i)
    take(spec, "o", gateway.o)
    check_holds(spec, "o", gateway.o)
    walk = GatewayWalk(spec, gateway, sequencer, received)
    from_host = FromHost(spec, config, gateway, walk, sequencer,
                         drive(spec, "host_in", gateway.host_in))
    to_host = ToHost(spec, config, gateway, walk, take(spec, "host_out", gateway.host_out))

    # A second block of the host that ends in a beat, and then a block for the host that ends in
    # one, a word of which was sent on as well.
    sent = Signal(name="sent_a_block")
    with m.If(walk.shows & walk.is_send & walk.block_ends & (from_host.at == 1) & (walk.rep == 1)):
        m.d.sync += sent.eq(1)
    spec.goal = (sent & gateway.host_out.valid & walk.is_sink & (walk.recv == 2) & (walk.send == 1)
                 & (gateway.host_out.payload.word_select(1, config.link_bits) != 0))
    spec.look_inside(lambda: gateway_lemmas(spec, config, inside, walk, from_host, to_host))
    return spec
