"""Clos layers in PyTorch: only the weights that exist, no masks and no indices."""

from typing import Literal

import torch
from torch import Tensor, nn

from golden.arguments import empty_parameter, instance
from golden.clos.fit import TOLERANCE, Progress
from golden.clos.fit_layer import dense_like, fit_layer
from golden.clos.forms import ClosWeights, by_columns, to_matrix
from golden.clos.function import compute
from golden.clos.initialise import clos_gain, sparse_xavier_
from golden.clos.shape import ClosShape
from golden.tensors.autocast import add_bias
from golden.tensors.dense import dense_bias, keep_frozen
from golden.tensors.held import held
from golden.tensors.inputs import check_features
from golden.tensors.tracing import serves_any_batch

__all__ = ["ClosLinear"]

_PARAMETERS = (*ClosWeights._fields, "bias")


class ClosLinear(nn.Module):
    """A drop-in for `nn.Linear` whose matrix is a Clos cascade: ClosNets, section II.

    y = bias + output stage(middle stage(input stage(x))), each stage a set of small dense routers.
    The hidden stages are linear. The layer holds exactly P = Rm (I + O + Ri Ro) weights.

    Parameters
    ----------
    in_features, out_features
        Size I and O of the last dimension of input and output.
    routers
        Input, middle and output routers (Ri, Rm, Ro); `ClosShape` says how remainders are split.
    bias
        Whether to add a learned bias [O].
    device, dtype
        Of the parameters, as for `nn.Linear`.
    gain
        How many times larger the first outputs are than with sparse Xavier alone. Of inputs of
        variance 1, that makes outputs of the standard deviation that `initial_scale` returns: 0.65
        for (768, 3072) with 5.5 times fewer weights, 1.3 for (3072, 768). "linear" is the gain with
        which it is that of `nn.Linear`, 0.58.
    recompute
        Keep the inputs alone for the gradient, and compute the hidden values once more for it. It
        saves Rm (Ri + Ro) numbers of memory a sample, and costs two more products of eight or nine.

    Attributes
    ----------
    shape : ClosShape
        The layer's 5-tuple.
    input_weight : Parameter
        [I, Rm]: row i holds the weights from input i to the outputs of its input router.
    middle_weight : Parameter
        [Rm, Ri, Ro]: middle router m's weights from its input r to its output o.
    output_weight : Parameter
        [O, Rm]: row j holds the weights from its output router's inputs to output j.
    bias : Parameter or None
        [O].

    Raises
    ------
    ShapeError
        If the sizes make no Clos layer, the gain is not above 0, or `forward` gets another last
        dimension than I.
    """

    bias: nn.Parameter | None
    gain: float = 1.0
    recompute: bool = False

    def __init__(
        self,
        in_features: int,
        out_features: int,
        routers: tuple[int, int, int],
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        gain: float | Literal["linear"] = 1.0,
        recompute: bool = False,
    ) -> None:
        """Make the parameters and initialise them; see the class."""
        super().__init__()
        self.shape = ClosShape.of_routers(in_features, out_features, routers)
        self.gain = clos_gain(self.shape, gain)
        self.recompute = instance("recompute", recompute, bool)
        inputs, outputs, ri, rm, ro = self.shape.as_tuple()
        self.input_weight = empty_parameter((inputs, rm), device, dtype)
        self.middle_weight = empty_parameter((rm, ri, ro), device, dtype)
        self.output_weight = empty_parameter((outputs, rm), device, dtype)
        offset = empty_parameter((outputs,), device, dtype) if bias else None
        self.register_parameter("bias", offset)
        self.reset_parameters()

    @classmethod
    def of_shape(
        cls,
        shape: ClosShape,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        gain: float | Literal["linear"] = 1.0,
        recompute: bool = False,
    ) -> "ClosLinear":
        """Make the layer of this shape."""
        inputs, outputs, ri, rm, ro = ClosShape.of(shape).as_tuple()
        return cls(
            inputs,
            outputs,
            (ri, rm, ro),
            bias,
            device,
            dtype,
            gain=gain,
            recompute=recompute,
        )

    @classmethod
    def from_budget(
        cls,
        in_features: int,
        out_features: int,
        *,
        reduction: float,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        gain: float | Literal["linear"] = 1.0,
        recompute: bool = False,
    ) -> "ClosLinear":
        """Make a layer with at most I O / `reduction` weights; see `ClosShape.from_budget`."""
        shape = ClosShape.from_budget(in_features, out_features, reduction=reduction)
        return cls.of_shape(shape, bias, device, dtype, gain=gain, recompute=recompute)

    @classmethod
    @torch.no_grad()
    def from_dense(
        cls,
        layer: nn.Linear,
        shape: ClosShape,
        *,
        initialise: str = "fit",
        sweeps: int = 200,
        tolerance: float = TOLERANCE,
        dtype: torch.dtype | None = None,
        inputs: Tensor | None = None,
        progress: Progress | None = None,
        generator: torch.Generator | None = None,
    ) -> "ClosLinear":
        """Make a layer near `layer` in L2, of any shape that has its sizes.

        It has the device, type and bias of `layer`, and is trained if that is.

        Parameters
        ----------
        layer
            An `nn.Linear`, or another layer with a weight [O, I] and perhaps a bias [O].
        shape
            Of the new layer.
        initialise
            "fit" for weights near the dense ones, or "new" for weights drawn anew; those need no
            numbers of `layer`, which may be on the meta device.
        inputs
            A calibration batch [..., I]: the outputs are near for such inputs, and the bias makes
            up for their mean.
        sweeps, tolerance, dtype, progress, generator
            As for `golden.clos.fit.fit_clos`; a new layer uses the generator alone.

        Raises
        ------
        ShapeError
            If `layer` has no such weight or another size, or an option is out of range.
        """
        shape = ClosShape.of(shape)
        weight, bias = dense_like(layer, shape, initialise), dense_bias(layer)
        fitted = None
        if initialise == "fit":
            fitted, bias = fit_layer(
                layer,
                shape,
                sweeps=sweeps,
                tolerance=tolerance,
                dtype=dtype,
                inputs=inputs,
                progress=progress,
                generator=generator,
            )
        new = cls.of_shape(shape, bias is not None, weight.device, weight.dtype)
        if fitted is None:
            new.reset_parameters(generator)
        for parameter, found in zip(new.weights, fitted or (), strict=False):
            parameter.copy_(found)
        if new.bias is not None and bias is not None and not bias.is_meta:
            new.bias.copy_(bias)
        keep_frozen(new, weight, dense_bias(layer))
        return new

    @property
    def weights(self) -> ClosWeights:
        """The weights of the three stages."""
        return ClosWeights(self.input_weight, self.middle_weight, self.output_weight)

    @property
    def weight(self) -> Tensor:
        """The equivalent weight [O, I], `to_dense()`, for code that reads that of an `nn.Linear`.

        It is computed each time, so that a change of it changes nothing.
        """
        return self.to_dense()

    @property
    def in_features(self) -> int:
        """Inputs I of the layer."""
        return self.shape.in_features

    @property
    def out_features(self) -> int:
        """Outputs O of the layer."""
        return self.shape.out_features

    @property
    def routers(self) -> tuple[int, int, int]:
        """Input, middle and output routers (Ri, Rm, Ro)."""
        return self.shape.input_routers, self.shape.middle_routers, self.shape.output_routers

    @property
    def path_diversity(self) -> int:
        """Paths between any input and any output, D = Rm."""
        return self.shape.path_diversity

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw every router's weights from Xavier's U(-r, r), r = sqrt(6 / (fan-in + fan-out)).

        For a Clos stage that is the sparse Xavier of NeuroFabric, eq. 2. The cube root of the gain
        goes into each stage. The bias starts at zero: the range that `nn.Linear` draws it from
        assumes a fan-in of I, which no router has.
        """
        ri, rm, ro = self.routers
        for start, stop in self.shape.input_blocks:
            sparse_xavier_(self.input_weight[start:stop], stop - start + rm, generator)
        sparse_xavier_(self.middle_weight, ri + ro, generator)
        for start, stop in self.shape.output_blocks:
            sparse_xavier_(self.output_weight[start:stop], rm + stop - start, generator)
        if self.gain != 1:
            for weight in self.weights:
                weight.mul_(self.gain ** (1 / 3))
        if self.bias is not None:
            self.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Compute [..., I] to [..., O], in the form that is fastest for so many samples."""
        check_features(x, self.shape.in_features, self.shape)
        plain = isinstance(x, Tensor) and x.ndim == 2  # pyright: ignore[reportUnnecessaryIsInstance]
        rows = x if plain else x.reshape(-1, self.shape.in_features)
        recorded = serves_any_batch(x)
        *weights, bias = (*self.weights, self.bias) if recorded else held(self, _PARAMETERS)
        y = compute(self.shape, ClosWeights(*weights), rows, recompute=self.recompute)
        y = add_bias(y, bias)
        return y if plain else y.reshape(x.shape[:-1] + (self.out_features,))

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute [..., I] to the results of all stages: [..., Ri, Rm], [..., Ro, Rm], [..., O]."""
        check_features(x, self.in_features, self.shape)
        ri, rm, ro = self.routers
        batch = x.shape[:-1]
        input_out, middle_out, y = by_columns(
            self.shape, self.weights, x.reshape(-1, self.in_features)
        )
        y = add_bias(y, self.bias)
        return (
            input_out.permute(2, 0, 1).reshape(*batch, ri, rm),
            middle_out.permute(2, 1, 0).reshape(*batch, ro, rm),
            y.reshape(*batch, self.out_features),
        )

    def to_dense(self) -> Tensor:
        """Multiply the stages out to the equivalent weight [O, I] of an `nn.Linear`.

        Differentiable; needs O I + I Rm Ro numbers of memory.
        """
        return to_matrix(self.shape, self.weights)

    def extra_repr(self) -> str:
        """Describe the layer as `nn.Linear` does, its routers, and what is not the default."""
        text = (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"routers={self.routers}, bias={self.bias is not None}"
        )
        gain = "" if self.gain == 1 else f", gain={self.gain:.4g}"
        return text + gain + (", recompute=True" if self.recompute else "")
