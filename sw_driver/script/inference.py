"""The host script of a net for inference."""

from numpy.typing import ArrayLike

from sw_driver.arrays import Beats
from sw_driver.compiled import Compiled
from sw_driver.device.golden import GoldenDevice
from sw_driver.device.torus_device import infer_in_programs
from sw_driver.errors import ProgramError
from sw_driver.program.answers import id_answer, no_answer, output_answer
from sw_driver.program.events import Run, run_events
from sw_driver.script.host_script import HostScript, ScriptWriter, named_samples

__all__ = ["SAMPLES", "begin_script", "inference_script"]

SAMPLES = 16
"""Of a script, unless told otherwise."""


def begin_script(compiled: Compiled) -> ScriptWriter:
    """Begin a script by a run that asks for the hardware id."""
    writer = ScriptWriter(compiled.config)
    writer.add(
        run_events(compiled.executable.identify()),
        id_answer(compiled.config),
        ("the program that asks for the hardware id", "the hardware id"),
    )
    return writer


def inference_script(compiled: Compiled, x: ArrayLike, *, baked: bool = False) -> HostScript:
    """Write what a host does that runs samples, with the outputs of the golden model.

    Parameters
    ----------
    compiled
        A net for inference.
    x
        Real inputs [N, I].
    baked
        Whether the torus holds the weights from the start, so that they are not loaded.

    Raises
    ------
    HostDataError
        If `x` is something else.
    MissingError
        If the net is one that trains.
    """
    executable, writer = compiled.executable, begin_script(compiled)
    with GoldenDevice() as golden:
        golden.load(compiled)
        words = golden.to_words(x)
        outputs = golden.infer_words(words)
    if not baked:
        writer.add(
            run_events(executable.load()),
            no_answer(compiled.config),
            ("the program that loads all weights and biases, and these",),
        )
    done = 0

    def perform(run: Run, samples: int) -> tuple[Beats, None]:
        nonlocal done
        part = slice(done, done + samples)
        done += samples
        answer = output_answer(compiled.config, executable.words, outputs[part])
        named = named_samples(part.start, samples)
        what = f"the program of a run of {named}, and their inputs", f"the outputs of {named}"
        return writer.add(run_events(run), answer, what), None

    found, _ = infer_in_programs(executable, words, perform)
    if (found != outputs).any():
        raise ProgramError("the outputs of the golden model must be those that their beats hold")
    return writer.finish()
