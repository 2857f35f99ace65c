"""`Loader`: of all words that pass, each PE keeps its own, every record at its address."""

from typing import Any

from amaranth import *

from hw.config import TorusConfig
from hw.op_fields import GatherKind

from .inside import Inside
from .rtl import Rtl
from .spec import Spec, any_constant, any_value

__all__ = ["loader_spec"]


def loader_spec(rtl: Rtl, config: TorusConfig) -> Spec:
    """The loader of any column, with any words of any kinds on any cycle, and starts at any time.

    The words that are dealt to the columns are counted since the last start, and the words of each
    kind of record that are this PE's. So it is known of each word whose it is, which part of which
    record. No word comes in the cycle of a start, since the ring's engine is idle then, nor in the
    first cycle after a reset, which comes at any time.
    """
    spec = Spec(restarts=True)
    m, training = spec.m, config.training
    m.submodules.loader = loader = rtl.module("pe.loader").Loader(config)
    col = any_constant(m, "col", config.col_bits)
    spec.assume(col < config.cols)
    start = any_value(m, "start", 1)
    valid, tap, began = Signal(name="comes"), loader.tap.p, Signal()
    m.d.comb += [
        loader.col.eq(col), loader.start.eq(start), loader.tap.valid.eq(valid),
        valid.eq(any_value(m, "offers", 1) & ~start & began),
        *(tap[field].eq(any_value(m, field, shape.width))
          for field, shape in loader.tap.payload.shape()),
    ]
    m.d.sync += began.eq(1)
    dealt_kinds = [GatherKind.WEIGHTS, GatherKind.BIASES]
    if training is not None:
        dealt_kinds += [GatherKind.LFSR, GatherKind.GRADIENT]
        dealt_kinds += [GatherKind.TARGET] * training.targets
    dealt = valid & Cat(tap.kind == kind for kind in dealt_kinds).any()
    column = Signal(config.col_bits)  # Whose the next word is that is dealt.
    with m.If(start):
        m.d.sync += column.eq(0)
    with m.Elif(dealt):
        m.d.sync += column.eq(Mux(column == config.cols - 1, 0, column + 1))

    own = valid & (column == col)
    kinds = [_Records(spec, "weights", config, start, own & (tap.kind == GatherKind.WEIGHTS),
                      tap.word, config.weight_chunks, config.weight_load_bits),
             _Records(spec, "biases", config, start, own & (tap.kind == GatherKind.BIASES),
                      tap.word, config.bias_record_chunks, config.bias_addr_bits)]
    for records, port, field, chunks in (
            (kinds[0], loader.weight, "weight", config.master_chunks),
            (kinds[1], loader.bias, "bias", config.bias_chunks)):
        records.check(spec, port.valid, port.p.addr, ((port.p[field], 0), *(
            ((port.p.velocity, chunks),) if config.velocity_chunks else ())))
    next_gradient: Value = Const(0)
    if training is not None:
        kinds.append(_Records(spec, "lfsr", config, start, own & (tap.kind == GatherKind.LFSR),
                              tap.word, config.lfsr_chunks, 1))
        kinds[2].check(spec, loader.lfsr.valid, None, ((loader.lfsr.payload, 0),))
        next_gradient = _check_gradients(spec, config, loader, col, column)
    spec.check("a word of a program is lost, or another is one",
               loader.program.valid == (valid & (tap.kind == GatherKind.PROGRAM)))
    spec.check("another word of a program",
               ~loader.program.valid | (loader.program.payload == tap.word))
    began_again = Signal()
    m.d.sync += began_again.eq(began_again | (start & (kinds[0].number != 0)))
    spec.goal = (began_again & (col != 0) & kinds[0].valid & (kinds[0].number == 1)
                 & (kinds[1].number != 0))

    def add_lemmas() -> None:
        inside = Inside(loader, *(records.name for records in kinds))
        spec.lemma("column", (column < config.cols) & (inside["lane"] == column))
        spec.lemma("own word", ~began | (inside["is_mine"] == (column == col)))
        if training is not None:
            spec.lemma("own gradient", ~began | (
                inside["is_mine_back"] == (column == config.cols - 1 - col)))
            spec.lemma("address of the next gradient", inside["gradient_addr"] == next_gradient)
        for records in kinds:
            records.lemmas(spec, inside.submodule(records.name))

    spec.look_inside(add_lemmas)
    return spec


