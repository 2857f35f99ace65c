"""What comes nearest to an operation that no torus computes."""

__all__ = ["nearest"]

_SUPPORTED = (
    "supported are ClosLinear, Linear, LowRankLinear, pointwise ClosConv2d and Conv2d, BatchNorm, "
    "ReLU, ReLU6, Hardtanh, clamp, LeakyReLU(2**-n), scales and shifts; Dropout, Identity and "
    "Flatten are skipped"
)
_CURVES = "the nearest are ReLU, LeakyReLU(2**-n) and clamp, with which the model must be trained"
_BOUNDED = "the nearest is Hardtanh or clamp, with which the model must be trained"
_NEAREST = (
    (("softmax", "softmin"), ("leave it out: the largest output stays the largest, and the host "
     "can compute it from the outputs")),
    (("sigmoid", "tanh", "softsign"), (f"{_BOUNDED}; behind the last layer leave it out, and the "
     "host computes it")),
    (("gelu", "silu", "elu", "selu", "celu", "mish", "softplus", "swish", "prelu", "rrelu"),
     _CURVES),
    (("layernorm", "layer_norm", "groupnorm", "group_norm", "instancenorm", "rmsnorm", "rms_norm"),
     "the nearest is BatchNorm1d, whose mean is that of the training data and folds into weights"),
    (("conv", "pool"), ("the nearest are pointwise ClosConv2d and Conv2d(kernel_size=1), where "
     "every pixel is a sample")),
    (("lstm", "gru", "rnn", "attention", "transformer"), ("the nearest is a chain of ClosLinear "
     "and ReLU over a window of the sequence")),
    (("permute", "transpose", "movedim", "swapaxes"), ("change the order of the features in the "
     "data")),
    (("cat", "concat", "stack", "split", "chunk"), ("a torus computes a chain: make one layer of "
     "those that are side by side")),
    (("getitem", "index_select", "gather"), "select the features in the data"),
)  # fmt: skip


def nearest(name: str, supported: str = _SUPPORTED) -> str:
    """Say what to do about the function, method or class of this name; else what is supported."""
    lower = name.lower()
    for parts, advice in _NEAREST:
        if any(part in lower for part in parts):
            return advice
    return supported
