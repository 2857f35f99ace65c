"""ONNX files of models with sparse layers, for any number of samples, held against the model."""

import importlib.util
import os
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.arguments import instance, shown
from golden.errors import ModelError
from golden.export.two_d import to_2d
from golden.system.files import check_target, write_bytes

__all__ = ["CHECKED_BATCHES", "to_onnx"]

CHECKED_BATCHES = (1, 2, 15, 16, 40)
"""Numbers of samples for which a file is compared with its model."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # In PyTorch's messages.
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def to_onnx(
    model: nn.Module,
    path: str | Path,
    example: Tensor,
    *,
    form: str | None = "block-diagonal",
    tolerance: float = 1e-4,
) -> None:
    """Write a model as an ONNX file that takes any number of samples, and check the file.

    The file is computed by ONNX Runtime for 1, 2, 15, 16 and 40 samples, which are those of the
    example over and over, and compared with `model` in inference. A file that differs is not
    written.

    Parameters
    ----------
    model
        A layer, or a model that takes one tensor and returns one or several. It stays as it is.
    path
        Of the file, which holds the weights too: below 2 GiB.
    example
        Inputs [N, ...], N at least 1.
    form
        That of `golden.export.to_2d`; None for the layers as they are, whose products have batches.
    tolerance
        Greatest difference of a result, relative to the largest one of its tensor.

    Raises
    ------
    ModelError
        If an argument is not as said, a package is missing (onnx, onnxscript, onnxruntime), PyTorch
        cannot export the model, or the file computes something else.
    """
    model = instance("model", model, nn.Module, error=ModelError)
    example = instance("example", example, Tensor, error=ModelError).detach()
    if example.ndim == 0 or example.shape[0] == 0:
        raise ModelError(f"example must hold a sample or more, not {list(example.shape)}")
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        names = " ".join(missing)
        raise ModelError(f"an ONNX file needs packages that are missing: pip install {names}")
    if not isinstance(cast(object, path), str | os.PathLike):
        raise ModelError(f"path must be a path or a text, not {shown(path)}")
    target = Path(path)
    check_target(target, ModelError)
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        plain = model if form is None else to_2d(model, form=form).eval()
        content = _exported(plain, example)
        _compare(content, model, example, tolerance)
    finally:
        for module, training in modes:
            module.training = training
    write_bytes(target, content, ModelError)


def _exported(model: nn.Module, example: Tensor) -> bytes:
    # Of one sample, PyTorch would write a file for one sample.
    several = example if example.shape[0] > 1 else torch.cat([example, example])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of PyTorch's exporter and its packages.
        file = Path(folder) / "model.onnx"
        try:
            cast(Any, torch.onnx).export(
                model,
                (several,),
                file,
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
                external_data=False,
                verbose=False,
            )
        except Exception as error:
            reason = _COLOURS.sub("", str(error)).strip().partition("\n")[0]
            raise ModelError(f"PyTorch cannot export the model: {reason}") from error
        return file.read_bytes()


@torch.no_grad()
def _compare(content: bytes, model: nn.Module, example: Tensor, tolerance: float) -> None:
    import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

    session: Any = cast(Any, onnxruntime).InferenceSession(content)
    feed = session.get_inputs()[0].name
    for batch in CHECKED_BATCHES:
        repeated = example[torch.arange(batch, device=example.device) % example.shape[0]]
        wanted: Any = model(repeated)
        found = session.run(None, {feed: repeated.cpu().numpy()})
        tensors = _tensors(wanted)
        if len(found) != len(tensors):
            raise ModelError(
                f"the file has {len(found)} results where the model has {len(tensors)}"
            )
        for array, tensor in zip(found, tensors, strict=True):
            other = torch.as_tensor(array)
            wrong = other.shape != tensor.shape
            limit = tolerance * float(tensor.abs().max()) if tensor.numel() else 0.0
            if wrong or bool(((other - tensor.cpu()).abs() > limit).any()):
                raise ModelError(
                    f"the file computes something else than the model for {batch} samples, and is "
                    "not written: try another form"
                )


def _tensors(result: Any) -> list[Tensor]:
    if isinstance(result, Tensor):
        return [result]
    return [tensor for part in result for tensor in _tensors(part)]
