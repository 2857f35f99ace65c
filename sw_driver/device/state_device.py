"""What every device can do with the state of a net that trains: read it, set it, keep it."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from golden.fixed.format import TrainingFormat
from golden.fixed.state import TrainingState
from golden.fixed.words import from_words
from sw_driver.compiled import Compiled
from sw_driver.device.word_device import WordDevice
from sw_driver.errors import DriverError

__all__ = ["CHECKPOINT_FORMAT", "StateDevice", "real_layers"]

CHECKPOINT_FORMAT = 1


class StateDevice(WordDevice):
    """A device whose weights, biases, accumulators and random generators can be read and set.

    Every method raises `DriverError` if no net that trains is loaded.
    """

    def read_state(self) -> TrainingState:
        """Read all weights, biases, accumulators and random generators."""
        with self._loaded.turn:
            return self._read_state(self._trained())

    def write_state(self, state: TrainingState) -> None:
        """Set all weights, biases, accumulators and random generators.

        Raises
        ------
        DriverError
            If `state` is something else.
        GoldenError
            If the state is not one of this net on this torus; nothing has changed then.
        """
        with self._loaded.turn:
            compiled = self._trained()
            if not isinstance(state, TrainingState):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise DriverError(f"state must be a TrainingState, not {type(state).__name__}")
            state.check(compiled.format, compiled.placement.pes)
            self._weights = object()
            self._write_state(compiled, state)

    def read_weights(self) -> list[dict[str, NDArray[np.float64]]]:
        """Read every layer's `input_weight`, `middle_weight`, `output_weight` and `bias`, as reals.

        Their shapes are those of `golden.ClosLinear`. A dense layer has `weight` and `bias`, with
        the shapes of `torch.nn.Linear`.
        """
        with self._loaded.turn:
            form, state = self.compiled.format, self.read_state()
        return [
            {name: reals.numpy() for name, reals in layer.items()}
            for layer in real_layers(form, state)
        ]

    def checkpoint(self) -> dict[str, Any]:
        """Read everything that training goes on from; `torch.save` can write it."""
        with self._loaded.turn:
            compiled, state = self.compiled, self.read_state()
        return {
            "format": CHECKPOINT_FORMAT,
            "net": _describe(compiled.format),
            "torus": [compiled.config.rows, compiled.config.cols],
            **_lanes(compiled),
            "state": state.state_dict(),
        }

    def restore(self, checkpoint: Mapping[str, Any]) -> None:
        """Go on from what `checkpoint` returned.

        Raises
        ------
        DriverError
            If it is of another net or torus, or no checkpoint; nothing has changed then.
        GoldenError
            If its state is damaged.
        """
        with self._loaded.turn:
            compiled = self._trained()
            config = compiled.config
            if not isinstance(checkpoint, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise DriverError(
                    f"checkpoint must be what checkpoint() returns, not {type(checkpoint).__name__}"
                )
            for name, wanted in (
                ("format", CHECKPOINT_FORMAT),
                ("torus", [config.rows, config.cols]),
                ("net", _describe(compiled.format)),
                ("lanes_out", config.lanes_out),
            ):
                found = checkpoint.get(name, 1 if name == "lanes_out" else None)
                # An array is neither equal nor unequal.
                if type(found) is not type(wanted) or found != wanted:
                    raise DriverError(f"the checkpoint's {name} must be {wanted}, not {found}")
            layers = len(compiled.format.layers)
            self.write_state(TrainingState.from_state_dict(checkpoint.get("state"), layers))


def real_layers(form: TrainingFormat, state: TrainingState) -> list[dict[str, Tensor]]:
    """Return the weights and biases that a state stands for, float64.

    They are named as in `ClosLinear`, and those of a dense layer as in `nn.Linear`.
    """
    found: list[dict[str, Tensor]] = []
    for index, (layer, words) in enumerate(zip(form.layers, state.layers, strict=True)):
        reals = {
            name: from_words(master, fraction)
            for name, master, fraction in zip(
                layer.weight_names, words.masters, layer.master_fraction_bits, strict=True
            )
        }
        reals["bias"] = from_words(words.bias, form.bias_fraction_bits(index))
        found.append(reals)
    return found


def _lanes(compiled: Compiled) -> dict[str, int]:
    """Single lanes are left out, as in files from before there were others."""
    lanes = compiled.config.lanes_out
    return {} if lanes == 1 else {"lanes_out": lanes}


def _describe(form: TrainingFormat) -> str:
    """Everything about a net but its words."""
    fields = dataclasses.asdict(form)
    if form.error_shift is None:
        del fields["error_shift"]  # As in files from before there was one.
    return json.dumps(fields, sort_keys=True)
