"""The cycle model by itself: hand-computed cases, its parts, and what it must not import."""

import dataclasses
import json
import subprocess
import sys
from collections import deque
from random import Random

import numpy as np
import pytest

from golden import ClosShape
from golden.vectors.nets import random_net
from hw.config import TorusConfig, TrainingConfig
from hw.op_fields import Axis, GatherKind, HostInKind, MacKind, RingKind
from sw_driver.compiler import compile
from sw_driver.cycle_model import ACTIVITIES, Engine, Simulation, Span, record, simulate
from sw_driver.cycle_model.gateways import Fifos
from sw_driver.cycle_model.lanes import Lanes, bits
from sw_driver.errors import ProgramError
from sw_driver.predict.cycles import predict_cycles
from sw_driver.predict.timeline import chrome_trace, slices, timeline_json
from sw_driver.program.program import Program, id_program, load_program

DIGITS = [ClosShape(64, 64, 8, 8, 8), ClosShape(64, 10, 8, 8, 5)]
CONFIG = TorusConfig(rows=2, cols=3, host_bits=256)


@pytest.fixture(scope="module")
def digits():
    return compile(random_net(DIGITS, seed=1), "2x2")


# By hand


@pytest.mark.parametrize("host_bits", [32, 64, 256])
def test_the_identity_takes_as_long_as_its_program(host_bits):
    """Every figure follows from docs/architecture.md and the docstrings of hw.

    The first beat of the header is taken in cycle 0, and its 16 words leave the bridge's unpacker
    in cycles 1 to 16. In 17 the bridge is idle, in 18 it asks for the program, in 19 the
    distributor takes that op, in 20 the first beat. A block takes 16 cycles. With the last word in
    cycle 20 + 16 B, the sequencer starts two later. Slot 2 of the round comes after three more and
    reads a JUMP, three later the op of one line, which is valid three later; the collector takes it
    then and gives the first beat in the next cycle.
    """
    config = TorusConfig(rows=2, cols=2, host_bits=host_bits)
    program = id_program(config)
    blocks = len(program.gateway_image) // 16 - 1
    first = 20 + 16 * blocks + 2 + 3 + 3 + 3 + 1
    run = simulate(config, program)
    assert run.out_cycles.tolist() == [first, first + 1][: 64 // min(host_bits, 64)]
    beats = config.block_beats
    assert run.in_cycles[:beats].tolist() == list(range(0, 16, 16 // beats))
    assert run.in_cycles[beats] == 20
    assert run.cycles == run.out_cycles[-1] + 1


@pytest.mark.parametrize("link_stages", [0, 2])
def test_words_of_the_host_move_a_hop_a_cycle(link_stages):
    """Weights go past column after column; between repetitions the link rests for a cycle."""
    config = TorusConfig(rows=1, cols=3, link_stages=link_stages, host_fifo_beats=4)
    spans = record(config, load_program(config, weights=512, biases=8)).spans
    words = 510  # The most that fill the buffer and can be dealt to three columns.

    def first_weights(engine):
        return next(span for span in spans[engine] if span.end - span.start > words)

    sends = spans[Engine("gateway", 0, 3)]
    sending = [span for span in sends if span.end - span.start == words + 1]
    assert len(sending) == 2
    assert sending[1].start == sending[0].end
    ends = [first_weights(Engine("row", 0, col)).end for col in range(3)]
    assert ends[1] - ends[0] == ends[2] - ends[1] == 1 + link_stages


def test_a_mac_that_waits_for_nothing_makes_a_step_a_cycle(digits):
    """The whole of its words and outputs in each repetition, one after the other."""
    samples = 12
    program = digits.executable.loop.program(digits.config, samples)
    spans = record(digits.config, program).spans[Engine("mac", 1, 1)]
    steps = sum(span.end - span.start for span in spans)
    steady = digits.prediction.bounds["MAC"]
    assert digits.prediction.cycles == steady == 632
    busy = [span for span in spans if span.start > spans[-1].end - 6 * steady]
    assert all(before.end == after.start for before, after in zip(busy, busy[1:40], strict=False))
    assert steps >= samples * steady


@pytest.mark.parametrize(("shape", "torus", "host_bits", "cycles"), [
    ((800, 128, 32, 8, 16), "8x8", 128, 180),   # 8 * (800 + 128 + 32 * 16) / 64
    ((784, 256, 28, 8, 16), "4x4", 64, 744),    # 8 * (784 + 256 + 28 * 16) / 16
    ((800, 256, 32, 16, 16), "8x8", 32, 416),   # 32 blocks of 25 words, two words a beat
])
def test_a_steady_state_at_its_bound(shape, torus, host_bits, cycles):
    compiled = compile(random_net([ClosShape(*shape)], seed=1), torus, host_bits=host_bits)
    assert compiled.prediction.cycles == cycles == max(compiled.prediction.bounds.values())


# Parts


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 4), (3, 1), (3, 2)])
def test_lanes_move_words_to_the_next_node(rows, cols):
    lanes = Lanes(rows, cols, 100)
    shift = lanes.half_bits

    def row_lane(row, col):
        return lanes.lanes([(row, col)])

    for row in range(rows):
        for col in range(cols + 1):
            after = row_lane(row, (col + 1) % (cols + 1))
            assert lanes.downstream(row_lane(row, col)) == after
            assert lanes.upstream(after) == row_lane(row, col)
        for col in range(cols):
            here, after = row_lane(row, col) << shift, row_lane((row + 1) % rows, col) << shift
            assert lanes.downstream(here) == after
            assert lanes.upstream(after) == here
    assert len(list(bits(lanes.nodes))) == rows * (2 * cols + 1)


