"""The fields of every op: what the RTL decodes, the compiler packs and the benches print.

A program is three queues of ops that run side by side and in order. In a PE they drive the row
ring, the column ring and the MAC; in a gateway program they drive the row ring, the host input and
the host output. All ops of one queue have the same fields, so a queue is a plain array.

An op is packed low bit first, field after field, into whole lines of the program memory
(`TorusConfig.line_words` link words, low word first). LOOP, JUMP and END are carried out by the
fetch unit and never reach an engine; they begin with the same `kind` field as the ops of their
queue, three values of which are theirs.

This module needs nothing but the standard library; `hw.ops` makes Amaranth layouts of the fields.
"""

import enum

from .config import LOOP_COUNT_BITS, MOMENTUM_BITS, TorusConfig
from .training_fields import training_mac_fields

__all__ = [
    "Axis", "GatherKind", "MacKind", "RingKind", "HostInKind", "HostOutKind", "Memory",
    "KEEP", "CLEAR", "END", "LOOP", "JUMP", "Fields", "PE_QUEUES", "GATEWAY_QUEUES",
    "gather_fields", "mac_fields", "ring_fields", "host_in_fields", "host_out_fields",
    "loop_fields", "pe_fields", "gateway_fields", "op_bits", "op_lines",
]

PE_QUEUES = ("row", "col", "mac")
GATEWAY_QUEUES = ("ring", "host_in", "host_out")

# Width of each field by its name, lowest first.
Fields = dict[str, int]


class Axis(enum.IntEnum):
    """The ring, and the gather buffer, that an op reads or writes."""

    ROW = 0
    COL = 1


# The kinds that every queue has: the fetch unit knows no other.
END, LOOP, JUMP = 0, 1, 7


class GatherKind(enum.IntEnum):
    """What a PE's ring engine does with the words that it receives, beside forwarding them."""

    END = END
    LOOP = LOOP
    GATHER = 2   # Keep for the MAC, which consumes the op.
    PASS = 3     # Nothing: they are output words on their way to the gateway.
    WEIGHTS = 4  # Every C-th word goes to the weight memory, in order.
    BIASES = 5   # Every C-th word is a part of a bias, `bias_chunks` parts a bias.
    PROGRAM = 6  # The built-in op before a program: all words go to the program memory.
    JUMP = JUMP
    # In training only:
    GRADIENT = 8  # Every C-th word is the gradient of an own word.
    LFSR = 9      # Every C-th word is a part of the state of the random generator.
    TARGET = 10   # Every C-th word is the target of an own word; where there are `targets`.


class MacKind(enum.IntEnum):
    """What the MAC does; BACK and DUMP exist in training only."""

    END = END
    LOOP = LOOP
    RUN = 2   # Sums over gathered words.
    BACK = 3  # The sums of a RUN backwards: gradients of its words, and changes of its weights.
    DUMP = 4  # Copy records of a memory to own words of the row buffer.
    JUMP = JUMP


class Memory(enum.IntEnum):
    """The memory that a DUMP op copies."""

    WEIGHTS = 0
    BIASES = 1
    LFSR = 2


# Values of the field `decay` of a BACK op, which says what becomes of the gradient accumulated
# before: it stays, it is cleared, or, for any other value n, a 2**n-th part is taken off.
KEEP, CLEAR = 0, (1 << MOMENTUM_BITS) - 1


class RingKind(enum.IntEnum):
    """What a gateway does on its row ring."""

    END = END
    LOOP = LOOP
    SEND = 2     # Own `send` words, taken from the host; receive none.
    FORWARD = 3  # Receive `recv` words, forward the first `send` of them.
    SINK = 4     # As FORWARD, and hand all `recv` words to the host.
    GRADIENT = 5  # Hand `recv` sums of the reverse ring to the host. Training only.
    PROGRAM = 6  # The built-in op before a program: `send` words of the host are the program.
    JUMP = JUMP


class HostInKind(enum.IntEnum):
    """Where the next beats of the host stream go."""

    END = END
    LOOP = LOOP
    SCATTER = 2    # `beats` beats to gateway 0, then to gateway 1, ...
    BROADCAST = 3  # `beats` beats to all gateways at once.
    PROGRAM = 6    # The built-in op before a program: as BROADCAST, and to the bridge as well.
    JUMP = JUMP


class HostOutKind(enum.IntEnum):
    """Where the next beats to the host come from."""

    END = END
    LOOP = LOOP
    COLLECT = 2  # `beats` beats from gateway 0, then from gateway 1, ...
    ID = 3       # The hardware id, low beat first; `beats` is not used.
    JUMP = JUMP


def gather_fields(config: TorusConfig) -> Fields:
    """Op of a PE's row or column ring: one ring all-gather, repeated `reps` + 1 times.

    own
        Words of this PE, at `base` and up in the gather buffer; sent first.
    recv
        Words that arrive, stored behind the own ones, and sent on: a node sends as many words as
        it receives.
    to_gateway
        Whether the last PE of a row, whose downstream neighbour is the gateway, sends all words,
        its own and those it receives. If not, it sends none, since the words came from the gateway.
        Other nodes do not look at it.
    base, stride
        Buffer address of the first repetition's words, and what each further repetition adds to it.
        In a GRADIENT op `base` is also the address of this PE's first gradient in its memory of the
        host's gradients; the words pass through the buffer like any others.
    need_first, need_step
        How many more MAC repetitions (where a torus trains, how many more results) must have landed
        in this buffer before the own words are sent: in the first repetition, and in each further
        one. What was asked for before is not counted again.
    lag
        A repetition begins when fewer than `lag` gathered repetitions wait for the MAC, which has
        then consumed the repetition that used the same region last.

    Where a torus trains, the MAC reads a region more than once, and in place of `lag` there are

    need_read, need_read_step
        How many more MAC repetitions (RUN and BACK) must have read this buffer before the region is
        free: of the first repetition, and of each further one.
    """
    count, addr, rep = config.count_bits, config.addr_bits, config.rep_bits
    fields = {
        "kind": config.kind_bits, "reps": rep, "own": count, "recv": count, "to_gateway": 1,
        "base": addr, "stride": addr, "need_first": rep, "need_step": rep,
    }
    if config.training is None:
        return {**fields, "lag": rep}
    return {**fields, "need_read": rep, "need_read_step": rep}


