"""All proofs: what is claimed, for which parameters, and how it is proved."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from hw.config import TorusConfig, TrainingConfig
from hw.link_config import LinkConfig
from hw.presets import PROOF

from .axi_stream import axi_stream_spec
from .bridge import bridge_spec
from .buses import axi_lite_spec
from .credits import credits_spec
from .delay import delay_spec
from .frame_receiver import frame_receiver_spec
from .frame_sender import frame_sender_spec
from .gateway import gateway_spec
from .gateway_ring import gateway_ring_spec
from .gather import gather_spec, router_spec, small_training
from .host_bytes import beat_joiner_spec, beat_splitter_spec
from .host_ops import collector_spec, distributor_spec
from .host_words import pack_spec, unpack_spec
from .link import link_spec
from .loader import loader_spec
from .mac_control import mac_control_spec
from .reduce import reduce_spec, training_router_spec
from .reduce_ring import reduce_ring_spec
from .reverse_gateway import reverse_gateway_spec
from .ring import ring_spec
from .rtl import Rtl
from .sequencer import sequencer_spec
from .serialise import serialise_spec
from .spec import Spec
from .wishbone import wishbone_spec

__all__ = ["PROOFS", "Proof"]


# How long links, and the players of each PE, rest at most in the proofs of rings.
RING_REST_CYCLES = 2
# Records of 6 and 7 words, of weights and biases; 8 words make the state of a generator.
LONG_RECORDS = TrainingConfig(master_bits=6, grad_bits=4, velocity_bits=16, reduce_words=2,
                              targets=1)
HOST_LINK = LinkConfig(clock_hz=25_000_000, buffer_bytes=512)
# The least queues whose memories have a power of two of beats.
GATEWAY = dataclasses.replace(PROOF, host_bits=32, host_fifo_beats=5)
HOST_ROWS = 3  # In the proofs of the host side.
REDUCE_WORDS = 2  # Depth of the FIFOs in the proofs of rings back.
# The least size of a chunk with which these lock up: more than there is room for in a FIFO, on a
# link and in the output of a node.
TOO_MANY_WORDS = REDUCE_WORDS + 3


@dataclass(frozen=True)
class Proof:
    """One claim.

    Parameters
    ----------
    name
        Short, for the command line.
    claim
        In words, with the parameters.
    spec
        Makes the specification around an RTL.
    induction_cycles
        Cycles over which the induction runs. It proves the claim for all time.
    goal_cycles
        Cycles within which the goal is reached.
    mutant_cycles
        Cycles within which each mutant of this proof fails a check.
    slow
        It takes more than some seconds.
    """

    name: str
    claim: str
    spec: Callable[[Rtl], Spec]
    induction_cycles: int
    goal_cycles: int
    mutant_cycles: int
    slow: bool = False


def _link(stages: int) -> Proof:
    return Proof(
        name="link" if stages == 1 else f"link-{stages}",
        claim=f"{stages} links in a row",
        spec=lambda rtl: link_spec(rtl, stages),
        induction_cycles=1, goal_cycles=2 * stages + 4, mutant_cycles=6,
        slow=stages > 2)


def _gather(name: str, claim: str, ops: int, regions: int, *, slow: bool,
            trains: bool = False) -> Proof:
    config = small_training() if trains else PROOF
    return Proof(name=name, claim=claim,
                 spec=lambda rtl: gather_spec(rtl, [{}] * ops, regions, config),
                 induction_cycles=1, goal_cycles=30, mutant_cycles=12, slow=slow)


def _ring(nodes: int, *, starts: bool = False) -> Proof:
    return Proof(
        name=f"ring-{nodes}" + "-starts" * starts,
        spec=lambda rtl: ring_spec(rtl, nodes, 1, RING_REST_CYCLES, starts=starts),
        claim=f"ring of {nodes}, any op again and again, in one region of 16 words"
              + ", programs that start at any time" * starts,
        induction_cycles=1, goal_cycles=45, mutant_cycles=12, slow=True)


def _reduce(name: str, words: int) -> Proof:
    return Proof(name=name, spec=lambda rtl: reduce_spec(rtl, words),
                 claim=f"RingReduce, any contributions, FIFOs of {words} words",
                 induction_cycles=1, goal_cycles=20, mutant_cycles=10, slow=words > 2)


def _reduce_ring(nodes: int) -> Proof:
    return Proof(
        name=f"reduce-ring-{nodes}",
        spec=lambda rtl: reduce_ring_spec(rtl, nodes, REDUCE_WORDS, RING_REST_CYCLES),
        claim=f"ring back of {nodes}, blocks in chunks of up to {REDUCE_WORDS} words, again and "
              f"again, FIFOs of {REDUCE_WORDS} words",
        induction_cycles=1, goal_cycles=30, mutant_cycles=8, slow=True)


def _credits(width: int) -> Proof:
    return Proof(
        name=f"credits-{width}", spec=lambda rtl: credits_spec(rtl, width),
        claim=f"Credits, any events and demands, up to {(1 << width) - 1} at once",
        induction_cycles=1, goal_cycles=(3 << width) + 4, mutant_cycles=6)


def _delayed(stages: int) -> Proof:
    return Proof(
        name="delayed" if stages == 1 else f"delayed-{stages}",
        claim=f"delayed, any items, {stages} stage{'s' * (stages > 1)}",
        spec=lambda rtl: delay_spec(rtl, stages),
        induction_cycles=1, goal_cycles=stages + 3, mutant_cycles=stages + 3)


def _serialise(lanes: int) -> Proof:
    return Proof(
        name=f"serialise-{lanes}", spec=lambda rtl: serialise_spec(rtl, lanes),
        claim=f"Serialise, any groups of up to {lanes} sums, as close as they may be",
        induction_cycles=1, goal_cycles=2 * lanes + 4, mutant_cycles=2 * lanes + 3,
        slow=lanes > 2)


def _sequencer(name: str, lines: dict[int, int], config: TorusConfig, goal_cycles: int) -> Proof:
    return Proof(name=name, spec=lambda rtl: sequencer_spec(rtl, lines, config),
                 claim="Sequencer, any programs of 8 lines, ops of "
                       + ", ".join(map(str, lines.values())) + " lines",
                 induction_cycles=1, goal_cycles=goal_cycles, mutant_cycles=50, slow=True)


def _host(name: str, world: str, make: Callable[[Rtl, int], Spec],
          goal_cycles: int = 20) -> Proof:
    return Proof(name=name, spec=lambda rtl: make(rtl, HOST_ROWS),
                 claim=f"{name.title()}, any ops, {world}, {HOST_ROWS} rows",
                 induction_cycles=1, goal_cycles=goal_cycles, mutant_cycles=10)


def _words(name: str, claim: str, make: Callable[[Rtl, TorusConfig], Spec]) -> Proof:
    config = dataclasses.replace(PROOF, host_bits=32)
    return Proof(name=name, spec=lambda rtl: make(rtl, config),
                 claim=f"{claim}, {config.beat_words} words in a beat",
                 induction_cycles=1, goal_cycles=24, mutant_cycles=12)


def _bytes(name: str, claim: str, make: Callable[[Rtl, LinkConfig, int], Spec]) -> Proof:
    return Proof(name=name, spec=lambda rtl: make(rtl, HOST_LINK, 64), claim=f"{claim}, beats of "
                 "64 bits, a buffer of 512 bytes",
                 induction_cycles=1, goal_cycles=48, mutant_cycles=30)


def _loader(name: str, claim: str, config: TorusConfig) -> Proof:
    return Proof(name=name, spec=lambda rtl: loader_spec(rtl, config), claim=claim,
                 induction_cycles=1, goal_cycles=80, mutant_cycles=20,
                 slow=config.training is not None)


PROOFS = {proof.name: proof for proof in (
    _credits(1), _credits(3), _delayed(1), _delayed(3),
    _link(1), _link(2), _link(4), _serialise(2), _serialise(4), _serialise(8),
    _sequencer("sequencer", {0: 2, 1: 1, 2: 3},
               dataclasses.replace(PROOF, lanes_in=2, link_words=2), 80),
    _sequencer("sequencer-bridge", {1: 1, 2: 2}, PROOF, 110),
    _host("distributor", "any host and any gateways", distributor_spec),
    _host("collector", "any gateways and any host", collector_spec),
    _host("bridge", "any host and any gateways", bridge_spec, goal_cycles=26),
    _words("unpack", "Unpack, any beats and blocks that end anywhere in them", unpack_spec),
    _words("pack", "Pack, any blocks", pack_spec),
    Proof(name="gateway", claim="Gateway, any ops, any host and any ring, 8 words in a beat",
          spec=lambda rtl: gateway_spec(rtl, GATEWAY),
          induction_cycles=1, goal_cycles=14, mutant_cycles=8),
    Proof(name="reverse-gateway", claim="ReverseGateway, any sums, any ring and any host",
          spec=reverse_gateway_spec, induction_cycles=1, goal_cycles=16, mutant_cycles=8),
    _loader("loader", "Loader, any words on any cycle, of 3 columns",
            dataclasses.replace(PROOF, cols=3)),
    _loader("loader-trains", "as loader, of 2 columns that train, with momentum and targets",
            dataclasses.replace(PROOF, cols=2, training=LONG_RECORDS)),
    Proof(name="mac-control", claim="MacControl, any ops, between any two ring engines",
          spec=mac_control_spec, induction_cycles=1, goal_cycles=40, mutant_cycles=16, slow=True),
    Proof(name="frame-receiver", spec=lambda rtl: frame_receiver_spec(rtl, HOST_LINK),
          claim="FrameReceiver, any bytes and ends of frames, a buffer of 512 bytes",
          induction_cycles=1, goal_cycles=90, mutant_cycles=52, slow=True),
    Proof(name="frame-sender", spec=lambda rtl: frame_sender_spec(rtl, HOST_LINK),
          claim="FrameSender, frames that arrive at any time, a buffer of 512 bytes",
          induction_cycles=1, goal_cycles=30, mutant_cycles=12, slow=True),
    _bytes("beat-joiner", "BeatJoiner, any words and any torus", beat_joiner_spec),
    _bytes("beat-splitter", "BeatSplitter, any beats, acknowledged at any time",
           beat_splitter_spec),
    Proof(name="axi-lite", claim="AxiLiteSlave, any master and any registers", spec=axi_lite_spec,
          induction_cycles=1, goal_cycles=12, mutant_cycles=8),
    Proof(name="axi-stream", claim="BusStreams, any masters, a torus that does anything",
          spec=axi_stream_spec, induction_cycles=1, goal_cycles=14, mutant_cycles=10, slow=True),
    Proof(name="wishbone", claim="WishboneSlave, any master, any registers and any torus",
          spec=wishbone_spec, induction_cycles=1, goal_cycles=16, mutant_cycles=8, slow=True),
    _gather("gather", "RingGather, any op again and again, in two regions of 8 words", 1, 2,
            slow=True),
    _gather("gather-whole", "RingGather, any op again and again, in one region of 16 words", 1, 1,
            slow=True),
    Proof(name="router", spec=lambda rtl: router_spec(rtl, [{}], 2),
          claim="InferenceRouter, any op again and again on each axis, in two regions of 8 words",
          induction_cycles=1, goal_cycles=30, mutant_cycles=12, slow=True),
    Proof(name="gateway-ring", claim="ring of a PE and a gateway, any two ops in turn, to and from "
          "the host", spec=lambda rtl: gateway_ring_spec(rtl, GATEWAY, RING_REST_CYCLES),
          induction_cycles=1, goal_cycles=24, mutant_cycles=12, slow=True),
    _ring(2), _ring(2, starts=True), _ring(3),
    _gather("gather-two-ops", "RingGather, any two ops in turn, in two regions of 8 words", 2, 2,
            slow=True),
    _gather("gather-two-ops-whole",
            "RingGather, any two ops in turn, in one region of 16 words", 2, 1, slow=True),
    _gather("gather-trains", "RingGather of a torus that trains, any op again and again, in two "
            "regions of 8 words, read once or again", 1, 2, slow=True, trains=True),
    _gather("gather-trains-whole", "as gather-trains, in one region of 16 words", 1, 1, slow=True,
            trains=True),
    _gather("gather-trains-two-ops", "as gather-trains, any two ops in turn", 2, 2, slow=True,
            trains=True),
    _gather("gather-trains-two-ops-whole", "as gather-trains-two-ops, in one region of 16 words", 2,
            1, slow=True, trains=True),
    _reduce("reduce", 4), _reduce("reduce-2", 2), _reduce_ring(2), _reduce_ring(3),
    Proof(name="reduce-ring-2-locks-up",
          spec=lambda rtl: reduce_ring_spec(rtl, 2, REDUCE_WORDS, 0, locks_up=TOO_MANY_WORDS),
          claim=f"as reduce-ring-2, in chunks of {TOO_MANY_WORDS} words; the goal: a lock-up",
          induction_cycles=1, goal_cycles=20, mutant_cycles=8, slow=True),
    Proof(name="training-router", spec=lambda rtl: training_router_spec(rtl, REDUCE_WORDS),
          claim="TrainingRouter, both rings back, whatever happens on the others",
          induction_cycles=1, goal_cycles=20, mutant_cycles=8, slow=True),
)}