def test_lanes_are_compared_one_by_one():
    lanes = Lanes(2, 2, 100)
    random = Random(1)
    each = list(bits(lanes.nodes))
    for _ in range(50):
        a = [random.choice([0, 1, 100, random.randint(0, 100)]) for _ in each]
        b = [random.choice([a[k], random.randint(0, 100)]) for k in range(len(each))]
        x, y = (sum(lane * value for lane, value in zip(each, values, strict=True))
                for values in (a, b))
        assert lanes.nonzero(x) == sum(lane for lane, value in zip(each, a, strict=True) if value)
        assert lanes.at_least(x, y) == sum(
            lane for lane, p, q in zip(each, a, b, strict=True) if p >= q)


@pytest.mark.parametrize("depth", [3, 4, 9])
def test_fifos_hold_as_many_items_as_they_should(depth):
    lanes = Lanes(1, 1, 100)
    gateway = lanes.gateways
    fifos, items, random = Fifos(lanes, depth), deque(), Random(depth)
    fullest = 0
    for _ in range(2000):
        wants = random.random() < random.choice([0.1, 0.9])
        write = fifos.writable if wants else 0
        ready = gateway if random.random() < 0.5 else 0
        assert not fifos.readable or items
        if fifos.readable & ready:
            items.popleft()
        if write:
            items.append(None)
        fifos.move(write, ready)
        fullest = max(fullest, len(items))
    assert fullest == depth


def test_every_register_is_part_of_the_state(digits):
    """What is left out of the state would make two different moments look the same."""
    run = Simulation(digits.config, digits.executable.loop.program(digits.config, 6))
    machine = run.machine
    parts = [machine.rings, machine.macs, machine.gateways, machine.gateways.host_in,
             machine.gateways.host_out, machine.links, machine.distributor, machine.collector]
    before = [{name: repr(value) for name, value in vars(part).items()} for part in parts]
    changed = [set() for _ in parts]
    while not run.done:
        run.collect(1)
        for part, old, names in zip(parts, before, changed, strict=True):
            names |= {name for name, value in vars(part).items() if repr(value) != old[name]}
    for part, names in zip(parts, changed, strict=True):
        assert names - {"completed", "host_in", "host_out"} <= set(part.REGISTERS)
    assert changed[0] and changed[1] and changed[2]


@pytest.mark.parametrize("training", [None, TrainingConfig()], ids=["infers", "trains"])
def test_states_of_the_largest_torus_are_compared(training):
    """Registers of 4096 PEs are numbers of more digits than Python turns into a string."""
    config = TorusConfig(rows=64, cols=64, training=training)
    run = Simulation(config, id_program(config))
    reset = run.machine.state()
    assert hash(reset) == hash(run.machine.state()) and reset == run.machine.state()
    assert run.find_steady() is None and run.done
    assert run.machine.state() != reset


@pytest.mark.parametrize("order", ["best", "program"])
def test_turns_that_are_left_out_change_nothing(order):
    compiled = compile(random_net(DIGITS, seed=2), "1x3", host_bits=32, order=order)
    program = compiled.executable.loop.program(compiled.config, 40)
    fast = simulate(compiled.config, program)
    slow = Simulation(compiled.config, program)
    while not slow.done:
        slow.collect(1)
    assert fast.steady is not None
    np.testing.assert_array_equal(fast.in_cycles, slow.result().in_cycles)
    np.testing.assert_array_equal(fast.out_cycles, slow.result().out_cycles)
    assert compiled.predict(40) == fast.cycles


