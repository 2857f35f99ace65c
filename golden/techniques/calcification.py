"""Training in which old weights no longer change."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.arguments import instance, mapping, shown, whole_number
from golden.errors import CheckpointError, ModelError
from golden.techniques.growth import Growth

__all__ = ["Calcification"]


class Calcification:
    """Freezes every weight that has been trained for so many steps: NeuroFabric's poster.

    A frozen weight gets no gradient and keeps its bits, whatever the optimiser is and decays. Ages
    count from the weight's first step, so that with `Densification` old connections calcify while
    new ones learn.

    Parameters
    ----------
    model, optimiser
        What is trained; from now on each `optimiser.step()` counts.
    age_steps
        Steps for which a weight learns, at least 1.

    Attributes
    ----------
    steps : int
        Steps of the optimiser so far.

    Raises
    ------
    ModelError
        If `age_steps` is below 1, or another argument is something else.
    """

    def __init__(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, *, age_steps: int
    ) -> None:
        """Begin to count; see the class."""
        model = instance("model", model, nn.Module, error=ModelError)
        optimiser = instance("optimiser", optimiser, torch.optim.Optimizer, error=ModelError)
        self._model = model
        self._age_steps = whole_number("age_steps", age_steps, 1, error=ModelError)
        self.steps = 0
        self._births = {
            name: torch.zeros(parameter.shape, dtype=torch.long, device=parameter.device)
            for name, parameter in model.named_parameters()
        }
        self._kept: dict[str, Tensor] = {}
        self._hooks = (
            optimiser.register_step_pre_hook(self._before_step),
            optimiser.register_step_post_hook(self._after_step),
        )

    def frozen(self, name: str) -> Tensor:
        """Bool, of the shape of this parameter: which elements no longer change.

        Raises
        ------
        ModelError
            If the model has no parameter of this name.
        """
        if not isinstance(cast(object, name), str) or name not in self._births:
            known = ", ".join(sorted(self._births))
            raise ModelError(f"name must be one of the parameters {known}, not {shown(name)}")
        return self.steps - self._births[name] >= self._age_steps

    @property
    def frozen_fraction(self) -> float:
        """Part of all parameters that is frozen."""
        frozen = sum(int(self.frozen(name).sum()) for name in self._births)
        return frozen / max(1, sum(births.numel() for births in self._births.values()))

    def grow(self, growths: Sequence[Growth]) -> None:
        """Count the ages of new connections from now on, as `Densification.step` returned them."""
        for growth in growths:
            births = torch.full(growth.new.shape, self.steps, device=growth.new.device)
            births.view(-1)[growth.places.flatten()] = self._births[growth.name].flatten()
            self._births[growth.name] = births

    def remove(self) -> None:
        """Let everything learn again."""
        for hook in self._hooks:
            hook.remove()

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on later."""
        return {"steps": self.steps, "births": dict(self._births)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned, with the model as large as it was then.

        Raises
        ------
        CheckpointError
            If it is not the state of a calcification of this model.
        """
        parameters = dict(self._model.named_parameters())
        try:
            saved = mapping("state", state)
            steps = int(saved["steps"])
            births: dict[str, Tensor] = {
                name: saved["births"][name].to(parameter.device)
                for name, parameter in parameters.items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"the state must be one of a calcification of this model: {error!r}"
            ) from error
        for name, parameter in parameters.items():
            if births[name].shape != parameter.shape:
                raise CheckpointError(
                    f"the ages of {name} must have shape {list(parameter.shape)}, "
                    f"not {list(births[name].shape)}"
                )
        self.steps, self._births = steps, births

    @torch.no_grad()
    def _before_step(self, *_: object) -> None:
        self._kept.clear()
        for name, parameter in self._model.named_parameters():
            if parameter.grad is not None:
                frozen = self.frozen(name)
                parameter.grad.masked_fill_(frozen, 0)
                self._kept[name] = parameter[frozen]

    @torch.no_grad()
    def _after_step(self, *_: object) -> None:
        for name, parameter in self._model.named_parameters():
            if name in self._kept:
                parameter[self.frozen(name)] = self._kept[name]
        self._kept.clear()
        self.steps += 1
