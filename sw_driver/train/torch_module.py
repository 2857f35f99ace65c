"""`TorusModule`: a net on a device that trains, as a part of a larger PyTorch model.

The weights stay in the device. What reaches the host are outputs and the gradient of the inputs,
which autograd carries on to the rest of the model.
"""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from sw_driver.device.arrays import as_rate
from sw_driver.device.device import Device, ForwardPass
from sw_driver.errors import DriverError, HostDataError

__all__ = ["TorusModule"]

_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


class TorusModule(nn.Module):
    """Runs forwards on a device, and trains on it backwards.

    In training mode, with gradients enabled, `backward` makes a training step on the device: the
    weights there change at once, by `learning_rate`, before any optimiser of the host steps. In
    evaluation mode nothing changes, and no gradient goes through.

    Between a forward pass and its backward pass there must be no other one in training mode.

    Parameters
    ----------
    device
        Loaded with a net: compiled with `input_gradient` if its inputs want a gradient, and with
        `batches` for more than one sample at a time.
    learning_rate
        Of the weights in the device.

    Attributes
    ----------
    learning_rate : float
        May be changed between steps.

    Raises
    ------
    DriverError
        If no net is loaded, or the learning rate is not above 0 and finite.
    """

    def __init__(self, device: Device, learning_rate: float) -> None:
        """Keep the device; see the class."""
        super().__init__()
        shapes = device.compiled.format.shapes
        self._shapes = ", ".join(map(str, shapes))
        self.in_features, self.out_features = shapes[0].in_features, shapes[-1].out_features
        self.learning_rate = as_rate(learning_rate)
        self._device = device
        self._passes = 0
        # Autograd calls back only where an input wants a gradient: the weights in the torus do.
        self._weights = torch.zeros((), requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        """Compute [..., I] to [..., O], with the dtype and on the device of `x`.

        No sample at all, as [0, I], gives [0, O] and trains nothing.

        Raises
        ------
        HostDataError
            If `x` is no dense tensor of float64, float32, float16 or bfloat16 with this shape, or
            is not finite.
        DriverError
            If the net was compiled for less than is asked for here: batches, input gradients.
        """
        self._check_tensor(x)
        rows = x.reshape(-1, self.in_features)
        if self.training and torch.is_grad_enabled():
            self._check_options(rows)
            y = cast(Tensor, _Step.apply(rows, self._weights, self))  # pyright: ignore
        else:
            y = self.step_forward(rows, remember=False)[0]
        return y.reshape(*x.shape[:-1], self.out_features)

    def get_extra_state(self) -> dict[str, Any]:
        """Return what is in the device, for `state_dict`."""
        return self._device.checkpoint()

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        """Put into the device what `get_extra_state` returned; errors as for its `restore`."""
        self._device.restore(state)

    def extra_repr(self) -> str:
        """Say what the device was loaded with, also when it is closed."""
        return f"{self._shapes}, device={type(self._device).__name__}, lr={self.learning_rate}"

    def _check_tensor(self, x: Any) -> None:
        if not isinstance(x, Tensor):
            raise HostDataError(f"inputs must be a torch.Tensor, not {type(x).__name__}")
        if x.dtype not in _DTYPES:
            # As nn.Linear does: outputs that were cast to whole numbers would be of no use.
            raise HostDataError(
                "inputs must be float64, float32, float16 or bfloat16, not "
                f"{str(x.dtype).removeprefix('torch.')}: convert them, as float() does"
            )
        if x.layout is not torch.strided or x.is_meta:
            kind = "one on the device meta" if x.is_meta else str(x.layout).removeprefix("torch.")
            raise HostDataError(f"inputs must be a dense tensor that has values, not {kind}")
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise HostDataError(
                f"inputs must have shape [..., {self.in_features}], not {list(x.shape)}"
            )

    def _check_options(self, rows: Tensor) -> None:
        compiled = self._device.compiled
        if rows.requires_grad and not compiled.input_gradient:
            raise DriverError(
                "input_gradient must be compiled into a net whose inputs want a gradient"
            )
        if len(rows) > 1 and not compiled.batches:
            raise DriverError(
                f"batches must be compiled into a net that is given {len(rows)} samples at a time"
            )

    def step_forward(
        self, rows: Tensor, *, remember: bool = True
    ) -> tuple[Tensor, ForwardPass | None, int]:
        """Compute real [N, I] to real [N, O]; also return this pass and its number.

        Without any sample nothing is computed, and there is no pass; only one to `remember` counts.
        """
        if not len(rows):
            return rows.new_empty((0, self.out_features)), None, self._passes
        seen = self._device.forward_pass(rows)
        if remember:
            self._passes += 1
        return torch.as_tensor(seen.reals).to(rows.device, rows.dtype), seen, self._passes

    def step_backward(
        self, gradient: Tensor, seen: ForwardPass | None, number: int
    ) -> Tensor | None:
        """Train by the gradient [N, O] of a pass; return that of its inputs [N, I], if any.

        Raises
        ------
        DriverError
            If there was another pass since.
        """
        if seen is None:
            return gradient.new_empty((0, self.in_features))
        if number != self._passes:
            raise DriverError(
                "backward must be of the latest forward pass in training mode: this one was "
                f"{self._passes - number} before it"
            )
        found = self._device.backward_of(seen, gradient, learning_rate=self.learning_rate)
        return None if found is None else torch.as_tensor(found).to(gradient.device, gradient.dtype)


class _Step(torch.autograd.Function):
    """One pass through the device, and back."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weights: Tensor, module: TorusModule) -> Tensor:
        """Compute on the device; `weights` stands for what changes there."""
        y, ctx.seen, ctx.number = module.step_forward(rows)
        ctx.module = module
        return y

    @staticmethod
    @once_differentiable  # What the device gives has no history: a second derivative is refused.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *gradients: Tensor
    ) -> tuple[Tensor | None, None, None]:
        """Train on the device."""
        (gradient,) = gradients
        found = ctx.module.step_backward(gradient, ctx.seen, ctx.number)
        return (found if ctx.needs_input_grad[0] else None), None, None
