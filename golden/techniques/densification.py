"""Training that begins sparse and grows denser."""

import math
from typing import Any

import torch
from torch import nn

from golden.arguments import instance, mapping, real_number, seed_number, whole_number
from golden.clos.layer import ClosLinear
from golden.errors import CheckpointError, GoldenError, ModelError
from golden.techniques.carrying import carry_optimiser, check_carried
from golden.techniques.growth import (
    Growable,
    Growth,
    check_new_values,
    check_own,
    grow,
    growable,
    size_of,
)
from golden.tensors.dense import owners_of

__all__ = ["Densification"]

# By name: some of their modules are not in every build of PyTorch, and take seconds to import.
_WRAPPERS = {
    "AveragedModel",
    "DataParallel",
    "DistributedDataParallel",
    "FSDPModule",
    "FullyShardedDataParallel",
}


class Densification:
    """Adds connections to all sparse layers of a model, every so many steps of its training.

    Power of Sparsity, sections 3.2.1 and 5.3: training starts at a density of 1 % or 0.1 %, and the
    number of connections doubles every 10 000 to 50 000 steps. `ClosLinear`, `SparseRandomConv2d`
    and the stages of `SparseCascade` grow; whatever else the model holds stays.

    It goes on from a checkpoint in this order: make model, optimiser and schedule as at first; load
    the state of the schedule, which makes the layers as large as they were; then load the states of
    the model and the optimiser.

    Parameters
    ----------
    model, optimiser
        What is trained. Parameters that grow are replaced in both, and nowhere else: wrap a model
        in `DistributedDataParallel` or the like outside of this, and anew after every growth. An
        average of the model grows by `grow_average`.
    every_steps
        Training steps between two growths.
    factor
        Connections after a growth for each one before, above 1.
    density
        What the layers grow to, above 0 and at most 1.
    new_values
        What new connections start with: "zero", so that the model goes on computing the same
        function, or "initial", values as of a new layer. The paper does not say which.
    seed
        Of new connections and their values.

    Attributes
    ----------
    steps : int
        Training steps so far.

    Raises
    ------
    ModelError
        If an argument is not as said here, the model holds nothing that can grow, or model or
        optimiser are such that keep the parameters that they were made with.
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        *,
        every_steps: int,
        factor: float = 2.0,
        density: float = 1.0,
        new_values: str = "zero",
        seed: int = 0,
    ) -> None:
        """Keep the schedule; see the class."""
        model = instance("model", model, nn.Module, error=ModelError)
        _check_plain(model)
        optimiser = instance("optimiser", optimiser, torch.optim.Optimizer, error=ModelError)
        check_carried(optimiser, ModelError)
        every_steps = whole_number("every_steps", every_steps, 1, error=ModelError)
        factor = real_number("factor", factor, error=ModelError)
        density = real_number("density", density, error=ModelError)
        if not 1 < factor < math.inf:
            raise ModelError(f"factor must be above 1 and finite, not {factor}")
        if not 0 < density <= 1:
            raise ModelError(f"density must be above 0 and at most 1, not {density}")
        check_new_values(new_values, ModelError)
        if not any(True for _ in growable(model)):
            raise ModelError(
                "model must hold a ClosLinear, SparseRandomConv2d or SparseCascade, which can "
                "grow, but holds none"
            )
        _check_untied(model)
        self._model, self._optimiser = model, optimiser
        self._every_steps, self._factor, self._density = every_steps, factor, density
        self._new_values = new_values
        self._generator = torch.Generator().manual_seed(seed_number(seed, error=ModelError))
        self.steps = 0

    def step(self) -> list[Growth]:
        """Count a training step, and grow where it is time; call it after the optimiser's step.

        A layer whose weights are computed, as by pruning, is refused before any other grows.

        Returns
        -------
        What grew, for `Calcification.grow`; empty most of the time.
        """
        self.steps += 1
        growths: list[Growth] = []
        if self.steps % self._every_steps == 0:
            layers = list(growable(self._model))
            for _, layer in layers:
                check_own(layer)
            _check_untied(self._model)
            for name, layer in layers:
                size = self._next_size(layer)
                growths += grow(name, layer, size, self._new_values, self._generator)
            carry_optimiser(self._optimiser, growths)
        return growths

    def _next_size(self, layer: Growable) -> int:
        """The size after a growth; never above that of the density, never below what it is."""
        size = size_of(layer)
        density = layer.shape.density if isinstance(layer, ClosLinear) else layer.density
        largest = math.floor(size * self._density / density + 1e-9)
        return max(size, min(math.ceil(size * self._factor - 1e-9), largest))

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on later, besides the states of model and optimiser."""
        return {
            "steps": self.steps,
            "generator": self._generator.get_state(),
            "sizes": {name: size_of(layer) for name, layer in growable(self._model)},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned; see the class for the order.

        Raises
        ------
        CheckpointError
            If it is not the state of a schedule of this model, or a layer is larger than in it.
        """
        layers = dict(growable(self._model))
        try:
            saved = mapping("state", state)
            steps, generator = int(saved["steps"]), saved["generator"]
            held = mapping("sizes", saved["sizes"])
            sizes = {name: whole_number("sizes", size, 0) for name, size in held.items()}
            torch.Generator().set_state(generator)
            larger = [name for name, layer in layers.items() if size_of(layer) > sizes[name]]
            if larger or sizes.keys() != layers.keys():
                raise ValueError(f"layers {sorted(sizes)}, of which {larger} are larger here")
        except (
            AttributeError, GoldenError, KeyError, TypeError, ValueError, RuntimeError
        ) as error:
            raise CheckpointError(
                f"the state must be one of a densification of this model: {error!r}"
            ) from error
        growths: list[Growth] = []
        for name, layer in layers.items():
            growths += grow(name, layer, sizes[name], "zero", torch.Generator())
        carry_optimiser(self._optimiser, growths)
        self._generator.set_state(generator)
        self.steps = steps


def _check_plain(model: nn.Module) -> None:
    """Refuse models that go on with the parameters that they were made with."""
    for module in model.modules():
        if any(kind.__name__ in _WRAPPERS for kind in type(module).__mro__):
            raise ModelError(
                f"model must be the plain one, not within {type(module).__name__}, which keeps the "
                "parameters that it was made with: give the model inside, and wrap it again "
                "whenever step() returns growths"
            )


def _check_untied(model: nn.Module) -> None:
    """Refuse weights that two modules share: each would get a larger one of its own."""
    owners = owners_of(model)
    for _, layer in growable(model):
        for parameter in layer.parameters(recurse=False):
            names = [name for _, name in owners[id(parameter)]]
            if parameter is not getattr(layer, "bias", None) and len(names) > 1:
                raise ModelError(
                    f"model must not share weights between layers that grow, but {names[0]} is "
                    f"also {names[1]}: untie them first, by a clone of the parameter"
                )
