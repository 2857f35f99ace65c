"""Least times of steps that take turns, such as the forward and backward pass of a layer."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

__all__ = ["Steps", "layer_steps", "least_times", "on_threads"]

Steps = tuple[Callable[[], object], Callable[[], object]]
"""What is timed: forward, and forward and backward."""

_TURN = 1000.0
"""Microseconds of a turn, about."""
_MOST_IN_TURN = 10


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

    On one thread of a CPU it is processor time, to which other programs add little.

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
    clock = _clock(device)
    end, done = time.monotonic() + seconds * len(steps), 0
    while done < runs or time.monotonic() < end:
        for name, (forward, both) in steps.items():
            best[name] = (min(best[name][0], _least(forward, clock)),
                          min(best[name][1], _least(both, clock)))
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


def _least(step: Callable[[], object], clock: Callable[[], float]) -> float:
    """The least of the runs of one turn: the first finds the caches full of what came before."""
    best = _microseconds(step, clock)
    for _ in range(min(max(int(_TURN / best), 1), _MOST_IN_TURN)):
        best = min(best, _microseconds(step, clock))
    return best


def _microseconds(step: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    kept = step()  # Whatever it frees is freed outside of the time.
    taken = 1e6 * (clock() - start)
    del kept
    return taken


def _clock(device: torch.device) -> Callable[[], float]:
    """Seconds, when all that was begun on the device is done."""
    if device.type == "cpu":
        return time.thread_time if torch.get_num_threads() == 1 else time.perf_counter

    def now() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return now
