"""Training of dense layers under masks that may change with time."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.arguments import (
    instance,
    items,
    mapping,
    real_number,
    shown,
    tensor,
    whole_number,
)
from golden.errors import CheckpointError, ModelError

__all__ = ["MaskSchedule", "Masking", "gradual_pruning", "masks_from"]


@dataclasses.dataclass(frozen=True)
class MaskSchedule:
    """Which parameters are masked, and when by what.

    Parameters
    ----------
    names
        Of the parameters; each must be one of the model's.
    mask
        Called with the step, one of these names and the parameter's values; returns the mask from
        this step on, a bool tensor of that shape, or None where the one before stays.
    """

    names: frozenset[str]
    mask: Callable[[int, str, Tensor], Tensor | None]

    def __post_init__(self) -> None:
        """Refuse what are no names, or what cannot be called."""
        object.__setattr__(self, "names", _names(self.names))
        if not callable(cast(object, self.mask)):
            raise ModelError(f"mask must be a function, not {shown(self.mask)}")


class Masking:
    """Keeps parameters of a model at 0 wherever a mask says so.

    Sparse Neural Network Topologies, section 3: the mask is applied again after each update; here
    to the gradient before it too, so that no momentum gathers behind it. It is for masks that
    change: weights stay stored densely. When the masks are settled, `golden.convert.CascadeSpec`
    makes a layer that stores the rest no more.

    Parameters
    ----------
    model, optimiser
        What is trained; from now on each `optimiser.step()` counts.
    schedule
        The masks; see `masks_from` and `gradual_pruning`.

    Attributes
    ----------
    steps : int
        Steps of the optimiser so far.
    masks : dict of Tensor
        The masks that hold now, by the parameters' names.

    Raises
    ------
    ModelError
        If the schedule names a parameter that the model does not have, masks none at its first
        step, or masks one by a tensor of another shape.
    """

    def __init__(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, schedule: MaskSchedule
    ) -> None:
        """Apply the first masks; see the class."""
        model = instance("model", model, nn.Module, error=ModelError)
        optimiser = instance("optimiser", optimiser, torch.optim.Optimizer, error=ModelError)
        schedule = instance("schedule", schedule, MaskSchedule, error=ModelError)
        known = {name for name, _ in model.named_parameters()}
        unknown = sorted(schedule.names - known)
        if unknown:
            raise ModelError(
                f"schedule must name parameters of the model, {', '.join(sorted(known))}, "
                f"not {unknown[0]!r}"
            )
        self._model, self._schedule = model, schedule
        self.steps = 0
        self.masks: dict[str, Tensor] = {}
        self._update()
        if not self.masks:
            raise ModelError("schedule must mask at least one parameter of the model, not none")
        self._hooks = (
            optimiser.register_step_pre_hook(self._before_step),
            optimiser.register_step_post_hook(self._after_step),
        )

    def density(self) -> float:
        """Part of the masked parameters' elements that is not kept at 0."""
        kept = sum(int(mask.sum()) for mask in self.masks.values())
        return kept / sum(mask.numel() for mask in self.masks.values())

    def remove(self) -> None:
        """Let everything learn again."""
        for hook in self._hooks:
            hook.remove()

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on later."""
        return {"steps": self.steps, "masks": dict(self.masks)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned.

        Raises
        ------
        CheckpointError
            If it is not the state of a masking of this model.
        """
        parameters = dict(self._model.named_parameters())
        try:
            saved = mapping("state", state)
            steps, masks = int(saved["steps"]), dict(mapping("masks", saved["masks"]))
            for name, mask in masks.items():
                self._check(name, parameters[name], mask)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"the state must be one of a masking of this model: {error!r}"
            ) from error
        self.steps, self.masks = steps, masks

    @torch.no_grad()
    def _update(self) -> None:
        """Take the masks of this step, and apply all there are."""
        parameters = dict(self._model.named_parameters())
        for name in self._schedule.names:
            parameter = parameters[name]
            mask = self._schedule.mask(self.steps, name, parameter.detach())
            if mask is not None:
                self._check(name, parameter, mask)
                self.masks[name] = mask.to(parameter.device)
        for name, mask in self.masks.items():
            parameters[name].masked_fill_(~mask, 0)

    @staticmethod
    def _check(name: str, parameter: Tensor, mask: Tensor) -> None:
        tensor(f"the mask of {name}", mask, error=ModelError)
        if mask.dtype != torch.bool or mask.shape != parameter.shape:
            raise ModelError(
                f"the mask of {name} must be bool {list(parameter.shape)}, "
                f"not {mask.dtype} {list(mask.shape)}"
            )

    def _before_step(self, *_: object) -> None:
        for name, parameter in self._model.named_parameters():
            if name in self.masks and parameter.grad is not None:
                parameter.grad.masked_fill_(~self.masks[name], 0)

    def _after_step(self, *_: object) -> None:
        self.steps += 1
        self._update()