def test_a_long_run_costs_no_more_steps_than_a_short_one(digits):
    long, most = (predict_cycles(digits.config, digits.executable.loop, samples)
                  for samples in (65_000, 65_003))
    assert most - long == 3 * digits.prediction.cycles
    assert long > 65_000 * digits.prediction.cycles


def test_a_program_that_locks_up_is_an_error():
    """The MAC waits for a region that nobody frees."""
    gather = {"kind": GatherKind.GATHER, "reps": 0, "recv": 3, "lag": 1}
    mac = {"kind": MacKind.RUN, "axis": Axis.ROW, "dest": Axis.ROW, "reps": 0, "last_word": 2,
           "last_output": 0, "need_free": 2}
    send = {"kind": RingKind.SEND, "reps": 0, "send": 3}
    scatter = {"kind": HostInKind.SCATTER, "reps": 0, "beats": 1}
    collect = {"kind": 2, "reps": 0, "beats": 1}
    program = Program.build(CONFIG, ([gather], [], [mac], [send], [scatter], [collect]))
    with pytest.raises(ProgramError, match="locks up with 0 beats of the host not taken and 2 not"):
        simulate(CONFIG, program)


# What engines do


def test_the_breakdown_adds_up(digits):
    breakdown = digits.prediction.breakdown
    assert breakdown.engines["mac"] == {"working": 1.0}
    assert list(breakdown.engines) == ["row", "col", "mac", "ring", "host_in", "host_out"]
    for activities in breakdown.engines.values():
        assert set(activities) <= set(ACTIVITIES)
        assert sum(activities.values()) == pytest.approx(1)
    per_stage = {stage.name: stage.mac_cycles for stage in digits.stages if stage.outputs}
    found = {name: engines["mac"]["working"] for name, engines in breakdown.stages.items()
             if "mac" in engines}
    assert found == pytest.approx(per_stage)
    words = sum(stage.reps * stage.words for stage in digits.stages if stage.from_host)
    moved = breakdown.stages["layer 0 H1"]["ring"]["working"]
    assert moved == words
    assert breakdown.line("mac") == "working 100.0 %"


def test_the_breakdown_says_what_an_order_waits_for():
    compiled = compile(random_net(DIGITS, seed=1), "4x4", order="program")
    engines = compiled.prediction.breakdown.engines
    assert engines["mac"]["working"] == pytest.approx(176 / compiled.prediction.cycles)
    assert engines["mac"]["own words"] + engines["mac"].get("words", 0) > 0.2


def test_slices_name_what_spans_are(digits):
    """Stage, sample and repetition of each; a busy engine waits for nothing."""
    program = digits.executable.loop.program(digits.config, 3)
    recording = record(digits.config, program)
    trace = json.loads(timeline_json(digits, recording, 3))
    shown = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    names = {event["args"]["name"] for event in trace["traceEvents"] if event["ph"] == "M"}
    assert {"PE 1, 1", "gateway 0", "bridge", "row", "col", "mac", "host_in"} <= names
    macs = [event for event in shown if event["name"] == "layer 1 H2"
            and event["args"].get("sample") == 2]
    stage = digits.stages[5]
    # Of the row ring's, the column ring's and the MAC's slices, it has the first and last; also the
    # gateways'.
    assert len(macs) == stage.reps * (4 + 4 + 2)
    assert min(event["args"]["waiting_cycles"] for event in shown) >= 0
    assert all(event["dur"] > 0 for event in shown)


def test_slices_of_a_program_without_a_net_have_the_names_of_ops():
    config = dataclasses.replace(CONFIG, host_bits=32, host_fifo_beats=4)
    program = load_program(config, weights=50, biases=10)
    found = slices(config, program, record(config, program))
    names = {(one.engine.kind, one.name) for one in found}
    assert {("row", "program"), ("row", "weights"), ("row", "biases"), ("gateway", "send"),
            ("host_in", "scatter"), ("host_in", "broadcast")} <= names
    assert all(isinstance(one.span, Span) and one.step is None for one in found)
    assert chrome_trace(found)["traceEvents"]


# What it needs


def test_the_model_needs_no_amaranth_and_no_simulator():
    """The compiler, the model and the order search are plain Python."""
    code = ("import sys, sw_driver.compiler, sw_driver.predict.cycles, sw_driver.predict.timeline; "
            "print([name for name in sys.modules if name.split('.')[0] in "
            "('amaranth', 'cocotb', 'sim')])")
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert done.stdout == "[]\n"
