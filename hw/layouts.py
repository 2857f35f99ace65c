"""What blocks send each other: the layouts of all payloads that more than one block knows.

Each is named by what travels. Two layouts of equal width connect without a word from Amaranth, so
a port names the layout that it means.
"""

from amaranth import *
from amaranth.lib import data

__all__ = [
    "bias_load_layout",
    "complete_layout",
    "contribution_layout",
    "decoded_layout",
    "finish_layout",
    "finish_options",
    "finished_layout",
    "framed_layout",
    "gradient_finish_layout",
    "gradient_load_layout",
    "gradient_place_layout",
    "gradient_word",
    "group_layout",
    "packed_layout",
    "partial_layout",
    "result_layout",
    "segment_layout",
    "step_layout",
    "sum_layout",
    "tap_layout",
    "target_options",
    "weight_load_layout",
    "write_layout",
]


def write_layout(config):
    """A result on its way into a gather buffer, with `checks` its parity above it."""
    return data.StructLayout({"addr": config.addr_bits, "word": config.ring_word_bits})


def tap_layout(config):
    """What is received at once, `link_words` words as on the ring, with the kind of its op.

    In training it has also the op's `base`, `first` with the first word of a repetition, and
    `last_turn` if fewer words than a row has PEs come after it in its repetition.
    """
    fields = {"kind": config.kind_bits, "word": config.ring_bits}
    if config.training is not None:
        fields |= {"base": config.addr_bits, "first": 1, "last_turn": 1}
    return data.StructLayout(fields)


def finish_layout(config):
    """How a sum is finished: the right shift beyond `min_shift`, and whether a ReLU follows."""
    return data.StructLayout({"shift": config.shift_bits, "relu": 1, **finish_options(config)})


def finish_options(config):
    """Shapes of what else a sum is finished by, where a torus has it; see `mac_fields`."""
    fields = {}
    if config.leaky:
        fields["negative_shift"] = unsigned(config.shift_bits)
    if config.bounded:
        fields |= {"low": signed(config.act_bits), "high": signed(config.act_bits)}
    return fields


def gradient_finish_layout(config):
    """How the sum of a gradient is finished: the right shift beyond `min_grad_shift`, and `zero`,
    which makes the gradient 0 whatever the sum is.
    """
    return data.StructLayout({
        "shift": config.training.grad_shift_bits,
        "zero": 1,
    })


def result_layout(config):
    """Where a result goes: the buffer of ring `dest`, at `addr`. `landed` says that it is counted.

    A torus that only infers counts the last result of each repetition; one that trains counts every
    result. Where there are targets, `compare` and `compare_shift` are those of the op.
    """
    return data.StructLayout({
        "dest": 1, "addr": config.addr_bits, "landed": 1, **target_options(config)})


def target_options(config):
    """Shapes of what a result is compared with its target by, where a torus can do it."""
    training = config.training
    if training is None or not training.targets:
        return {}
    return {"compare": unsigned(1), "compare_shift": unsigned(training.grad_shift_bits)}


def step_layout(config):
    """One step of a sum: which word, which weight, and what the sum begins and ends with.

    With `lanes_out` above 1 it is a step of a group of sums, of which `group` says more; `result`
    and `b_addr` are then those of the first result of its repetition, and of its op.
    """
    group = {"group": group_layout(config)} if config.lanes_out > 1 else {}
    return data.StructLayout({
        "axis": 1,
        "w_addr": config.weight_row_bits,
        "first": 1, "bias": 1, "b_addr": config.bias_addr_bits,
        "last": 1, "finish": finish_layout(config), "result": result_layout(config), **group,
    })


def group_layout(config):
    """Sums that are made at once: their number less one, and what one adds to a result's address.

    `opens` is high for the first group of a repetition, `begins` for the first one of an op.
    """
    return data.StructLayout({
        "last_sum": config.sum_bits, "stride": config.addr_bits, "opens": 1, "begins": 1})


