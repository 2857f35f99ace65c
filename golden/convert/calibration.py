"""The inputs that layers get when a model runs, as what their fits are weighted by."""

import contextlib
from collections.abc import Generator, Iterable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from golden.arguments import shown
from golden.errors import GoldenError, ModelError

__all__ = ["calibration_inputs"]

_MOST_ROWS = 4096


class _Rows:
    """Samples [N, I] of one layer, of many a random part."""

    def __init__(self) -> None:
        self.rows: Tensor | None = None
        self.keys: Tensor | None = None
        self.generator = torch.Generator().manual_seed(0)

    def add(self, samples: Tensor) -> None:
        """Add [..., I]: each sample ever added is kept with the same probability."""
        new = samples.detach().reshape(-1, samples.shape[-1])
        most = max(_MOST_ROWS, 2 * new.shape[1])
        rows = new if self.rows is None else torch.cat([self.rows, new])
        drawn = torch.rand(len(new), generator=self.generator)
        keys = drawn if self.keys is None else torch.cat([self.keys, drawn])
        if len(rows) > most:
            keys, kept = keys.topk(most)
            rows = rows[kept.to(rows.device)]
        self.rows, self.keys = rows.clone() if rows is new else rows, keys


def calibration_inputs(
    model: nn.Module, layers: Iterable[tuple[nn.Module, nn.Module]], calibration: object
) -> dict[int, Tensor]:
    """Run `model` on a batch, or on several, and return by the identity of a layer its inputs.

    The model runs in evaluation mode and without gradients; its modes and hooks are then as before.

    Parameters
    ----------
    model
        Any model.
    layers
        Of it, each with the equal one of PyTorch's: an `nn.Linear` with inputs [..., I], or a
        pointwise convolution, a pixel or step being a sample.
    calibration
        A batch: a tensor, a mapping of arguments by name, or a tuple of arguments; or any other
        iterable of batches, such as a list or a `DataLoader`.

    Returns
    -------
    [N, I] of each layer that ran: of many samples a random part of 4096, or of 2 I if that is more.

    Raises
    ------
    ModelError
        If there is no batch, or the model does not run on it.
    """
    wanted = {id(layer): (layer, dense) for layer, dense in layers}
    found: dict[int, _Rows] = {}

    def note(layer: nn.Module, given: tuple[object, ...], named: dict[str, object]) -> None:
        samples = next(iter((*given, *named.values())), None)
        if isinstance(samples, Tensor) and samples.ndim and samples.is_floating_point():
            dense = wanted[id(layer)][1]
            if isinstance(dense, nn.Conv1d | nn.Conv2d):
                steps = [slice(None, None, step) for step in dense.stride]
                samples = samples[(..., *steps)].movedim(-1 - len(steps), -1)
            found.setdefault(id(layer), _Rows()).add(samples)

    handles = [
        layer.register_forward_pre_hook(note, with_kwargs=True)  # pyright: ignore[reportUnknownMemberType]
        for layer, _ in wanted.values()
    ]
    count = 0
    try:
        with torch.no_grad(), _evaluated(model):
            for batch in _batches(calibration):
                _run(model, batch)
                count += 1
    finally:
        for handle in handles:
            handle.remove()
    if not count:
        raise ModelError("calibration must hold at least one batch, not none")
    return {key: rows.rows for key, rows in found.items() if rows.rows is not None}


def _batches(calibration: object) -> Iterable[object]:
    if isinstance(calibration, Tensor | Mapping | tuple):
        return [cast(object, calibration)]
    if isinstance(calibration, Iterable) and not isinstance(calibration, str | bytes | nn.Module):
        return cast(Iterable[object], calibration)
    raise ModelError(
        "calibration must be a batch (a tensor, a mapping of arguments, or a tuple of them) or an "
        f"iterable of batches, not {shown(calibration)}"
    )


def _run(model: nn.Module, batch: object) -> None:
    given = batch
    try:
        if isinstance(batch, Mapping):
            model(**cast(Mapping[str, object], batch))
        elif isinstance(batch, tuple | list):
            model(*cast(tuple[object, ...], batch))
        else:
            model(batch)
    except GoldenError:
        raise
    except Exception as error:
        reason = str(error).partition("\n")[0][:300] or type(error).__name__
        raise ModelError(
            f"calibration must be what the model runs on, but it fails on {shown(given)}: {reason}"
        ) from error


@contextlib.contextmanager
def _evaluated(model: nn.Module) -> Generator[None, None, None]:
    """Bring a model to evaluation mode, and each of its modules back to its own."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training