def masks_from(masks: Mapping[int, Mapping[str, Tensor]]) -> MaskSchedule:
    """Return the schedule that takes new masks at given steps.

    Parameters
    ----------
    masks
        By step, from 0 on: bool masks by the parameters' names. One mask at step 0 is an a-priori
        pruned layer; larger and larger masks densify.

    Raises
    ------
    ModelError
        If there is no mask for step 0, a step is negative, or something is no mask.
    """
    steps = [
        whole_number("a step of masks", step, error=ModelError)
        for step in mapping("masks", masks, error=ModelError)
    ]
    if 0 not in steps or min(steps) < 0:
        raise ModelError(f"masks must begin at step 0, not at {min(steps, default=None)}")
    for step, named in masks.items():
        for name, one in mapping(f"masks[{step}]", named, error=ModelError).items():
            tensor(f"the mask of {name}", one, error=ModelError)

    def mask(step: int, name: str, _: Tensor) -> Tensor | None:
        return masks.get(step, {}).get(name)

    return MaskSchedule(frozenset(name for named in masks.values() for name in named), mask)


def gradual_pruning(
    names: tuple[str, ...], *, density: float, first_step: int, last_step: int, every_steps: int
) -> MaskSchedule:
    """Return the schedule that removes the smallest weights little by little.

    The removed part grows from 0 at `first_step` to 1 - `density` at `last_step` as
    1 - (1 - t)^3 does for t from 0 to 1 (Zhu and Gupta, "To Prune, or Not to Prune", section 3):
    what NeuroFabric, section II, calls enforcing sparsity during training.

    Parameters
    ----------
    names
        Parameters to prune.
    density
        Part of each that is left, above 0 and at most 1.
    first_step, last_step
        Between which weights are removed, 0 <= first < last.
    every_steps
        Steps between two removals, at least 1.

    Raises
    ------
    ModelError
        If an argument is not as said here.
    """
    density = real_number("density", density, error=ModelError)
    if not 0 < density <= 1:
        raise ModelError(f"density must be above 0 and at most 1, not {density}")
    first_step = whole_number("first_step", first_step, error=ModelError)
    last_step = whole_number("last_step", last_step, error=ModelError)
    every_steps = whole_number("every_steps", every_steps, 1, error=ModelError)
    if not 0 <= first_step < last_step:
        raise ModelError(
            f"first_step must be at least 0 and below last_step, not {first_step} and {last_step}"
        )

    def mask(step: int, _: str, weight: Tensor) -> Tensor | None:
        if step == 0 and first_step > 0:
            return torch.ones_like(weight, dtype=torch.bool)
        within = first_step <= step <= last_step
        if not within or ((step - first_step) % every_steps and step != last_step):
            return None
        progress = (step - first_step) / (last_step - first_step)
        removed = (1 - density) * (1 - (1 - progress) ** 3)
        count = int(removed * weight.numel() + 1e-9)
        kept = torch.ones_like(weight, dtype=torch.bool)
        kept.view(-1)[weight.abs().flatten().argsort()[:count]] = False
        return kept

    return MaskSchedule(_names(names), mask)


def _names(names: object) -> frozenset[str]:
    given = items("names", names, error=ModelError)
    for name in given:
        instance("a name of names", name, str, error=ModelError)
    return frozenset(given)
