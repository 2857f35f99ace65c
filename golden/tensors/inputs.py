"""What layers take, while sizes are known: features last, or images; see
`golden.tensors.tracing`.
"""

from torch import Tensor

from golden.arguments import shown
from golden.errors import ShapeError
from golden.tensors.tracing import records_sizes

__all__ = ["check_features", "check_images", "check_plain"]


def check_plain(x: object) -> None:
    """Refuse what is no tensor, or a nested one.

    Raises
    ------
    ShapeError
        If it is.
    """
    if not isinstance(x, Tensor):
        raise ShapeError(f"input must be a tensor, not {shown(x)}")
    if x.is_nested:
        raise ShapeError("input must be a padded tensor, not a nested one: see to_padded_tensor")


def check_features(x: Tensor, features: int, of: object = None) -> None:
    """Refuse inputs that are not [..., features], for the layer `of` in the message.

    Raises
    ------
    ShapeError
        If they are not.
    """
    if records_sizes(x):
        return
    check_plain(x)
    if x.ndim == 0 or x.shape[-1] != features:
        layer = "" if of is None else f" for layer {of}"
        raise ShapeError(f"input must have shape [..., {features}]{layer}, not {list(x.shape)}")


def check_images(x: Tensor, channels: int, dimensions: int = 2) -> None:
    """Refuse inputs that are neither [N, channels, H, W] nor without N; of sequences without H.

    Raises
    ------
    ShapeError
        If they are not.
    """
    if records_sizes(x):
        return
    check_plain(x)
    if x.ndim - dimensions not in (1, 2) or x.shape[-1 - dimensions] != channels:
        sides = "H, W" if dimensions == 2 else "L"
        raise ShapeError(
            f"input must have shape [N, {channels}, {sides}] or without N, not {list(x.shape)}"
        )
