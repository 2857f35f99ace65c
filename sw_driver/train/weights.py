"""The real weights that a training state stands for."""

from torch import Tensor

from golden import ClosNet, TrainingFormat, TrainingState
from golden.fixed.format import STAGES
from golden.fixed.words import from_words
from sw_driver.errors import DriverError

__all__ = ["float_model", "real_weights", "stored_words"]


def real_weights(form: TrainingFormat, state: TrainingState) -> dict[str, Tensor]:
    """Return stored weights and biases, float64, named as in the `state_dict` of a `ClosNet`."""
    found: dict[str, Tensor] = {}
    for index, (layer, words) in enumerate(zip(form.layers, state.layers, strict=True)):
        for stage, master, fraction in zip(
            STAGES, words.masters, layer.master_fraction_bits, strict=True
        ):
            found[f"layers.{index}.{stage}_weight"] = from_words(master, fraction)
        found[f"layers.{index}.bias"] = from_words(words.bias, form.bias_fraction_bits(index))
    return found


def stored_words(form: TrainingFormat, state: TrainingState) -> dict[str, Tensor]:
    """Return the tensors that a torus holds, by name: all of the state, or all but velocities."""
    return {
        name: words
        for name, words in state.state_dict().items()
        if form.velocity_bits or not name.endswith("velocity")
    }


def float_model(form: TrainingFormat, state: TrainingState) -> ClosNet:
    """Return the float model, for `sw_driver.compile` and `golden.save_model`.

    Raises
    ------
    DriverError
        If the layers do not have a ReLU between each other and none after the last.
    """
    relus = [layer.relu for layer in form.layers]
    if relus != [True] * (len(relus) - 1) + [False]:
        raise DriverError(
            "layers must have a ReLU each, but not the last, to be a ClosNet; "
            f"not (in order) {relus}"
        )
    model = ClosNet(form.shapes)
    model.load_state_dict(real_weights(form, state))
    return model
