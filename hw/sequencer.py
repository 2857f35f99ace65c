"""`Sequencer`: loads a program, then feeds its queues of ops to their engines."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .cells.block_ram import BlockRam
from .cells.parity import parities, parity_fails, plain_words
from .config import LOOP_COUNT_BITS, QUEUES, READ_CYCLES
from .op_fields import END, JUMP, LOOP
from .ops import loop_op

__all__ = ["Sequencer"]


class Sequencer(wiring.Component):
    """A program memory and up to three queues that are fetched from it, one op ahead each.

    After reset, and whenever all queues have ended and the engines were idle in the cycle before,
    it loads the next program: it gives the built-in op, which brings one block, the header; then
    the built-in op again, repeated for every block of the program; and then starts. The words of
    these blocks come over `load`. See docs/architecture.md, section 5.

    The fetch unit is a barrel: slot q of every three cycles belongs to queue q, whatever the other
    queues do, and reads one line of the program memory if the queue has room. An op of n lines is
    valid 3 n cycles after the slot that read its first line; once it is taken, the next slot reads
    on. LOOP, JUMP and END are carried out here and take a slot each. Slot 0 comes one cycle after
    `start`.

    Parameters
    ----------
    config : TorusConfig
    queues : dict of int to StructLayout
        The layout of each queue that has an engine here, by its number in the program.
    boot : tuple of (int, dict)
        The queue that brings programs, and the fields of the built-in op that brings a block.
    tells : bool
        Whether there is a port `running`.

    Members
    -------
    load : In(stream)
        The words of the blocks asked for, in order, `link_words` at once. Always accepted.
    queue_0, queue_1, queue_2 : Out(stream)
        The ops of each queue in `queues`.
    idle : In(1)
        The engines have finished all ops that they took, and those that took a built-in op have
        given all its words to `load`. It passes a register.
    start : Out(1)
        High for one cycle before the first slot of a program.
    running : Out(1)
        With `tells`: high from the cycle after `start` until all queues have ended and the engines
        are idle.
    fault : Out(1)
        With `checks`: the parity of a line is wrong, in the cycle in which a queue gets it.
    """

    def __init__(self, config, queues, *, boot, tells=False):
        self.config = config
        self.queues = dict(queues)
        self.boot_queue, self.boot_fields = boot
        self.tells = tells
        super().__init__({
            "load": In(stream.Signature(config.ring_bits, always_ready=True)),
            "idle": In(1),
            "start": Out(1),
            **({"running": Out(1)} if tells else {}),
            **({"fault": Out(1)} if config.checks else {}),
            **{f"queue_{number}": Out(stream.Signature(layout))
               for number, layout in self.queues.items()},
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.program = program = BlockRam(
            config.line_bits + config.parity_bits, config.program_lines)

        # The registers of each queue: its next op, as whole lines; `full` if this op is complete;
        # and `ended` if no further op comes. The boot queue begins with the built-in op.
        lines = {number: -(-layout.size // config.line_bits)
                 for number, layout in self.queues.items()}
        boot_op = self.queues[self.boot_queue].const(self.boot_fields).as_bits()
        ops = {number: Signal(lines[number] * config.line_bits, name=f"op_{number}",
                              init=boot_op if number == self.boot_queue else 0)
               for number in self.queues}
        full = Signal(QUEUES)
        ended = Signal(QUEUES, init=(1 << QUEUES) - 1)
        for number in self.queues:
            port = getattr(self, f"queue_{number}")
            m.d.comb += [
                port.valid.eq(full[number]),
                port.payload.eq(ops[number][:self.queues[number].size]),
            ]
            with m.If(port.ready):
                m.d.sync += full[number].eq(0)

        self._fetch(m, program, lines, ops, full, ended)
        self._load(m, program, ops[self.boot_queue], full, ended)
        return m

    def _load(self, m, program, boot_op, full, ended):
        """Header block, program blocks, start; then wait for the program's end."""
        config = self.config
        blocks = Signal(config.header_field_words * config.word_bits)  # Number of blocks, less one.
        words = plain_words(config, self.load.payload)
        line, is_whole = words, Const(1)
        parts = config.line_words // config.link_words  # In which a line comes.
        if parts > 1:
            low_words = Signal(config.line_bits - config.link_bits)
            line = Cat(low_words, words)
            word_index = Signal(range(parts))
            is_whole = word_index == parts - 1
        addr = Signal(config.line_addr_bits)
        loading = Signal()
        m.d.comb += [
            program.write_addr.eq(addr),
            program.write_data.eq(self._with_parity(m, line, is_whole)),
            program.write_en.eq(self.load.valid & loading & is_whole),
        ]
        with m.If(self.load.valid):
            # The number of blocks is what comes last in the header.
            if parts > 1:
                m.d.sync += [
                    low_words.eq(line >> config.link_bits),
                    word_index.eq(word_index + 1),
                ]
            with m.If(~loading):
                m.d.sync += blocks.eq(Cat(blocks, words) >> config.link_bits)
        with m.If(program.write_en):
            m.d.sync += addr.eq(addr + 1)

        ready = Signal()
        bring = Signal()
        over = Signal()
        # Engines were idle in the cycle before, and no op waited: all that was given is done.
        quiet = Signal()
        m.d.sync += quiet.eq(self.idle & ~full.any())
        m.d.comb += ready.eq(~full[self.boot_queue] & quiet)
        with m.FSM() as phase:
            with m.State("Ask for the header"):
                m.d.comb += bring.eq(1)
                m.d.sync += [loading.eq(0), addr.eq(0)]
                m.next = "Take the header"
            with m.State("Take the header"):
                with m.If(ready):
                    m.d.comb += bring.eq(1)
                    m.d.sync += loading.eq(1)
                    m.next = "Take the program"
            with m.State("Take the program"):
                # The op that brought the last word may still be sending it on; its end must not
                # count as progress of the program.
                with m.If(ready):
                    m.d.comb += self.start.eq(1)
                    for number in self.queues:
                        m.d.sync += ended[number].eq(0)
                    m.next = "Run"
            with m.State("Run"):
                with m.If(ended.all() & ~full.any() & quiet):
                    m.d.comb += over.eq(1)
                    m.next = "Ask for the header"

        if self.tells:
            m.d.comb += self.running.eq(phase.ongoing("Run"))

        # A header is one block.
        with m.If(over):
            m.d.sync += blocks.eq(0)
        layout = self.queues[self.boot_queue]
        with m.If(bring):
            m.d.sync += [
                boot_op.eq(boot_op.init),
                data.View(layout, boot_op[:layout.size]).reps.eq(blocks),
                full[self.boot_queue].eq(1),
            ]

    def _with_parity(self, m, line, is_whole):
        """A line that is loaded, with `checks` its parity above it, which is that of its words."""
        config = self.config
        if not config.checks:
            return line
        so_far = Signal()  # Parity of the words of this line that have come.
        parity = so_far ^ parities(config, self.load.payload).xor()
        with m.If(self.load.valid):
            m.d.sync += so_far.eq(parity & ~is_whole)
        return Cat(line, parity)

    def _checked(self, m, line, reading):
        """A line that is read, without its parity; say whether that is wrong where it is read."""
        config = self.config
        if not config.checks:
            return line
        m.d.comb += self.fault.eq(reading & parity_fails(line, config.line_bits + 1))
        return line[:config.line_bits]

    def _fetch(self, m, program, lines, ops, full, ended):
        """Serve one queue a cycle in turn: read a line of its op, or carry out a LOOP or JUMP."""
        config = self.config
        # The fetch unit has such a context for each queue. The three contexts go round: first the
        # queue of a context is served, then the context is in between, and then the line that was
        # read comes out of the memory.
        context = data.StructLayout({
            "pc": config.line_addr_bits,
            "line": range(max(2, *lines.values())),  # Lines read of the op in hand.
            "turns": LOOP_COUNT_BITS,            # Jumps that the LOOP in progress has made.
            "reading": 1, "first": 1, "last": 1,     # In its slot: a line was read; which one.
        })
        now, between, arriving = (Signal(context, name=name)
                                  for name in ("now", "between", "arriving"))
        slot = Signal(QUEUES, init=1)  # One of its bits is 1: that of the queue that is served.
        m.d.sync += slot.eq(slot.rotate_left(1))

        # Now: read the next line of an op that its queue has room for.
        reading = Signal()
        last = Signal()
        m.d.comb += [
            reading.eq((slot & ~full & ~ended).any()),
            last.eq(Cat(slot[number] & (now.line == count - 1)
                        for number, count in lines.items()).any()),
        ]
        m.d.comb += [
            program.read_en.eq(reading),
            program.read_addr.eq(now.pc),
            program.out_en.eq(between.reading),
        ]
        m.d.sync += [
            between.eq(now),
            between.reading.eq(reading),
            between.first.eq(now.line == 0),
            between.last.eq(last),
            between.pc.eq(now.pc + reading),
            arriving.eq(between),
        ]
        with m.If(reading):
            m.d.sync += between.line.eq(Mux(last, 0, now.line + 1))

        # Arriving: the first line of an op tells what it is.
        line = self._checked(m, program.read_data, arriving.reading)
        loop = data.View(loop_op(config), line[:loop_op(config).size])
        special = Signal()
        is_loop = Signal()
        m.d.comb += [
            special.eq(arriving.first & ((loop.kind == END) | (loop.kind == LOOP)
                                         | (loop.kind == JUMP))),
            is_loop.eq(arriving.reading & arriving.first & (loop.kind == LOOP)),
        ]
        jumps = Signal()
        m.d.comb += jumps.eq((loop.kind == JUMP) | (is_loop & (arriving.turns < loop.count)))
        m.d.sync += [
            now.eq(arriving),
            now.turns.eq(arriving.turns + is_loop),
        ]
        with m.If(is_loop & ~jumps):
            m.d.sync += now.turns.eq(0)
        with m.If(arriving.reading & special):
            m.d.sync += now.line.eq(0)
            with m.If(jumps):
                m.d.sync += now.pc.eq(loop.target)
        for number in self.queues:
            with m.If(slot[(number + READ_CYCLES) % QUEUES] & arriving.reading):
                m.d.sync += ops[number].eq(
                    Cat(ops[number], line) >> config.line_bits)
                with m.If(~special & arriving.last):
                    m.d.sync += full[number].eq(1)
                with m.If(arriving.first & (loop.kind == END)):
                    m.d.sync += ended[number].eq(1)

        # Queue q begins at line q, with a JUMP.
        with m.If(self.start):
            m.d.sync += slot.eq(1)
            for number, state in enumerate((now, arriving, between)):
                m.d.sync += state.eq(context.const({"pc": number}))
