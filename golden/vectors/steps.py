"""Named and random training steps that every implementation is tested against."""

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from golden.arguments import instance
from golden.clos.net import ClosNet
from golden.clos.shape import ClosShape
from golden.fixed.format import TrainingFormat
from golden.fixed.layer import QuantisedLayer
from golden.fixed.layer_format import LayerFormat
from golden.fixed.state import TrainingState, initial_state
from golden.layers.dense import DenseShape, LayerShape
from golden.training.losses import mean_squared_error
from golden.training.scales import Headroom, TrainingWidths, propose_format
from golden.vectors.nets import paper_example

__all__ = [
    "RandomTraining",
    "TrainingVector",
    "paper_training_example",
    "random_gradients",
    "random_training",
]


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingVector:
    """One step of a net of one layer, worked out by hand.

    Parameters
    ----------
    form, state
        The net before the step; all its weights in one processing element.
    x, gradient
        [I] input words, and [O] words that the host sends as the gradient of the outputs.
    output_sums, middle_sums, input_sums
        [Ro, Rm], [Ri, Rm] and [I]: the exact sums that leave each stage, going back.
    middle_gradient, input_gradient
        [Ro, Rm] and [Ri, Rm]: words, the gradients of the results of the middle and input stage.
    after
        The state after the step.
    """

    form: TrainingFormat
    state: TrainingState
    x: Tensor
    gradient: Tensor
    output_sums: Tensor
    middle_sums: Tensor
    input_sums: Tensor
    middle_gradient: Tensor
    input_gradient: Tensor
    after: TrainingState


def paper_training_example() -> TrainingVector:
    """Return a training step of the papers' own network, (4, 4, 2, 2, 2): ClosNets, section III.

    It is the first sample of `golden.vectors.nets.paper_example`, whose outputs are (0, 0, 170,
    239);
    the gradient is 0 where the ReLU gave 0. Every stored weight is 4 times that example's plus 2.
    Words of 4 bits and masters of 6 make gradients and weights saturate; the LFSR starts at 1.
    """
    vector = paper_example()
    example = instance("the paper's layer", vector.net.layers[0], QuantisedLayer)
    form = TrainingFormat(
        layers=(
            LayerFormat(
                shape=example.shape,
                relu=True,
                activation_fraction_bits=(2, 2, 2, 2),
                master_fraction_bits=(2, 2, 3),
                gradient_fraction_bits=(1, 2, 2),
            ),
        ),
        act_bits=16,
        weight_bits=4,
        master_bits=6,
        grad_bits=4,
        velocity_bits=0,
        bias_bits=24,
    )
    weights = (example.input_weight, example.middle_weight, example.output_weight)
    first, second, third = (4 * weight + 2 for weight in weights)
    state = TrainingState.at_rest([((first, second, third), example.bias)], seed=0)
    state.lfsr = torch.tensor([1])
    after = TrainingState.at_rest(
        [
            (
                (
                    torch.tensor([[9, 14], [21, 6], [-16, 16], [4, 18]]),
                    torch.tensor([[[6, -18], [14, 0]], [[10, 22], [-2, 19]]]),
                    torch.tensor([[6, 10], [-2, 14], [-32, 31], [31, -32]]),
                ),
                torch.tensor([5, 2, -9, 1]),
            )
        ],
        seed=0,
    )
    after.lfsr = torch.tensor([0x2DBDB6B6])
    return TrainingVector(
        form=form,
        state=state,
        x=torch.tensor([1, 2, 3, 4]),
        gradient=torch.tensor([0, 0, 6, -2]),
        output_sums=torch.tensor([[0, 0], [14, -6]]),
        middle_sums=torch.tensor([[-14, -15], [28, 9]]),
        input_sums=torch.tensor([-23, -13, 6, 52]),
        middle_gradient=torch.tensor([[0, 0], [7, -3]]),
        input_gradient=torch.tensor([[-7, -8], [7, 4]]),
        after=after,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class RandomTraining:
    """A net to train on random words: its layout, its first state, inputs [samples, I]."""

    form: TrainingFormat
    state: TrainingState
    x: Tensor


def random_training(
    shapes: Sequence[LayerShape],
    samples: int,
    *,
    seed: int,
    widths: TrainingWidths | None = None,
    rows: int = 1,
    cols: int = 1,
) -> RandomTraining:
    """Draw a net and inputs, for comparing implementations of training word by word.

    Every layer but the last has a ReLU. The layout leaves too little headroom on purpose, and some
    weights begin at an extreme, so that activations, gradients and weights all saturate now and
    then. The same arguments give the same net.

    Parameters
    ----------
    shapes
        The layers; each takes the outputs of the one before.
    samples
        Inputs to draw.
    seed
        Of weights, inputs and LFSRs.
    widths
        Of all words.
    rows, cols
        Size of the torus in processing elements, each with an LFSR.

    Raises
    ------
    ModelError
        If the master weights are so much wider than gradients and activations that no update would
        reach their lower bits.
    """
    generator = torch.Generator().manual_seed(seed)
    model = _random_model(shapes, generator)
    with torch.no_grad():
        for name, bias in model.named_parameters():
            if name.endswith("bias"):
                bias.uniform_(-0.5, 0.5, generator=generator)
    real_x = 2.0 * torch.rand(samples, shapes[0].in_features, generator=generator) - 1.0
    targets = torch.randn(samples, shapes[-1].out_features, generator=generator)
    form = propose_format(
        model,
        real_x,
        targets,
        mean_squared_error,
        learning_rate=0.05,
        widths=widths,
        headroom=Headroom(activations=-1, weights=0, gradients=-1, outputs=0),
        seed=seed,
        dense_cuts=[shape.cuts for shape in shapes if isinstance(shape, DenseShape)],
    )
    state = initial_state(model, form, seed=seed, rows=rows, cols=cols)
    limit = 1 << (form.master_bits - 1)
    for layer in state.layers:
        for master in layer.masters:
            draws = torch.rand(master.shape, generator=generator)
            master[draws < 1 / 32] = -limit
            master[draws > 31 / 32] = limit - 1
    largest = (1 << (form.act_bits - 1)) - 1
    return RandomTraining(form, state, torch.round(real_x.double() * largest).to(torch.int64))


def _random_model(shapes: Sequence[LayerShape], generator: torch.Generator) -> nn.Module:
    clos = [shape for shape in shapes if isinstance(shape, ClosShape)]
    if len(clos) == len(shapes):
        return ClosNet(clos, generator=generator)
    layers: list[nn.Module] = []
    for shape in shapes:
        layers += [nn.ReLU()] if layers else []
        if isinstance(shape, ClosShape):
            layers.append(ClosNet([shape], generator=generator).layers[0])
        else:
            layers.append(linear := nn.Linear(shape.in_features, shape.out_features))
            most = shape.in_features**-0.5
            with torch.no_grad():
                linear.weight.uniform_(-most, most, generator=generator)
    return nn.Sequential(*layers)


def random_gradients(form: TrainingFormat, samples: int, *, seed: int) -> Tensor:
    """Draw gradients [samples, O] int64 over the whole range of a word; an eighth are zero."""
    generator = torch.Generator().manual_seed(seed)
    limit = 1 << (form.grad_bits - 1)
    size = (samples, form.shapes[-1].out_features)
    words = torch.randint(-limit, limit, size, generator=generator)
    return torch.where(torch.rand(size, generator=generator) < 0.125, 0, words)
