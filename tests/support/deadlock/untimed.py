"""Whether a program ends in the untimed interpreter, begun with the program in its memories.

Nothing is loaded and all words are 0, so that one run takes milliseconds: only who waits for whom
matters here. Engines take turns at random, as in `tests.support.torus_interpreter`.
"""

from types import SimpleNamespace

from hw.op_fields import HostInKind
from sw_driver.program.loops import expand, repetitions
from tests.support.interpreter_parts import together
from tests.support.torus_interpreter import Interpreter
from tests.support.training_interpreter import TrainingInterpreter

__all__ = ["ASTRAY", "ENDED", "STUCK", "run_untimed"]

ENDED, STUCK, ASTRAY = "ends", "locks up", "leaves its counters or memories"


def run_untimed(config, queues, host, seed):
    """Say what becomes of a program: ENDED, STUCK, or ASTRAY if it does what no counter or
    memory of the torus can hold.

    Parameters
    ----------
    config
        The torus.
    queues
        The six queues of the program, without the ops that load the PEs' program.
    host
        What the host does, in order, as `sw_driver.check.waits.check_program` takes it.
    seed
        The order of turns follows from it.
    """
    torus = (Interpreter if config.training is None else TrainingInterpreter)(config, seed)
    ops = [[SimpleNamespace(**op) for _, op in expand(queue)] for queue in queues]
    for node in torus.nodes:
        node.sequencer.ops = _fetching(ops[3:])
    for pe in torus.nodes[1 + len(torus.gateways):]:
        pe.sequencer.ops = _fetching(ops[:3])
        _fill(pe)
    actors = [*(node.carry_out() for node in torus.nodes), _Host(torus, queues, host).run()]
    further = together(torus.further(torus.gateways), torus.random)  # They never end.
    return _settle(together(actors, torus.random), further)


def _fetching(queues):
    """A memory that holds the ops of three queues as they are run."""
    return lambda queue: iter(queues[queue])


def _settle(steps, further):
    idle = 0
    try:
        while idle < 30:  # Some waits are random.
            acted = next(steps, None)
            if acted is None:
                return ENDED
            acted |= next(further, False)
            idle = 0 if acted else idle + 1
    except (AssertionError, IndexError, ValueError):
        return ASTRAY
    return STUCK


def _fill(pe):
    """Give a PE words, so that a program that uses some too early goes on."""
    weight = int(pe.config.row_weights > 1)  # With lanes, words of weight 0 are not waited for.
    pe.weights = [weight] * len(pe.weights)
    pe.biases = [0] * len(pe.biases)
    if pe.config.training is not None:
        pe.velocities, pe.lfsr = [0] * len(pe.weights), 1
        pe.bias_velocities = [0] * len(pe.biases)
        pe.host_gradients = [0] * len(pe.host_gradients)
        for axis, memory in pe.gradients.items():
            pe.gradients[axis] = [0] * len(memory)
    for ring in pe.rings.values():
        ring.start = _started_with_zeros(ring, ring.start)


def _started_with_zeros(ring, start):
    def begin():
        start()
        ring.buffer = [0] * len(ring.buffer)
    return begin


class _Host:
    """A host that sends and takes the beats that its queues say, in its own order or at once."""

    def __init__(self, torus, queues, actions):
        self.bridge, self.actions = torus.bridge, actions
        self.blank = [0] * torus.config.beat_words
        scatter, rows = HostInKind.SCATTER, torus.config.rows
        self.beats = {
            "in": iter([op["beats"] * (rows if op["kind"] == scatter else 1)
                        for op, _ in repetitions(queues[4])]),
            "out": iter([op["beats"] * rows
                         for op, _ in repetitions(queues[5])]),
        }

    def run(self):
        if self.actions is None:  # It takes whatever comes.
            for beats in self.beats["in"]:
                self.send(beats)
            return
        self.bridge.most_out = 0
        for kind, reps in self.actions:
            for _ in range(reps):
                beats = next(self.beats[kind], 0)
                if kind == "in":
                    self.send(beats)
                    while self.bridge.host_in:
                        yield False
                else:
                    self.bridge.most_out = beats
                    while len(self.bridge.host_out) < beats:
                        yield False
                    self.bridge.host_out.clear()
                    self.bridge.most_out = 0
                yield True

    def send(self, beats):
        self.bridge.host_in.extend(self.blank for _ in range(beats))