def mac_fields(config: TorusConfig) -> Fields:
    """Op of the MAC: sums over the same words, repeated `reps` + 1 times.

    axis, dest
        The buffer that words are read from, and the buffer that results are written to.
    last_word
        Fan-in of each sum (own and received words), less one.
    last_output
        Number of sums in a repetition, less one.
    x_base, x_stride
        Buffer address of the first word, and what each repetition adds to it.
    w_base
        Address of the first weight; weights are read in order (repetition, output, word). Where
        the MAC has lanes, that of the first row of weights: rows are read in order (repetition,
        group of sums, row of words).
    bias, b_base
        Whether sums start from biases, and the address of the first bias; biases are read in order
        (repetition, output).
    y_base, y_stride, y_rep_stride
        Address of the first result, what each further output adds to it, and what each repetition
        adds.
    shift, negative_shift, low, high, relu
        Right shift, beyond `min_shift`, and that of negative sums in a `leaky` torus; saturation
        after round half to even, to bounds in a `bounded` torus; then max(0, y) if `relu`.
    need_free
        How many more repetitions the destination's ring engine must have retired before the op
        begins, since only then the regions that it writes to are free.

    With `lanes_in` of 2 a step reads two words: `x_base` and `x_stride` are even, `last_word` is
    the number of the first word in the last row, and the second one has weight 0 if it is not
    there. With `lanes_out` above 1 there are, in place of `last_output`,

    last_walk
        Groups of `lanes_out` sums in a repetition, less one.
    last_rest
        Sums of the last group, less one: the others are whole.

    With `word_steps` of the configuration there is

    word_step
        From each word of a sum to the next, `lanes_in` for all words; `last_word` is then the
        number of the last one in the region. With more, the op reads no word of a repetition
        before all have been received; with `lanes_in` of 2, the other word of its row has weight 0.

    Where a torus trains, there are BACK and DUMP ops, and more fields: see `hw.training_fields`.
    """
    count, addr, rep = config.count_bits, config.addr_bits, config.rep_bits
    training, shift_bits, w_bits = config.training, config.shift_bits, config.weight_row_bits
    more = {"word_step": count} if config.word_steps else {}
    more |= {"negative_shift": shift_bits} if config.leaky else {}
    more |= {"low": config.act_bits, "high": config.act_bits} if config.bounded else {}
    if training is not None:
        shift_bits = max(shift_bits, training.grad_shift_bits)
        more = training_mac_fields(config, training)
        w_bits = config.weight_addr_bits  # A DUMP counts single weights.
    outputs = {"last_output": count}
    if config.lanes_out > 1:
        outputs = {"last_walk": count, "last_rest": config.sum_bits}
    return {
        "kind": config.kind_bits, "axis": 1, "dest": 1, "reps": rep, "last_word": count,
        **outputs, "x_base": addr, "x_stride": addr,
        "w_base": w_bits, "bias": 1, "b_base": config.bias_addr_bits,
        "y_base": addr, "y_stride": addr, "y_rep_stride": addr,
        "shift": shift_bits, "relu": 1, "need_free": rep, **more,
    }


def ring_fields(config: TorusConfig) -> Fields:
    """Op of a gateway on its row ring, repeated `reps` + 1 times: see `RingKind`."""
    count = config.count_bits
    return {"kind": config.kind_bits, "reps": config.rep_bits, "recv": count, "send": count}


def _host_fields(config: TorusConfig) -> Fields:
    return {"kind": config.kind_bits, "reps": config.rep_bits, "beats": config.count_bits}


def host_in_fields(config: TorusConfig) -> Fields:
    """Op of the host input: `beats` beats to each gateway, repeated `reps` + 1 times."""
    return _host_fields(config)


def host_out_fields(config: TorusConfig) -> Fields:
    """Op of the host output: `beats` beats from each gateway, repeated `reps` + 1 times."""
    return _host_fields(config)


def loop_fields(config: TorusConfig) -> Fields:
    """LOOP and JUMP, which go to line `target` of the program.

    A LOOP goes there `count` times, 1 at least, and then on to the next op; loops do not nest. A
    JUMP always goes there, and does not look at `count`.
    """
    return {"kind": config.kind_bits, "target": config.line_addr_bits, "count": LOOP_COUNT_BITS}


def pe_fields(config: TorusConfig) -> tuple[Fields, ...]:
    """Fields of the ops of a PE program, in the order of `PE_QUEUES`."""
    return gather_fields(config), gather_fields(config), mac_fields(config)


def gateway_fields(config: TorusConfig) -> tuple[Fields, ...]:
    """Fields of the ops of a gateway program, in the order of `GATEWAY_QUEUES`."""
    return ring_fields(config), host_in_fields(config), host_out_fields(config)


def op_bits(fields: Fields) -> int:
    """Width of an op with these fields."""
    return sum(fields.values())


def op_lines(config: TorusConfig, fields: Fields) -> int:
    """Lines of program memory that one op takes; LOOP, JUMP and END take one in every queue."""
    return -(-op_bits(fields) // config.line_bits)
