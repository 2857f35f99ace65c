"""What a torus runs: memory images, programs, and the meaning of host words."""

import dataclasses

from hw.config import TorusConfig
from sw_driver.arrays import Beats, IntArray
from sw_driver.errors import HostDataError
from sw_driver.plan.images import Images
from sw_driver.program.host_stream import (
    decode_outputs,
    encode,
    input_words,
    load_words,
    output_beats,
)
from sw_driver.program.program import Program, id_program, load_program
from sw_driver.program.sample_loop import SampleLoop

__all__ = ["Executable", "Run"]


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """One program with everything that the host sends for it.

    Parameters
    ----------
    program
        The program.
    beats
        uint32 [beats, host_bits / 32]: the host's whole stream.
    output_beats
        Beats that the torus sends back.
    """

    program: Program
    beats: Beats
    output_beats: int


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Executable:
    """A compiled net, without the net: enough to run it.

    Parameters
    ----------
    config
        The torus that it is for.
    images
        Of the PEs' memories, and the maps of host words.
    loop
        The queues of a run.
    """

    config: TorusConfig
    images: Images
    loop: SampleLoop

    @property
    def in_features(self) -> int:
        """Inputs of a sample."""
        return int(self.images.input_map.max()) + 1

    @property
    def out_features(self) -> int:
        """Outputs of a sample."""
        return int(self.images.output_map.max()) + 1

    @property
    def max_samples(self) -> int:
        """Most samples of one run."""
        return self.loop.max_samples

    def identify(self) -> Run:
        """Ask for the hardware id: see `sw_driver.program.host_stream.decode_id`."""
        return self._run(id_program(self.config), [])

    def load(self) -> Run:
        """Load all weights and biases. The torus sends nothing back."""
        weights, biases = self.images.weights, self.images.biases
        program = load_program(self.config, weights.shape[2], biases.shape[2])
        return self._run(program, load_words(self.config, weights, biases))

    def infer(self, x: IntArray) -> Run:
        """Run samples [N, I] of words, 1 to `max_samples` of them.

        Raises
        ------
        HostDataError
            If `x` is not [N, I], or a word does not fit `act_bits`.
        ProgramError
            If there are too many samples, or none.
        """
        if x.ndim != 2 or x.shape[1] != self.in_features:
            raise HostDataError(
                f"input words must have shape [N, {self.in_features}], not {list(x.shape)}"
            )
        limit = 1 << (self.config.act_bits - 1)
        if x.size and not (-limit <= int(x.min()) and int(x.max()) < limit):
            raise HostDataError(
                f"input words must be {-limit} to {limit - 1} to fit act_bits = "
                f"{self.config.act_bits}, but reach from {int(x.min())} to {int(x.max())}"
            )
        program = self.loop.program(self.config, len(x))
        return self._run(program, input_words(self.images.input_map, x))

    def decode(self, beats: Beats) -> IntArray:
        """Read outputs [N, O] from the beats that a run of `infer` sent back.

        Raises
        ------
        HostDataError
            If they are not those of whole samples.
        """
        return decode_outputs(self.config, self.images.output_map, beats, self.out_features)

    def _run(self, program: Program, blocks: list[IntArray]) -> Run:
        return Run(program, encode(program, blocks), output_beats(program))
