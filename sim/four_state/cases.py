"""What a torus of each preset runs: a small net with random words, and what must come back."""

import dataclasses

import torch
from torch import Tensor

from golden.clos.shape import ClosShape
from golden.fixed.format import TrainingFormat
from golden.fixed.layer_format import LayerFormat
from golden.fixed.state import TrainingState
from golden.fixed.visits import weight_sizes
from golden.vectors.nets import random_net, random_words
from golden.vectors.steps import random_gradients
from hw.config import TorusConfig
from hw.presets import PRESETS
from sw_driver.compiler import compile
from sw_driver.errors import FitError, ProgramError
from sw_driver.script.host_script import HostScript
from sw_driver.script.inference import inference_script
from sw_driver.script.training import Lesson, training_script

__all__ = ["CASES", "Case", "script_of"]

_SAMPLES = 3
# The first that fits is taken. Sums of 4 products make the shifts that the fitted presets have.
_NETS = (
    (ClosShape(16, 16, 4, 4, 4), ClosShape(16, 10, 4, 4, 2)),
    (ClosShape(16, 16, 4, 4, 4),),
    (ClosShape(12, 12, 4, 4, 4),),
)
# Fraction bits of activations, weights as stored and gradients, which make shifts that the presets
# for training have: 15 forward and back, 10 for a weight's change, 6 for a bias's.
_ACTIVATION, _MASTER, _GRADIENT = 12, 23, 21


@dataclasses.dataclass(frozen=True)
class Case:
    """A torus to be run.

    Parameters
    ----------
    config
        Of the torus.
    changed
        What of it is not as in the preset, in words; empty if it is the preset.
    """

    config: TorusConfig
    changed: str = ""


def _case(name: str, config: TorusConfig) -> Case:
    if name == "proof":  # Made for proofs of single nodes.
        return Case(dataclasses.replace(config, rep_bits=5, program_words=512),
                    "rep_bits 5 and program_words 512: no program fits 64 words")
    if name == "fitted-batches":  # Made for areas.
        return Case(dataclasses.replace(config, rep_bits=6, program_words=1024),
                    "rep_bits 6 and program_words 1024: no program of a batch fits 512 words")
    return Case(config)


CASES = {name: _case(name, config) for name, config in PRESETS.items()}


def script_of(config: TorusConfig, seed: int = 1) -> HostScript:
    """Write what a host does: it asks for the hardware id, loads a net, and runs it.

    A torus that infers runs samples. One that trains does so with samples, in a batch with
    momentum if it has velocities, and then all weights, biases and random generators are read back.

    Parameters
    ----------
    config
        Of the torus; its word widths are those of a preset if it trains.
    seed
        Of the words.

    Raises
    ------
    FitError, ProgramError
        None of the nets fits the torus.
    """
    refused: FitError | ProgramError | None = None
    for shapes in _NETS:
        try:
            if config.training is None:
                return _inference(config, shapes, seed)
            return _training(config, shapes, seed)
        except (FitError, ProgramError) as error:
            refused = error
    assert refused is not None
    raise refused


def _inference(config: TorusConfig, shapes: tuple[ClosShape, ...], seed: int) -> HostScript:
    net = random_net(shapes, seed=seed, act_bits=config.act_bits, weight_bits=config.weight_bits)
    compiled = compile(net, config)
    scale = 2.0**-compiled.word_format.input_fraction_bits
    return inference_script(compiled, random_words(net, _SAMPLES, seed=seed).numpy() * scale)


def _training(config: TorusConfig, shapes: tuple[ClosShape, ...], seed: int) -> HostScript:
    training = config.training
    assert training is not None
    generator = torch.Generator().manual_seed(seed)

    def draw(bits: int, *size: int) -> Tensor:
        return torch.randint(-(1 << (bits - 1)), 1 << (bits - 1), size, generator=generator)

    form = TrainingFormat(
        tuple(LayerFormat(shape, index < len(shapes) - 1, (_ACTIVATION,) * 4, (_MASTER,) * 3,
                          (_GRADIENT,) * 3) for index, shape in enumerate(shapes)),
        config.act_bits, config.weight_bits, training.master_bits, training.grad_bits,
        training.velocity_bits, bias_bits=config.bias_bits)
    layers = [(tuple(draw(form.master_bits, *size) for size in weight_sizes(shape)),
               draw(form.act_bits + form.weight_bits - 1, shape.out_features)) for shape in shapes]
    state = TrainingState.at_rest(layers, seed=seed, rows=config.rows, cols=config.cols)
    batches = training.velocity_bits > 0
    compiled = compile(form, config, batches=batches, momentum=2 if batches else None)
    x = draw(form.act_bits, _SAMPLES, shapes[0].in_features).numpy()
    gradients = random_gradients(form, _SAMPLES, seed=seed).numpy()
    return training_script(compiled, state, [Lesson(x, lambda sample, y: gradients[sample])])
