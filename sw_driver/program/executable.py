"""What a torus runs: memory contents, programs, and the meaning of host words."""

import dataclasses
from collections.abc import Callable

from golden.fixed.state import TrainingState
from hw.config import TorusConfig
from sw_driver.arrays import Beats, IntArray
from sw_driver.errors import MissingError
from sw_driver.plan.images import Images
from sw_driver.plan.maps import Maps
from sw_driver.plan.plan import Plan
from sw_driver.program.dump import dump_program
from sw_driver.program.events import GradientOf, HostEvents, Run, host_events, target_events
from sw_driver.program.host_stream import encode, load_words, output_beats
from sw_driver.program.host_words import HostWords, check_input_words
from sw_driver.program.program import Program, id_program, load_program
from sw_driver.program.records import read_state, state_words
from sw_driver.program.sample_loop import SampleLoops
from sw_driver.program.target_ops import with_error_shift

__all__ = ["Executable", "TrainingRuns"]

# So many packed programs are kept: a loop over data has runs of few lengths.
_KEPT_PROGRAMS = 8


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TrainingRuns:
    """What an executable needs beside to train.

    Parameters
    ----------
    plan
        The plan of a run that trains.
    maps
        Where the weights and biases lie in the memories of the PEs.
    loops
        The queues of runs that train.
    """

    plan: Plan
    maps: Maps
    loops: SampleLoops


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Executable:
    """What is needed to run a compiled net; the net itself is not in it.

    Parameters
    ----------
    config
        The torus that it is for.
    words
        What the host's words mean.
    loop
        The queues of runs that compute outputs.
    contents
        The weights and biases of a net for inference; None if a state is loaded instead.
    training_runs
        The runs that train; None for inference.
    """

    config: TorusConfig
    words: HostWords
    loop: SampleLoops
    contents: Images | None = None
    training_runs: TrainingRuns | None = None

    _packed: dict[tuple[str, int], Program] = dataclasses.field(
        default_factory=dict[tuple[str, int], Program], init=False
    )

    @classmethod
    def of_images(cls, config: TorusConfig, images: Images, loop: SampleLoops) -> "Executable":
        """Make the executable of a net for inference."""
        return cls(config, HostWords(images.input_map, images.output_map[None]), loop, images)

    @property
    def images(self) -> Images:
        """The weights and biases of a net for inference.

        Raises
        ------
        MissingError
            If the net was compiled for training.
        """
        if self.contents is None:
            raise MissingError("the net must be compiled for inference: what trains has a state")
        return self.contents

    @property
    def training(self) -> TrainingRuns:
        """The runs that train.

        Raises
        ------
        MissingError
            If the net was compiled for inference.
        """
        if self.training_runs is None:
            raise MissingError(
                "the net must be compiled for training, from a TrainingFormat, not for inference"
            )
        return self.training_runs

    @property
    def in_features(self) -> int:
        """Inputs of a sample."""
        return self.words.inputs

    @property
    def out_features(self) -> int:
        """Outputs of a sample."""
        return self.words.outputs

    @property
    def max_samples(self) -> int:
        """Most samples of one run that computes outputs."""
        return self.loop.max_samples

    @property
    def max_training_samples(self) -> int:
        """Most samples of one run that trains."""
        return self.training.loops.max_samples

    def identify(self) -> Run:
        """Make the run that asks for the hardware id; `host_stream.decode_id` reads its answer."""
        return _run(id_program(self.config), [])

    def load(self, state: TrainingState | None = None) -> Run:
        """Make the run that loads all weights and biases, or a training state; nothing comes back.

        Raises
        ------
        GoldenError
            If the state is not one of this net on this torus.
        """
        if state is None:
            blocks = load_words(self.config, self.images.weights, self.images.biases)
        else:
            runs = self.training
            state.check(runs.plan.form, self.config.rows * self.config.cols)
            blocks = state_words(self.config, runs.maps, state)
        program = self._kept("load", 0, lambda: load_program(self.config, *self._depths()))
        return _run(program, blocks)

    def infer(self, x: IntArray) -> Run:
        """Make the run that computes outputs of input words [N, I]; `decode` reads its answer.

        Raises
        ------
        HostDataError
            If `x` is not [N, I], or a word does not fit `act_bits`.
        ProgramError
            If there are too many samples, or none.
        """
        check_input_words(x, self.in_features, self.config.act_bits)
        program = self._kept("infer", len(x), lambda: self.loop.program(self.config, len(x)))
        return _run(program, [self.words.input_words(x)])

    def decode(self, beats: Beats) -> IntArray:
        """Read outputs [N, O] from the beats that a run of `infer` sent back.

        Raises
        ------
        HostDataError
            If the beats are not those of whole samples.
        """
        return self.words.read_outputs(self.config, beats)

    def train(self, x: IntArray, gradient_of: GradientOf) -> HostEvents:
        """Go through everything that the host sends and receives to train on input words [N, I].

        Raises
        ------
        HostDataError
            If `x` is not [N, I], or a word does not fit `act_bits`.
        ProgramError
            If there are more than `max_training_samples` samples, or none.
        """
        check_input_words(x, self.in_features, self.config.act_bits)
        return host_events(
            self.training.plan, self.words, self.train_program(len(x)), x, gradient_of
        )

    def train_targets(
        self, x: IntArray, targets: IntArray, error_shift: int | None = None
    ) -> HostEvents:
        """Go through a run that trains on input words [N, I] and words [N, O] of targets.

        `error_shift` is that of the format by default.

        Raises
        ------
        HostDataError
            If a shape is another, or a word does not fit its width.
        ProgramError
            If there are more than `max_training_samples` samples, or none, or the torus does not
            have the shift.
        MissingError
            If the net's format has no `error_shift`.
        """
        plan = self.training.plan
        if plan.form.error_shift is None:
            raise MissingError("the net must be compiled with an error_shift for targets, not None")
        check_input_words(x, self.in_features, self.config.act_bits)
        bits = min(plan.form.act_bits, plan.form.grad_bits)
        check_input_words(targets, self.out_features, bits)
        program = self.train_program(len(x), error_shift)
        return target_events(plan, self.words, program, x, targets)

    def train_program(self, samples: int, error_shift: int | None = None) -> Program:
        """Return the program of a run that trains on `samples` samples; see `train_targets`."""
        loops, config = self.training.loops, self.config
        if error_shift is None or error_shift == self.training.plan.form.error_shift:
            return self._kept("train", samples, lambda: loops.program(config, samples))
        return self._kept(
            f"train, shift {error_shift}",
            samples,
            lambda: Program.build(
                config, with_error_shift(config, loops.queues(samples), error_shift)
            ),
        )

    def dump(self) -> Run:
        """Make the run that reads back what `load` loads of a state; `read_state` reads its answer.

        Raises
        ------
        MissingError
            If the net was compiled for inference.
        """
        _ = self.training
        program = self._kept("dump", 0, lambda: dump_program(self.config, *self._depths()))
        return _run(program, [])

    def read_state(self, beats: Beats) -> TrainingState:
        """Read the training state from the beats that `dump` gave.

        Raises
        ------
        HostDataError
            If there are more or fewer beats than `dump` gives.
        FitError
            If a word that never changes, such as padding, has another value.
        """
        runs = self.training
        return read_state(self.config, runs.plan.form, runs.maps, beats)

    def _depths(self) -> tuple[int, int]:
        """Return how many weights, and how many biases, a PE holds."""
        if self.training_runs is None:
            return self.images.weights.shape[2], self.images.biases.shape[2]
        maps = self.training_runs.maps
        return maps.weights.index.shape[2], maps.biases.index.shape[2]

    def _kept(self, kind: str, samples: int, pack: Callable[[], Program]) -> Program:
        """Return a program, packed once: runs of one length differ in their data only."""
        program = self._packed.get((kind, samples))
        if program is None:
            program = pack()
            while len(self._packed) >= _KEPT_PROGRAMS:
                self._packed.pop(next(iter(self._packed)), None)
            self._packed[kind, samples] = program
        return program


def _run(program: Program, blocks: list[IntArray]) -> Run:
    return Run(program, encode(program, blocks), output_beats(program))
