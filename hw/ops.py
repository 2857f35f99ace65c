"""The layouts of every op: what the RTL decodes, the compiler packs and the benches print.

A program is three queues of ops that run side by side and in order. In a PE they drive the row
ring, the column ring and the MAC; in a gateway program they drive the row ring, the host input and
the host output. All ops of one queue have the same layout, so a queue is a plain array.

Ops are packed low bit first into link words, low word first, `op_words()` words an op. `Loop` and
`End` are read by the fetch unit and never reach an engine; both begin with the same `kind` field
as the ops of their queue, two values of which are theirs.
"""

from amaranth.lib import data, enum

from .config import TorusConfig

__all__ = [
    "Axis", "GatherKind", "MacKind", "RingKind", "HostInKind", "HostOutKind",
    "END", "LOOP", "KIND_BITS", "LOOP_COUNT_BITS",
    "PE_QUEUES", "GATEWAY_QUEUES",
    "gather_op", "mac_op", "ring_op", "host_in_op", "host_out_op", "loop_op",
    "pe_queues", "gateway_queues", "op_words",
]

KIND_BITS = 3
LOOP_COUNT_BITS = 16

PE_QUEUES = ("row", "col", "mac")
GATEWAY_QUEUES = ("ring", "host_in", "host_out")


class Axis(enum.Enum, shape=1):
    """The ring, and the gather buffer, that an op reads or writes."""

    ROW = 0
    COL = 1


# The first two kinds of every queue: the fetch unit knows no other.
END, LOOP = 0, 1


class GatherKind(enum.Enum, shape=KIND_BITS):
    """What a PE's ring engine does with the words it receives; it always forwards them."""

    END = END
    LOOP = LOOP
    GATHER = 2   # Keep for the MAC, which consumes the op.
    PASS = 3     # Nobody reads them here: output words on their way to the gateway.
    WEIGHTS = 4  # Every C-th word goes to the weight memory, in order.
    BIASES = 5   # Every C-th word is a part of a bias, `bias_chunks` parts a bias.
    PROGRAM = 6  # The built-in op before a program: all words go to the program memory.


class MacKind(enum.Enum, shape=KIND_BITS):
    """The one job of the MAC."""

    END = END
    LOOP = LOOP
    RUN = 2


class RingKind(enum.Enum, shape=KIND_BITS):
    """What a gateway does on its row ring."""

    END = END
    LOOP = LOOP
    SEND = 2     # Own `send` words, taken from the host; receive none.
    FORWARD = 3  # Receive `recv` words, forward the first `send` of them.
    SINK = 4     # As FORWARD, and hand all `recv` words to the host.


class HostInKind(enum.Enum, shape=KIND_BITS):
    """Where the next beats of the host stream go."""

    END = END
    LOOP = LOOP
    SCATTER = 2    # `beats` beats to gateway 0, then to gateway 1, ...
    BROADCAST = 3  # `beats` beats to all gateways at once.


class HostOutKind(enum.Enum, shape=KIND_BITS):
    """Where the next beats to the host come from."""

    END = END
    LOOP = LOOP
    COLLECT = 2  # `beats` beats from gateway 0, then from gateway 1, ...
    ID = 3       # The hardware id, low beat first; `beats` is not used.


def gather_op(config: TorusConfig) -> data.StructLayout:
    """Op of a PE's row or column ring: one ring all-gather, repeated `reps` + 1 times.

    own
        Words of this PE, at `base` and up in the gather buffer; sent first.
    recv
        Words that arrive, stored behind the own ones, and sent on: a node sends as many words as
        it receives.
    last_send
        Words that the last PE of a row sends instead of `recv`, its downstream neighbour being the
        gateway.
    base, stride
        Buffer address of the first repetition's words, and what each further one adds.
    need_first, need_step
        MAC repetitions that must have landed in this buffer, beyond those asked for before, until
        the own words of the first, and of each further, repetition are there.
    lag
        Receiving starts when fewer than `lag` gathered repetitions wait for the MAC: the one that
        used this region last has then been consumed.
    """
    count, addr, rep = config.count_bits, config.addr_bits, config.rep_bits
    return data.StructLayout({
        "kind": GatherKind, "reps": rep, "own": count, "recv": count, "last_send": count,
        "base": addr, "stride": addr, "need_first": rep, "need_step": rep, "lag": rep,
    })


def mac_op(config: TorusConfig) -> data.StructLayout:
    """Op of the MAC: `outputs` sums over the same `words` words, repeated `reps` + 1 times.

    axis, dest
        The buffer read, and the buffer that results are written to.
    words, outputs
        Fan-in of each sum (own and received words), and sums a repetition; 1 at least.
    x_base, x_stride
        Buffer address of the first word, and what each repetition adds.
    w_base
        Address of the first weight; weights are read in order (repetition, output, word).
    bias, b_base
        Whether sums start from biases, and the address of the first; read in order (repetition,
        output).
    y_base, y_stride, y_rep_stride
        Address of the first result, what each further output adds, and each repetition.
    shift, relu
        Right shift with round half to even and saturation, then max(0, y) if `relu`.
    need_free
        Ops that the destination's ring engine must have retired, beyond those asked for before,
        until the regions written here are free.
    """
    count, addr, rep = config.count_bits, config.addr_bits, config.rep_bits
    return data.StructLayout({
        "kind": MacKind, "axis": Axis, "dest": Axis, "reps": rep, "words": count,
        "outputs": count, "x_base": addr, "x_stride": addr, "w_base": config.weight_addr_bits,
        "bias": 1, "b_base": config.bias_addr_bits, "y_base": addr, "y_stride": addr,
        "y_rep_stride": addr, "shift": config.shift_bits, "relu": 1, "need_free": rep,
    })


def ring_op(config: TorusConfig) -> data.StructLayout:
    """Op of a gateway on its row ring, repeated `reps` + 1 times: see `RingKind`."""
    return data.StructLayout({
        "kind": RingKind, "reps": config.rep_bits, "recv": config.count_bits,
        "send": config.count_bits,
    })


def _host_op(config: TorusConfig, kind) -> data.StructLayout:
    return data.StructLayout({"kind": kind, "reps": config.rep_bits, "beats": config.count_bits})


def host_in_op(config: TorusConfig) -> data.StructLayout:
    """Op of the host input: `beats` beats to each gateway, repeated `reps` + 1 times."""
    return _host_op(config, HostInKind)


def host_out_op(config: TorusConfig) -> data.StructLayout:
    """Op of the host output: `beats` beats from each gateway, repeated `reps` + 1 times."""
    return _host_op(config, HostOutKind)


def loop_op(config: TorusConfig) -> data.StructLayout:
    """Jump to word address `target` of the program `count` times, then go on. Loops do not nest."""
    return data.StructLayout({
        "kind": KIND_BITS, "target": config.program_addr_bits, "count": LOOP_COUNT_BITS,
    })


def pe_queues(config: TorusConfig) -> tuple[data.StructLayout, ...]:
    """Op layouts of a PE program, in the order of `PE_QUEUES`."""
    return gather_op(config), gather_op(config), mac_op(config)


def gateway_queues(config: TorusConfig) -> tuple[data.StructLayout, ...]:
    """Op layouts of a gateway program, in the order of `GATEWAY_QUEUES`."""
    return ring_op(config), host_in_op(config), host_out_op(config)


def op_words(config: TorusConfig, layout: data.StructLayout) -> int:
    """Link words of one op in the queue of `layout`."""
    return -(-max(layout.size, loop_op(config).size) // config.word_bits)
