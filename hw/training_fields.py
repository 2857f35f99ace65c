"""The fields that only MAC ops of a torus that trains have, and what other fields mean in BACK ops.

A BACK op computes the sums of a RUN op backwards (docs/training.md). It reads the words x that
the RUN op summed, and the gradients of the RUN op's outputs. In a BACK op these fields of
`hw.op_fields.mac_fields` have another meaning:

axis
    The buffer of the words x. The gradients of these words are reduced on its ring, and go to
    its gradient memory.
dest
    The gradient memory that holds the gradients of the outputs. It means nothing if `from_host`
    is set: these gradients are then those that the host sent.
last_word
    Number of words less one that the op takes of each block (a block is the own words of one
    PE): a whole block, or a chunk of one.
last_output, last_walk, last_rest
    Number of outputs of a group, less one; with lanes the number of rows of a group, less one, and
    the number of outputs of the last row, less one.
x_base, w_base
    Address of the first of these words in the last block, and of that word's first weight, or row.
bias
    Whether the biases of the outputs change, too.
y_base, y_stride, y_rep_stride
    Address of the gradient of the first output, what each further output of a group adds to
    it, and what each repetition adds.
shift
    Right shift of the gradient of a word, beyond `min_grad_shift`.
relu
    Whether the gradient of a word x is 0 unless x is above 0.
need_free
    How many more gradients must have landed before the first repetition begins, beyond those
    that earlier ops asked for. With `from_host` it counts GRADIENT repetitions; without, it
    counts gradients in the memory of `dest`.
"""

from .config import MOMENTUM_BITS, TorusConfig, TrainingConfig

__all__ = ["training_mac_fields"]


def training_mac_fields(config: TorusConfig, training: TrainingConfig) -> dict[str, int]:
    """Return the further fields of a MAC op that trains: the width of each, lowest first.

    `hw.op_fields.mac_fields` puts them behind the fields that every MAC op has. All but `fence` and
    `memory` belong to BACK ops alone:

    need_step
        As `need_free`, for each further repetition.
    last_block
        Number of blocks, less one.
    block_jump
        How far the first word that is taken of a block lies below the last word that is taken of
        the block after it.
    last_group, group_stride
        Number of groups of outputs, less one; and what each group adds to the address of the first
        gradient.
    w_step, w_stride
        From the weight of an output to the weight of the next output; from the first weight of a
        repetition to that of the next repetition. With lanes, from row to row.
    reduce
        Whether there are sums of gradients at all: without, only weights change.
    host
        Whether the words x are the gateway's, so that their gradients go to the host.
    from_host
        Whether the gradients of the outputs came from the host.
    update
        Whether weights change.
    update_shift, bias_shift
        Right shift beyond `min_update_shift`, from an accumulated gradient to the change of its
        weight; left shift beyond `min_bias_shift`, to the change of its bias.
    decay
        What becomes of the gradient accumulated before: `hw.op_fields.KEEP` or `CLEAR`, or n to
        take a 2**n-th part of it off.
    apply
        Whether weights and biases change by what is then accumulated.
    fence
        Also of RUN ops: the op begins only when no weight is being written. A DUMP op always waits
        for that.
    compare, compare_shift
        Of RUN ops, where there are `targets`: whether each result, less the target that the host
        sent for it, becomes the gradient of the result, in the gradient memory of `dest`; and the
        right shift of this gradient, beyond `min_grad_shift`.
    memory
        Of DUMP ops alone: which `hw.op_fields.Memory` is copied. The op copies `last_word` + 1
        records in each repetition, from record `w_base` on, to `y_base` and up in the row buffer;
        each repetition asks for `need_free`. Weights are counted one by one, with lanes too.
    """
    count, addr, rep = config.count_bits, config.addr_bits, config.rep_bits
    targets = {"compare": 1, "compare_shift": training.grad_shift_bits} if training.targets else {}
    return {
        "need_step": rep, "last_block": max(config.row_bits, config.col_bits),
        "block_jump": count, "last_group": rep, "group_stride": addr, "w_step": count,
        "w_stride": config.weight_row_bits, "reduce": 1, "host": 1, "from_host": 1,
        "update": 1, "update_shift": training.update_shift_bits,
        "bias_shift": training.bias_shift_bits, "decay": MOMENTUM_BITS, "apply": 1,
        "fence": 1, "memory": 2, **targets,
    }