class _Records:
    """Records of one memory: `chunks` words each, from address 0 up since the last start.

    Attributes
    ----------
    valid, number
        A record is whole, with the last word of the cycle before; and its address.
    """

    def __init__(self, spec: Spec, name: str, config: Any, start: Value, comes: Value, word: Value,
                 chunks: int, addr_bits: int) -> None:
        m = spec.m
        self.name, self.chunks, self.addr_bits = name, chunks, addr_bits
        self._word_bits = config.link_bits
        self.valid = Signal(name=f"{name}_whole")
        self.number = Signal(addr_bits, name=f"{name}_number")
        self.words = Signal(chunks * config.link_bits, name=f"{name}_words")
        self.chunk = Signal(range(max(2, chunks)), name=f"{name}_chunk")
        last = self.chunk == chunks - 1
        m.d.sync += self.valid.eq(comes & last)
        with m.If(self.valid):
            m.d.sync += self.number.eq(self.number + 1)
        with m.If(comes):
            m.d.sync += [self.chunk.eq(Mux(last, 0, self.chunk + 1)),
                         self.words.word_select(self.chunk, config.link_bits).eq(word)]
        with m.If(start):
            m.d.sync += [self.number.eq(0), self.chunk.eq(0)]

    def check(self, spec: Spec, valid: Value, addr: Value | None,
              fields: tuple[tuple[Any, int], ...]) -> None:
        """Check a port; of each field, the number of its first word in the record."""
        spec.check(f"{self.name}: one is lost, or comes that is not this PE's, or not whole",
                   valid == self.valid)
        if addr is not None:
            spec.check(f"{self.name}: at another address", ~valid | (addr == self.number))
        for number, (field, first) in enumerate(fields):
            bits = Value.cast(field).as_unsigned()
            held = self.words[first * self._word_bits:][:len(bits)]
            spec.check(f"{self.name}: another one, field {number}", ~valid | (bits == held))

    def lemmas(self, spec: Spec, inside: Inside) -> None:
        """Tie the registers of the block's `Records`."""
        held, bits = inside["words"], self._word_bits
        spec.lemma(f"{self.name}: whole", inside["valid"] == self.valid)
        spec.lemma(f"{self.name}: addr", inside["addr"] == self.number)
        spec.lemma(f"{self.name}: words", ~self.valid | (held == self.words))
        if self.chunks == 1:
            spec.lemma(f"{self.name}: chunk", self.chunk == 0)
            return
        spec.lemma(f"{self.name}: chunk", (inside["chunk"] == self.chunk)
                   & (self.chunk < self.chunks) & (~self.valid | (self.chunk == 0)))
        for words in range(1, self.chunks):
            spec.lemma(f"{self.name}: {words} words", (self.chunk != words) | (
                held[(self.chunks - words) * bits:] == self.words[:words * bits]))


def _check_gradients(spec: Spec, config: Any, loader: Any, col: Value,
                     column: Value) -> Value:
    """Gradients of the host are dealt from the last column on, and go to the op's base and up.

    Return the address of the next one.
    """
    m, tap, valid = spec.m, loader.tap.p, loader.tap.valid
    is_gradient, passes = tap.kind == GatherKind.GRADIENT, tap.kind == GatherKind.GRADIENT
    if config.training.targets:
        passes = is_gradient | (tap.kind == GatherKind.TARGET)
    own = valid & passes & (column + col == config.cols - 1)
    base, before = Signal.like(tap.base, name="op_base"), Signal.like(tap.base, name="before")
    now_base, now_before = Mux(tap.first, tap.base, base), Mux(tap.first, 0, before)
    with m.If(valid & passes):
        m.d.sync += [base.eq(now_base), before.eq(now_before + own)]
    spec.check("a gradient is lost, or one comes that is not this PE's",
               loader.gradient.valid == own)
    spec.check("a gradient goes to another address",
               ~own | (loader.gradient.p.addr == (now_base + now_before)[:len(base)]))
    spec.check("another gradient", ~own | (loader.gradient.p.word == tap.word))
    spec.check("a repetition of gradients has landed or has not, and it is not said",
               loader.gradients_landed == (own & is_gradient & tap.last_turn))
    return (base + before)[:len(base)]
