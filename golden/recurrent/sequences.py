"""Sequences of several lengths, and those that are read backwards."""

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

__all__ = ["last_steps", "packed_like", "reversed_steps", "unpacked"]


def unpacked(packed: PackedSequence) -> tuple[Tensor, Tensor]:
    """Return the sequences [T, N, I], zeros behind the ends, and their lengths [N], falling."""
    return pad_packed_sequence(PackedSequence(packed.data, packed.batch_sizes))


def packed_like(y: Tensor, lengths: Tensor, packed: PackedSequence) -> PackedSequence:
    """Pack [T, N, K] of these lengths as `packed` is."""
    data = pack_padded_sequence(y, lengths).data
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)


def reversed_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Return [T, N, K] with every sequence from its end; what is behind the ends stays there."""
    if lengths is None:
        return x.flip(0)
    step = torch.arange(x.shape[0], device=x.device)[:, None]
    ends = lengths.to(x.device)
    return x[torch.where(step < ends, ends - 1 - step, step), torch.arange(x.shape[1])]


def last_steps(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Return of [T, N, K] what each sequence ends with: [N, K]."""
    if lengths is None:
        return values[-1]
    return values[lengths.to(values.device) - 1, torch.arange(values.shape[1])]
