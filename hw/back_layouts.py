"""The layouts of what a MAC that goes back is told: steps, gradients and changes.

See `hw.layouts` for the layouts of all else.
"""

from amaranth.lib import data

from .config import MOMENTUM_BITS

__all__ = ["back_step_layout", "bias_update_layout", "gradient_read_layout", "update_layout"]


def gradient_read_layout(config):
    """A gradient on its way from its memory into a row of gradients, where a MAC has lanes.

    dest, from_host, addr
        The memory that it is in, and its address there.
    row, lane
        The row of gradients that it goes to, and its place there; those behind it become 0.
    bias, b_addr, decay, apply, bias_shift
        Whether the output's bias changes too, and how: see `hw.mac.bias_update`.
    """
    training = config.training
    return data.StructLayout({
        "dest": 1, "from_host": 1, "addr": config.addr_bits,
        "row": range(training.gradient_rows), "lane": config.sum_bits,
        "bias": 1, "b_addr": config.bias_addr_bits, "decay": MOMENTUM_BITS, "apply": 1,
        "bias_shift": training.bias_shift_bits,
    })


def back_step_layout(config):
    """One step backwards: the weight from an input x to an output, whose gradient is dy.

    With `lanes_out` above 1 it is the row of weights from x to a group of outputs. `row` is then in
    place of `dest`, `from_host` and `dy_addr`: the row that holds their gradients; and biases
    change apart from steps.

    axis, x_addr
        The buffer of x, and the address of x in it. If x is an own word, its gradient goes to the
        same address of the gradient memory of that axis.
    dest, from_host, dy_addr
        The memory that dy is in, and its address there.
    w_addr
        Address of the weight.
    first, last
        This is the first, or the last, step of a sum; a sum goes over the outputs of one x.
    reduce, takes, keeps, to_host
        What becomes of the sum: see `hw.ring.reduce`.
    shift, relu
        How the gradient of x is finished.
    update, update_shift, decay, apply
        How the weight changes: see `hw.mac.weight_update`.
    bias, b_addr, bias_shift
        Whether the output's bias changes too, and how: see `hw.mac.bias_update`.
    """
    training = config.training
    gradients = {"dest": 1, "from_host": 1, "dy_addr": config.addr_bits}
    biases = {"bias": 1, "b_addr": config.bias_addr_bits, "bias_shift": training.bias_shift_bits}
    if config.lanes_out > 1:
        gradients, biases = {"row": range(training.gradient_rows)}, {}
    return data.StructLayout({
        "axis": 1, "x_addr": config.addr_bits,
        **gradients,
        "w_addr": config.weight_row_bits,
        "first": 1, "last": 1,
        "reduce": 1, "takes": 1, "keeps": 1, "to_host": 1,
        "shift": training.grad_shift_bits, "relu": 1,
        "update": 1, "update_shift": training.update_shift_bits,
        "decay": MOMENTUM_BITS, "apply": 1,
        **biases,
    })


def update_layout(config):
    """Which weight changes and how: see the fields of a BACK op of these names."""
    return data.StructLayout({
        "addr": config.weight_row_bits,
        "decay": MOMENTUM_BITS,
        "apply": 1,
        "shift": config.training.update_shift_bits,
    })


def bias_update_layout(config):
    """Which bias changes and how: see the fields of a BACK op of these names."""
    return data.StructLayout({
        "addr": config.bias_addr_bits,
        "decay": MOMENTUM_BITS,
        "apply": 1,
        "shift": config.training.bias_shift_bits,
    })
