"""`Sequencer`: programs are loaded whole, and each queue gives the ops of its program in order."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from amaranth import *
from amaranth.lib import data

from hw.config import QUEUES, TorusConfig
from hw.op_fields import END, JUMP, LOOP, GatherKind, loop_fields

from .inside import Inside
from .rtl import Rtl
from .sequencer_lemmas import add_lemmas
from .spec import Spec, any_value
from .streams import take

__all__ = ["sequencer_spec"]

_BLOCK_LINES = 1  # The sequencer does not know how long the blocks are.
_WAIT_CYCLES = 1  # Of a node that is idle, from one step of loading to the next.


def sequencer_spec(rtl: Rtl, lines: Mapping[int, int], config: TorusConfig) -> Spec:
    """A sequencer with such queues, and any engines, which bring it any programs.

    The engines take ops at any time. They bring the words of a built-in op at any time, and say
    that they are idle at any time, but not before these words have come. What has come is kept as
    lines; and each queue has a walker that goes through these lines as the architecture says
    (docs/architecture.md, section 5), one line in each slot of its queue. The lines may hold
    anything: any ops, loops that nest, jumps to anywhere. A reset comes at any time.

    Parameters
    ----------
    lines
        Per queue of the sequencer, how many lines an op takes.
    config
        Of a size at which the field of a header takes one transfer.
    """
    spec = Spec(restarts=True)
    m = spec.m
    boot = min(lines)
    layouts = {number: _layout(config, count) for number, count in lines.items()}
    fields = {"kind": GatherKind.PROGRAM.value, "rest": 0b101}
    m.submodules.sequencer = sequencer = rtl.module("sequencer").Sequencer(
        config, layouts, boot=(boot, fields), tells=True)
    ports = {number: getattr(sequencer, f"queue_{number}") for number in lines}
    taken = {number: take(spec, f"queue_{number}", port) for number, port in ports.items()}

    loaded = _load(spec, config, sequencer, ports, taken[boot], boot, fields)
    turn = Signal(range(QUEUES), name="turn")  # The queue whose slot this is.
    m.d.sync += turn.eq(Mux(turn == QUEUES - 1, 0, turn + 1))
    with m.If(sequencer.start):
        m.d.sync += turn.eq(0)
    walkers = [_Walker(spec, config, number, count, loaded.lines, turn, taken[number],
                       sequencer.start)
               for number, count in lines.items()]
    for walker in walkers:
        port = ports[walker.number]
        spec.check(f"queue {walker.number}: an op is lost, comes twice, too early or too late",
                   ~loaded.running | (port.valid == walker.full))
        spec.check(f"queue {walker.number}: another op",
                   ~(loaded.running & port.valid)
                   | (Value.cast(port.payload) == walker.op[:layouts[walker.number].size]))
    with m.If(loaded.quiet & Cat((walker.ended & ~walker.full) for walker in walkers).all()
              & loaded.running):
        m.d.sync += [loaded.running.eq(0), loaded.asked.eq(0)]
    spec.check("it says that it runs and does not, or the other way round",
               sequencer.running == loaded.running)

    # A loop has jumped twice in a program that came after a reset in the middle of loading one.
    # All that may rest does not, which makes the run easier to find.
    was_reset, rested = Signal(reset_less=True), Signal(reset_less=True)
    resets = Signal()
    m.d.comb += resets.eq(~was_reset & (loaded.asked == 2) & (loaded.fill == 1))
    m.d.sync += [
        was_reset.eq(was_reset | resets),
        rested.eq(rested | (spec.restart != resets) | ((loaded.owed != 0) & ~sequencer.load.valid)
                  | ((loaded.owed == 0) & ~sequencer.idle)
                  | ~Cat(port.ready for port in ports.values()).all()),
    ]
    spec.goal = (was_reset & ~rested & Cat(walker.given != 0 for walker in walkers).all()
                 & Cat(walker.looped & (walker.given == 3) for walker in walkers).any())
    spec.look_inside(lambda: add_lemmas(
        spec, Inside(sequencer, "program.words", peeks=config.program_lines), loaded, walkers,
        turn, boot, {number: ports[number].valid for number in ports}))
    return spec


def _layout(config: Any, lines: int) -> data.StructLayout:
    """Ops of so many lines, the last one not quite full."""
    rest = lines * config.line_bits - 2 - config.kind_bits - config.rep_bits
    return data.StructLayout({"kind": config.kind_bits, "reps": config.rep_bits, "rest": rest})


def _load(spec: Spec, config: Any, sequencer: Any, ports: dict[int, Any], takes: Value, boot: int,
          fields: dict[str, int]) -> Any:
    """The engines that bring programs, and what of them has come.

    Returns
    -------
    lines, fill, part
        The program memory as it has to be, the line that comes next, and its part that comes next.
    asked, owed, blocks
        Built-in ops that were taken since the last program, transfers of words that they have still
        to bring, and blocks of the program less one, as the header had it.
    quiet
        In the cycle before, engines were idle and no op was offered.
    running
        A program runs.
    """
    m = spec.m
    parts = config.line_words // config.link_words
    lines = Array(Signal(config.line_bits, name=f"line_{line}", reset_less=True)
                  for line in range(config.program_lines))
    so_far = Signal(config.line_bits - config.link_bits)
    fill = Signal(config.line_addr_bits)
    part = Signal(range(parts))
    asked = Signal(range(3))
    blocks = Signal(config.header_field_words * config.word_bits)
    block = _BLOCK_LINES * parts
    owed = Signal((block << config.rep_bits).bit_length())
    quiet, running = Signal(), Signal()
    offers = Cat(port.valid for port in ports.values()).any()
    word = any_value(m, "word", config.link_bits)
    comes = Signal()
    m.d.comb += [
        comes.eq(any_value(m, "comes", 1) & (owed != 0)),
        sequencer.load.valid.eq(comes),
        sequencer.load.payload.eq(word),
        sequencer.idle.eq(any_value(m, "idle", 1) & (owed == 0)),
    ]
    m.d.sync += quiet.eq(sequencer.idle & ~offers)
    reps = Mux(asked == 0, 0, blocks)
    with m.If(takes & ~running):
        m.d.sync += [asked.eq(asked + 1), owed.eq((ports[boot].p.reps + 1) * block),
                     fill.eq(0)]
    with m.Elif(comes):
        m.d.sync += [owed.eq(owed - 1), part.eq(part + 1)]
        with m.If(asked == 1):
            m.d.sync += blocks.eq(word)  # The field takes one transfer, and is the last one.
        with m.Elif(part == parts - 1):
            m.d.sync += [lines[fill].eq(Cat(so_far, word)), fill.eq(fill + 1)]
        m.d.sync += so_far.eq(Cat(so_far, word) >> config.link_bits)
    with m.If(sequencer.start):
        m.d.sync += running.eq(1)

    offered = ports[boot].valid & ~running
    asks = Signal.like(ports[boot].payload)
    m.d.comb += [asks.kind.eq(fields["kind"]), asks.rest.eq(fields["rest"]), asks.reps.eq(reps)]
    spec.check("words are asked for before those before have come, or too many",
               ~offered | ((owed == 0) & (asked < 2)))
    spec.check("other words are asked for",
               ~offered | (Value.cast(ports[boot].payload) == Value.cast(asks)))
    spec.check("another queue gives an op before the program starts",
               running | ~Cat(port.valid for number, port in ports.items()
                              if number != boot).any())
    spec.check("it starts before the program has come, or again",
               ~sequencer.start | (~running & (asked == 2) & (owed == 0) & quiet))
    waits = spec.check_soon("loading stands still",
                            ~running & quiet & (owed == 0) & ~offers & ~sequencer.start,
                            _WAIT_CYCLES)
    return SimpleNamespace(lines=lines, fill=fill, part=part, so_far=so_far, asked=asked,
                           owed=owed, blocks=blocks, quiet=quiet, running=running, asks=asks,
                           waits=waits)


class _Walker:
    """Goes through the lines of a queue: in each slot it reads the next one, if there is room.

    Attributes
    ----------
    full, op
        An op can be taken, and which; its lines are here from the slots on in which they are read.
    ended
        The END has been carried out.
    pc, turns, index
        The line that comes next, jumps of the LOOP in progress, and lines read of the op in hand.
    at, was, had, did
        The same before the latest slot, and whether that slot read a line.
    completes, ends
        The op is complete, or ended, two cycles after the slot.
    given, looped
        Ops that were taken, 3 at most; and a LOOP has jumped twice.
    """

    def __init__(self, spec: Spec, config: Any, number: int, count: int, lines: Any, turn: Value,
                 taken: Value, start: Value) -> None:
        m = spec.m
        self.number, self.count = number, count

        def register(name: str, shape: Any, init: int = 0) -> Signal:
            return Signal(shape, name=f"{name}_{number}", init=init)

        self.full, self.ended = register("full", 1), register("ended", 1, init=1)
        self.op = register("op", count * config.line_bits)
        self.pc, self.at = (register(name, config.line_addr_bits) for name in ("pc", "at"))
        fields = loop_fields(config)
        self.turns, self.had = (register(name, fields["count"]) for name in ("turns", "had"))
        self.index, self.was = (register(name, range(max(2, count))) for name in ("index", "was"))
        self.did, self.completes, self.ends = (
            register(name, 1) for name in ("did", "completes", "ends"))
        self.given, self.looped = register("given", 2), register("looped", 1)

        self._first = data.StructLayout(fields)
        line = register("line", config.line_bits)
        m.d.comb += line.eq(lines[self.pc])
        after = self.after(line, self.pc, self.turns, self.index)
        with m.If(turn == number):
            m.d.sync += [self.at.eq(self.pc), self.had.eq(self.turns), self.was.eq(self.index),
                         self.did.eq(~self.full & ~self.ended)]
            with m.If(~self.full & ~self.ended):
                m.d.sync += [getattr(self, name).eq(value) for name, value in after.items()]
                m.d.sync += self.looped.eq(self.looped | (after["turns"] == 2))
                with m.If(~self.is_special(line, self.index)):
                    m.d.sync += self.op.word_select(self.index, config.line_bits).eq(line)
        with m.If(turn == (number + QUEUES - 1) % QUEUES):
            m.d.sync += [self.full.eq((self.full & ~taken) | self.completes),
                         self.ended.eq(self.ended | self.ends),
                         self.completes.eq(0), self.ends.eq(0)]
        with m.Elif(taken):
            m.d.sync += self.full.eq(0)
        with m.If(taken & (self.given != 3)):
            m.d.sync += self.given.eq(self.given + 1)
        with m.If(start):
            m.d.sync += [self.pc.eq(number), self.at.eq(number), self.turns.eq(0), self.had.eq(0),
                         self.index.eq(0), self.was.eq(0),
                         self.did.eq(0), self.completes.eq(0), self.ends.eq(0), self.full.eq(0),
                         self.ended.eq(0), self.given.eq(0), self.looped.eq(0)]

    def is_special(self, line: Value, index: Value) -> Value:
        """Return whether a line is a LOOP, a JUMP or an END, and not of an op."""
        kind = self._op(line).kind
        return (index == 0) & ((kind == END) | (kind == LOOP) | (kind == JUMP))

    def after(self, line: Value, pc: Value, turns: Value, index: Value) -> dict[str, Value]:
        """Return what a queue goes on with after it has read `line` at `pc`."""
        op, special = self._op(line), self.is_special(line, index)
        loops = special & (op.kind == LOOP)
        jumps = special & ((op.kind == JUMP) | (loops & (turns < op.count)))
        last = index == self.count - 1
        return {
            "pc": Mux(jumps, op.target, pc + 1)[:len(pc)],
            "turns": Mux(loops, Mux(jumps, turns + 1, 0), turns)[:len(turns)],
            "index": Mux(special | last, 0, index + 1)[:len(index)],
            "completes": ~special & last,
            "ends": special & (op.kind == END),
        }

    def _op(self, line: Value) -> Any:
        return data.View(self._first, line[:self._first.size])
