"""Options about a net that the user has: `--from`, and `--reduction` of its dense layers."""

import math
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "From",
    "Reduction",
    "check_from",
    "check_model",
    "check_reduction",
    "net_files",
]

From = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE",
        help="Begin with the layers and weights of a model file or of an ONNX file.",
    ),
]
Reduction = Annotated[
    float | None,
    typer.Option(
        metavar="R",
        help="Replace every dense layer by the Clos layer nearest to it, with at most 1/R of its "
        "weights, if there is one.",
    ),
]


def check_reduction(reduction: float | None) -> None:
    """Refuse a reduction that is none."""
    from sw_driver.errors import DriverError

    if reduction is not None and not 1 < reduction < math.inf:
        raise DriverError(f"reduction must be above 1 and finite, not {reduction:g}")


def check_from(
    given: Path | None, reduction: float | None, *, resume: bool, layers: bool
) -> None:
    """Refuse what does not go with --from, and a file that is no net; before PyTorch is there."""
    from sw_driver.errors import DriverError
    from sw_driver.files.kinds import check_net_file

    check_reduction(reduction)
    if given is None:
        if reduction is not None:
            raise DriverError("reduction needs --from, which names the net to be reduced")
        return
    for name, there in (("resume", resume), ("layer", layers)):
        if there:
            raise DriverError(
                f"{name} and from must not be given together: the net that the training begins "
                "with is that of one of them"
            )
    check_net_file(given)


def net_files(path: Path) -> tuple[Path, ...]:
    """Return the files that a net is in: of ONNX, those of its weights, too; takes PyTorch then."""
    from sw_driver.files.kinds import is_onnx

    if not is_onnx(path):
        return (path,)
    from golden.models.onnx_file import files_of

    return files_of(path)


def check_model(model: Path, weights: Path | None, *, exported: bool) -> None:
    """Refuse a MODEL that is no file of a net and names no function of a file.

    A model file that is read again for --export is left to whoever reads it.
    """
    from sw_driver.errors import DriverError
    from sw_driver.files.kinds import check_net_file, check_own_model, is_onnx, own_model

    own = own_model(str(model))
    if own is not None:
        check_own_model(own)
        return
    if weights is not None:
        raise DriverError(
            f"weights must be left out where MODEL is a model file or ONNX, {model}, "
            "which holds its own: they are those of a FILE.py:FUNCTION"
        )
    if not exported or is_onnx(model):
        check_net_file(model)
