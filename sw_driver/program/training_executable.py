"""What a torus that trains runs: programs, and the meaning of host words."""

import dataclasses
import functools

from golden.fixed.state import TrainingState
from hw.config import TorusConfig
from sw_driver.arrays import Beats, IntArray
from sw_driver.errors import HostDataError
from sw_driver.plan.maps import Maps
from sw_driver.plan.plan import Plan
from sw_driver.program.events import GradientOf, HostEvents, HostWords, host_events
from sw_driver.program.executable import Run
from sw_driver.program.host_stream import encode, input_words, output_beats
from sw_driver.program.program import Program, id_program, load_program
from sw_driver.program.records import read_state, state_words
from sw_driver.program.training_programs import SampleLoops, dump_program

__all__ = ["TrainingExecutable"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TrainingExecutable:
    """The programs that load, train, run and read a net.

    Parameters
    ----------
    config
        The torus that it is for.
    plan
        The ops of a run that trains.
    maps
        What lies where in the memories of the PEs.
    training, forward
        The queues of runs that train, and of those that only compute outputs.
    """

    config: TorusConfig
    plan: Plan
    maps: Maps
    training: SampleLoops
    forward: SampleLoops

    @functools.cached_property
    def words(self) -> HostWords:
        """What the host's words mean."""
        return HostWords.of(self.plan)

    @property
    def max_samples(self) -> int:
        """Most samples of one run that trains."""
        return self.training.max_samples

    def identify(self) -> Run:
        """Ask for the hardware id: see `sw_driver.program.host_stream.decode_id`."""
        return self._run(id_program(self.config), [])

    def load(self, state: TrainingState) -> Run:
        """Load all weights, biases, accumulators and random generators. Nothing comes back.

        Raises
        ------
        GoldenError
            If the state is not one of this net on this torus.
        """
        state.check(self.plan.form, self.config.rows * self.config.cols)
        program = load_program(self.config, *self._depths())
        return self._run(program, state_words(self.config, self.maps, state))

    def dump(self) -> Run:
        """Read everything that `load` loads: see `read_state`."""
        return self._run(dump_program(self.config, *self._depths()), [])

    def read_state(self, beats: Beats) -> TrainingState:
        """Read the training state from the beats that `dump` gave.

        Raises
        ------
        HostDataError
            If their number is not right.
        FitError
            If a word has changed that never does.
        """
        return read_state(self.config, self.plan.form, self.maps, beats)

    def infer(self, x: IntArray) -> Run:
        """Compute outputs of input words [N, I], without training: see `decode`.

        Raises
        ------
        HostDataError
            If `x` is not [N, I], or a word does not fit `act_bits`.
        ProgramError
            If there are too many samples, or none.
        """
        self.check_inputs(x)
        program = self.forward.program(self.config, len(x))
        return self._run(program, input_words(self.words.input_map, x))

    def decode(self, beats: Beats) -> IntArray:
        """Read outputs [N, O] from the beats that a run of `infer` sent back."""
        return self.words.read_outputs(self.config, beats)

    def train(self, x: IntArray, gradient_of: GradientOf) -> HostEvents:
        """Train on input words [N, I]: everything that the host sends and receives.

        Raises
        ------
        HostDataError
            If `x` is not [N, I], or a word does not fit `act_bits`.
        ProgramError
            If there are more than `max_samples` samples, or none.
        """
        self.check_inputs(x)
        program = self.train_program(len(x))
        return host_events(self.plan, self.words, program, x, gradient_of)

    def train_program(self, samples: int) -> Program:
        """The program of a run that trains on `samples` samples."""
        return self.training.program(self.config, samples)

    def check_inputs(self, x: IntArray) -> None:
        """Refuse what are not input words [N, I]."""
        if x.ndim != 2 or x.shape[1] != self.words.inputs:
            raise HostDataError(
                f"input words must have shape [N, {self.words.inputs}], not {list(x.shape)}"
            )
        limit = 1 << (self.config.act_bits - 1)
        if x.size and not (-limit <= int(x.min()) and int(x.max()) < limit):
            raise HostDataError(
                f"input words must be {-limit} to {limit - 1} to fit act_bits = "
                f"{self.config.act_bits}, but reach from {int(x.min())} to {int(x.max())}"
            )

    def _depths(self) -> tuple[int, int]:
        return self.maps.weights.index.shape[2], self.maps.biases.index.shape[2]

    def _run(self, program: Program, blocks: list[IntArray]) -> Run:
        return Run(program, encode(program, blocks), output_beats(program))