def sum_layout(config):
    """A whole sum, how it is finished, and where its result goes."""
    return data.StructLayout({
        "acc": signed(config.acc_bits), "finish": finish_layout(config),
        "where": result_layout(config),
    })


def finished_layout(config):
    """A result and where it goes."""
    return data.StructLayout({"where": result_layout(config), "word": signed(config.act_bits)})


def weight_load_layout(config):
    """A weight on its way into its memory; in training it is a stored weight with its velocity.

    Where links move two words at once it is two weights, and the address counts such pairs. With
    `checks` each has its parity above it.
    """
    bits = config.weight_bits if config.training is None else config.training.master_bits
    weight = unsigned(bits + 1) if config.checks else signed(bits)
    if config.link_words > 1:
        weight = data.ArrayLayout(weight, config.link_words)
    return data.StructLayout({
        "addr": config.weight_load_bits, "weight": weight, **_velocity_field(config)})


def bias_load_layout(config):
    """A bias on its way into the bias memory; in training with its velocity.

    With `checks` its parity is above it.
    """
    bias = unsigned(config.bias_bits + 1) if config.checks else signed(config.bias_bits)
    return data.StructLayout({
        "addr": config.bias_addr_bits, "bias": bias, **_velocity_field(config)})


def _velocity_field(config):
    training = config.training
    has_one = training is not None and training.velocity_bits
    if not has_one:
        return {}
    bits = training.velocity_bits
    return {"velocity": unsigned(bits + 1) if config.checks else signed(bits)}


def gradient_word(config):
    """A gradient as it is kept, with `checks` its parity above it."""
    bits = config.training.grad_bits
    return unsigned(bits + 1) if config.checks else signed(bits)


def gradient_load_layout(config):
    """A gradient from the host on its way into its memory, with `checks` its parity above it."""
    return data.StructLayout({
        "addr": range(config.training.result_words),
        "word": config.training.grad_bits + config.checks})


def partial_layout(config):
    """A word of a reverse ring: a partial sum, and whether it is the host's.

    With `checks` there is also the parity of both.
    """
    parity = {"parity": 1} if config.checks else {}
    return data.StructLayout({"sum": signed(config.acc_bits), "to_host": 1, **parity})


def gradient_place_layout(config):
    """What becomes of a complete gradient.

    addr
        Where it goes in the gradient memory.
    shift
        Right shift, beyond `min_grad_shift`.
    zero
        The gradient is 0, whatever the sum.
    """
    return data.StructLayout({
        "addr": config.addr_bits,
        "shift": config.training.grad_shift_bits,
        "zero": 1,
    })


def contribution_layout(config):
    """What the MAC adds to the reduction of one word.

    sum
        The share of this PE.
    takes
        The share is added to the next partial sum that arrives; else it begins a sum.
    keeps
        The sum is then complete and stays here; else it goes on to the next node.
    to_host
        A sum that goes on is meant for the host.
    place
        What becomes of a sum that stays.
    """
    return data.StructLayout({
        "sum": signed(config.acc_bits),
        "takes": 1, "keeps": 1, "to_host": 1,
        "place": gradient_place_layout(config),
    })


def complete_layout(config):
    """A sum that stays, and what becomes of it."""
    return data.StructLayout({
        "sum": signed(config.acc_bits), "place": gradient_place_layout(config)})


def packed_layout(config):
    """What goes to the host at once, `link_words` words; `last` closes its beat."""
    return data.StructLayout({"word": config.link_bits, "last": 1})


def framed_layout():
    """A byte of a frame; `last` ends the frame."""
    return data.StructLayout({"byte": 8, "last": 1})


def decoded_layout():
    """A byte of a frame; or, with `end`, no byte, but the end of a frame that is whole or not."""
    return data.StructLayout({"byte": 8, "end": 1, "whole": 1})


def segment_layout():
    """The word before the beats of a segment: how many, and how the words of packed ones come."""
    return data.StructLayout({"beats": 24, "shift": 5, "signed": 1, "packed": 1, "unused": 1})
