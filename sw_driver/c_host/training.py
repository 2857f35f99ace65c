"""What a C header of a net that trains holds besides: its runs, and how its state is moved."""

from hw.op_fields import Memory
from sw_driver.c_host.text import Definitions, braces
from sw_driver.compiled import Compiled
from sw_driver.errors import DriverError
from sw_driver.plan.host_order import HostPart, host_order
from sw_driver.program.dump import list_dumps
from sw_driver.program.host_stream import program_beats
from sw_driver.program.program import load_program, load_runs

__all__ = ["TrainingParts"]

_PARTS = {HostPart.INPUTS: 0, HostPart.OUTPUTS: 1, HostPart.GRADIENT: 2}  # clostorus_part.


class TrainingParts:
    """Defines the constants of a net that trains.

    Parameters
    ----------
    compiled
        The net.
    to
        Where the constants go.
    samples
        Of a run that trains.
    load
        Name of the words that load the first state, whose program loads any state.

    Attributes
    ----------
    gradient, run, state : str
        The initialiser of a `clostorus_map`, and the names of a `clostorus_run` and of a
        `clostorus_state`.
    state_words : int
        Words of 4 bytes that a read of the state brings.

    Raises
    ------
    DriverError
        If the net gives the gradient of its inputs, which the library does not take.
    """

    def __init__(self, compiled: Compiled, to: Definitions, samples: int, load: str) -> None:
        if compiled.input_gradient:
            raise DriverError(
                "input_gradient must be off for a host in C: clostorus.h takes no gradient of "
                "the inputs"
            )
        executable = compiled.executable
        self._compiled = compiled
        self.gradient = to.map("gradient", executable.words.gradients)
        program = to.words("train_program", program_beats(executable.train_program(samples)))
        events = [
            braces(_PARTS[part], sample) for part, sample in host_order(compiled.plan, samples)
        ]
        table = to.table("clostorus_event", "events", events)
        self.run = to.table(
            "clostorus_run", "train", [braces(samples, program, table, len(events))]
        )
        self.state_words, dumps = self._dumps()
        loads = self._loads()
        read = to.words("read", program_beats(executable.dump().program))
        program_words = program_beats(load_program(compiled.config, *self._depths())).size
        self.state = to.table("clostorus_state", "state", [
            braces(
                read,
                braces(load, program_words),
                to.table("clostorus_dump", "dumps", dumps),
                to.table("clostorus_load", "loads", loads),
                len(dumps),
                len(loads),
                self.state_words,
            )
        ])

    def _depths(self) -> tuple[int, int]:
        """Weights, and biases, of a PE."""
        maps = self._compiled.executable.training.maps
        return maps.weights.index.shape[2], maps.biases.index.shape[2]

    def _dumps(self) -> tuple[int, list[str]]:
        """List the words that a read brings, and what is in them."""
        config = self._compiled.config
        rows: list[str] = []
        start = 0
        for dump in list_dumps(config, *self._depths()):
            rows.append(
                braces(int(dump.memory), dump.chunks, dump.first, dump.records, dump.reps, start)
            )
            beats = dump.reps * config.rows * -(-dump.words * config.cols // config.beat_words)
            start += beats * (config.host_bits // 32)
        return start, rows

    def _loads(self) -> list[str]:
        """List the blocks of words that load a state, as `load_program` asks for them."""
        config = self._compiled.config
        weights, biases = self._depths()
        rows: list[str] = []
        for memory, words in (
            (Memory.WEIGHTS, weights * config.weight_chunks),
            (Memory.BIASES, biases * config.bias_record_chunks),
            (Memory.LFSR, config.lfsr_chunks),
        ):
            for size, count in load_runs(config, words * config.cols):
                rows.append(braces(int(memory), size, count))
        return rows
