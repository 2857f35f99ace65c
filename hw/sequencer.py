"""`Sequencer`: loads a program, then feeds its queues of ops to their engines."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .config import HEADER_FIELDS, PROGRAM_BLOCK_WORDS
from .ops import END, LOOP, LOOP_COUNT_BITS, loop_op, op_words

__all__ = ["Sequencer"]


class _Queue:
    """State of one queue of ops; the fetch unit works on one at a time."""

    def __init__(self, index, layout, config):
        self.index = index
        self.layout = layout
        self.words = op_words(config, layout)
        self.pc = Signal(config.program_addr_bits, name=f"pc_{index}")
        self.op = Signal(self.words * config.word_bits, name=f"op_{index}")
        self.full = Signal(name=f"full_{index}")
        self.ended = Signal(name=f"ended_{index}", init=1)
        self.looping = Signal(name=f"looping_{index}")
        self.turns_left = Signal(LOOP_COUNT_BITS, name=f"turns_left_{index}")


class Sequencer(wiring.Component):
    """A program memory and up to three queues that are fetched from it, one op ahead each.

    After reset, and whenever all queues have ended and the engines are idle, it loads the next
    program: it asks for a header block, then for the program's blocks, over `boot`, takes their
    words over `load`, and starts. See docs/architecture.md, section 5.

    An op is fetched while its engine runs the one before: in `op_words + 3` cycles, one queue after
    the other. LOOP and END ops are carried out here.

    Parameters
    ----------
    config : TorusConfig
    queues : dict of int to StructLayout
        The layout of each queue that has an engine here, by its number in the program; at most
        `HEADER_FIELDS` of them.

    Members
    -------
    boot : Out(stream)
        A request for blocks of `PROGRAM_BLOCK_WORDS` words: their number less one.
    load : In(stream)
        The words of the blocks asked for, in order. Always accepted.
    queue_0, queue_1, queue_2 : Out(stream)
        The ops of each queue in `queues`.
    idle : In(1)
        All engines have finished all ops that they took, and all that `boot` asked for.
    start : Out(1)
        High for one cycle before the first op of a program.
    """

    def __init__(self, config, queues):
        self.config = config
        self.queues = dict(queues)
        super().__init__({
            "boot": Out(stream.Signature(config.rep_bits)),
            "load": In(stream.Signature(config.word_bits, always_ready=True)),
            "idle": In(1),
            "start": Out(1),
            **{f"queue_{index}": Out(stream.Signature(layout))
               for index, layout in self.queues.items()},
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        queues = [_Queue(index, layout, config) for index, layout in self.queues.items()]

        m.submodules.program = program = memory.Memory(
            shape=config.word_bits, depth=config.program_words, init=[])
        write, read = program.write_port(), program.read_port()

        for queue in queues:
            port = getattr(self, f"queue_{queue.index}")
            m.d.comb += [
                port.valid.eq(queue.full),
                port.payload.eq(queue.op),
            ]
            with m.If(port.valid & port.ready):
                m.d.sync += queue.full.eq(0)

        self._load(m, queues, write)
        self._fetch(m, queues, read)
        return m

    def _load(self, m, queues, write):
        """Boot: header block, program blocks, start; then wait for the program's end."""
        config = self.config
        field_bits = config.header_field_words * config.word_bits
        header = Signal(HEADER_FIELDS * field_bits)
        fields = [header.word_select(index, field_bits) for index in range(HEADER_FIELDS)]
        block_words_left = Signal(range(PROGRAM_BLOCK_WORDS + 1))
        blocks_left = Signal(config.rep_bits)
        in_header = Signal()
        write_addr = Signal(config.program_addr_bits)
        m.d.comb += [
            write.addr.eq(write_addr),
            write.data.eq(self.load.payload),
        ]

        with m.FSM():
            with m.State("Ask for the header"):
                m.d.comb += self.boot.valid.eq(1)
                m.d.sync += [
                    in_header.eq(1),
                    block_words_left.eq(PROGRAM_BLOCK_WORDS),
                    blocks_left.eq(0),
                    write_addr.eq(0),
                ]
                with m.If(self.boot.ready):
                    m.next = "Take blocks"
            with m.State("Ask for the program"):
                m.d.comb += [
                    self.boot.valid.eq(1),
                    self.boot.payload.eq(fields[0]),
                ]
                m.d.sync += [
                    in_header.eq(0),
                    block_words_left.eq(PROGRAM_BLOCK_WORDS),
                    blocks_left.eq(fields[0]),
                ]
                with m.If(self.boot.ready):
                    m.next = "Take blocks"
            with m.State("Take blocks"):
                with m.If(self.load.valid):
                    m.d.sync += block_words_left.eq(block_words_left - 1)
                    with m.If(~in_header):
                        m.d.comb += write.en.eq(1)
                        m.d.sync += write_addr.eq(write_addr + 1)
                    with m.Elif(block_words_left
                                > PROGRAM_BLOCK_WORDS - HEADER_FIELDS * config.header_field_words):
                        m.d.sync += header.eq(Cat(header, self.load.payload) >> config.word_bits)
                    with m.If(block_words_left == 1):
                        m.d.sync += [
                            block_words_left.eq(PROGRAM_BLOCK_WORDS),
                            blocks_left.eq(blocks_left - 1),
                        ]
                        with m.If(blocks_left == 0):
                            with m.If(in_header):
                                m.next = "Ask for the program"
                            with m.Else():
                                m.next = "Start"
            with m.State("Start"):
                # The op that brought the last word may still be sending it on; its end must not
                # count as progress of the program.
                with m.If(self.idle):
                    m.d.comb += self.start.eq(1)
                    for queue in queues:
                        m.d.sync += [
                            queue.pc.eq(fields[queue.index] if queue.index else 0),
                            queue.ended.eq(0),
                            queue.looping.eq(0),
                        ]
                    m.next = "Run"
            with m.State("Run"):
                done = Cat(queue.ended & ~queue.full for queue in queues).all()
                with m.If(done & self.idle):
                    m.next = "Ask for the header"

    def _fetch(self, m, queues, read):
        """Fetch one op after the other for the queues in turn; carry out END and LOOP."""
        config = self.config
        words_left = Signal(range(max(queue.words for queue in queues) + 1))
        arriving = Signal()
        m.d.sync += arriving.eq(read.en)

        with m.FSM():
            for number, queue in enumerate(queues):
                look_at_next = f"Look at queue {(number + 1) % len(queues)}"

                with m.State(f"Look at queue {number}"):
                    m.d.sync += words_left.eq(queue.words)
                    with m.If(queue.full | queue.ended):
                        m.next = look_at_next
                    with m.Else():
                        m.next = f"Read queue {number}"

                with m.State(f"Read queue {number}"):
                    m.d.comb += read.addr.eq(queue.pc)
                    with m.If(arriving):
                        m.d.sync += queue.op.eq(Cat(queue.op, read.data) >> config.word_bits)
                    with m.If(words_left != 0):
                        m.d.comb += read.en.eq(1)
                        m.d.sync += [
                            queue.pc.eq(queue.pc + 1),
                            words_left.eq(words_left - 1),
                        ]
                    with m.Else():
                        m.next = f"Decode queue {number}"

                with m.State(f"Decode queue {number}"):
                    m.next = look_at_next
                    loop = data.View(loop_op(config), queue.op[:loop_op(config).size])
                    with m.If(loop.kind == END):
                        m.d.sync += queue.ended.eq(1)
                    with m.Elif(loop.kind == LOOP):
                        turns_left = Mux(queue.looping, queue.turns_left, loop.count)
                        with m.If(turns_left != 0):
                            m.d.sync += [
                                queue.looping.eq(1),
                                queue.turns_left.eq(turns_left - 1),
                                queue.pc.eq(loop.target),
                            ]
                        with m.Else():
                            m.d.sync += queue.looping.eq(0)
                    with m.Else():
                        m.d.sync += queue.full.eq(1)
