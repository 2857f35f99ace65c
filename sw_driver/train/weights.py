"""The real weights that a training state stands for."""

import torch
from torch import Tensor, nn

from golden import ClosLinear, ClosNet, ClosShape, TrainingFormat, TrainingState
from golden.models.activation import NONE, RELU
from golden.models.chain import ChainNet
from sw_driver.device.state_device import real_layers
from sw_driver.errors import DriverError
from sw_driver.train.model_file import names

__all__ = ["clos_shapes", "float_model", "real_weights", "stored_words"]


def real_weights(form: TrainingFormat, state: TrainingState) -> dict[str, Tensor]:
    """Return stored weights and biases, float64, named as in the `state_dict` of a `ClosNet`."""
    return {
        f"layers.{index}.{name}": reals
        for index, layer in enumerate(real_layers(form, state))
        for name, reals in layer.items()
    }


def stored_words(form: TrainingFormat, state: TrainingState) -> dict[str, Tensor]:
    """Return the tensors that a torus holds, by name: all of the state, or all but velocities."""
    return {
        name: words
        for name, words in state.state_dict().items()
        if form.velocity_bits or not name.endswith("velocity")
    }


def float_model(form: TrainingFormat, state: TrainingState) -> ClosNet | ChainNet:
    """Return the float model, for `sw_driver.compile` and `golden.save_model`.

    It is a `ClosNet` if all layers are Clos layers with a ReLU between any two.
    """
    relus = [layer.relu for layer in form.layers]
    shapes = [shape for shape in form.shapes if isinstance(shape, ClosShape)]
    if len(shapes) == len(form.shapes) and relus == [True] * (len(relus) - 1) + [False]:
        model = ClosNet(shapes)
    else:
        with torch.device("meta"):
            layers = [
                ClosLinear.of_shape(shape)
                if isinstance(shape, ClosShape)
                else nn.Linear(shape.in_features, shape.out_features)
                for shape in form.shapes
            ]
        model = ChainNet(layers, [RELU if relu else NONE for relu in relus]).to_empty(device="cpu")
    model.load_state_dict(real_weights(form, state))
    return model


def clos_shapes(form: TrainingFormat) -> list[ClosShape]:
    """Return the shapes of the layers of a `ClosNet`.

    Raises
    ------
    DriverError
        If a layer is dense.
    """
    shapes = [shape for shape in form.shapes if isinstance(shape, ClosShape)]
    if len(shapes) != len(form.shapes):
        raise DriverError(
            "layers must all be Clos layers to be a ClosNet; not dense ones, as are among "
            f"(in order) {names(form.shapes)}"
        )
    return shapes
