"""Least times of steps that take turns, such as the forward and backward pass of a layer."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

__all__ = ["Steps", "layer_steps", "least_times", "on_threads"]

Steps = tuple[Callable[[], object], Callable[[], object]]
"""What is timed: forward, and forward and backward."""


def layer_steps(layer: nn.Module, x: Tensor) -> Steps:
    """The steps of a layer on `x`: its result without a gradient, and all of its gradients.

    The gradients, of the inputs and of every parameter, are returned and not added up anywhere.
    Of a recurrent layer the first result counts, not its state.
    """
    inputs = x.detach().requires_grad_()
    wanted = (inputs, *layer.parameters())
    back = torch.randn_like(_first(layer(x)))

    def forward() -> object:
        with torch.no_grad():
            return layer(x)

    def both() -> object:
        return torch.autograd.grad(_first(layer(inputs)), wanted, back)

    return forward, both


def least_times(steps: Mapping[str, Steps], device: torch.device, *, seconds: float, runs: int,
                tell: Callable[[], None] = lambda: None) -> dict[str, tuple[float, float]]:
    """The least microseconds of each, of at least so many runs, in which they take turns.

    Parameters
    ----------
    steps
        What is timed, by its name.
    device
        Where PyTorch computes it.
    seconds
        How long at least, for each.
    runs
        How many at least.
    tell
        Called after each run.
    """
    best = {name: (float("inf"), float("inf")) for name in steps}
    end, done = _now(device) + seconds * len(steps), 0
    while done < runs or _now(device) < end:
        for name, (forward, both) in steps.items():
            for _ in range(2):  # The first finds the caches full of what came before.
                found = _microseconds(forward, device), _microseconds(both, device)
                best[name] = min(best[name][0], found[0]), min(best[name][1], found[1])
        done += 1
        tell()
    return best


@contextlib.contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Let PyTorch compute on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _first(result: Tensor | tuple[Tensor, ...]) -> Tensor:
    return result if isinstance(result, Tensor) else result[0]


def _microseconds(step: Callable[[], object], device: torch.device) -> float:
    start = _now(device)
    kept = step()  # Whatever it frees is freed outside of the time.
    taken = 1e6 * (_now(device) - start)
    del kept
    return taken


def _now(device: torch.device) -> float:
    """Seconds, when all that was begun on the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
