"""The real weights that a training state stands for."""

from torch import Tensor

from golden import ClosNet, TrainingFormat, TrainingState
from golden.models.activation import NONE, RELU
from golden.models.chain import ChainNet
from golden.models.net import empty_net
from sw_driver.device.state_device import real_layers

__all__ = ["float_model", "real_weights", "stored_words"]


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
    activations = [RELU if layer.relu else NONE for layer in form.layers]
    model = empty_net(form.shapes, activations).to_empty(device="cpu")
    model.load_state_dict(real_weights(form, state))
    return model
