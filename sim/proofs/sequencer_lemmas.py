"""What the registers inside a `Sequencer` mean: with this its proof is an induction."""

from collections.abc import Sequence
from typing import Any

from amaranth import *
from amaranth.lib import data

from hw.config import LOOP_COUNT_BITS, QUEUES

from .inside import Inside
from .spec import Spec

__all__ = ["add_lemmas"]

_, _HEADER, _PROGRAM, _RUN = range(4)  # States of loading.


def add_lemmas(spec: Spec, inside: Inside, loaded: Any, walkers: Sequence[Any], turn: Value,
               boot: int, full: dict[int, Value]) -> None:
    """Tie the registers of a sequencer to what has come, and to where its walkers are."""
    context = data.StructLayout({
        "pc": len(loaded.fill), "line": range(max(2, *(walker.count for walker in walkers))),
        "turns": LOOP_COUNT_BITS, "reading": 1, "first": 1, "last": 1})
    _memory(spec, inside, loaded)
    _loading(spec, inside, context, loaded, walkers, boot, full)
    spec.lemma("slot", inside["slot"] == Array((1, 2, 4))[turn])
    spec.lemma("turn", turn < QUEUES)
    absent = [number for number in range(QUEUES) if number not in full]
    spec.lemma("queues that are not there", Cat(
        inside["ended"][number] & ~inside["full"][number] for number in absent).all())
    for number in absent:
        for cycles, name in ((1, "between"), (2, "arriving")):
            spec.lemma(f"nothing is read for {number}, {cycles} after its slot",
                       (turn != (number + cycles) % QUEUES)
                       | ~data.View(context, inside[name]).reading)
    for walker in walkers:
        _context(spec, inside, context, loaded, walker, turn)


def _memory(spec: Spec, inside: Inside, loaded: Any) -> None:
    words = inside.submodule("program").submodule("words")
    for number, line in enumerate(loaded.lines):
        spec.lemma(f"line {number}", words.word_at(spec.m, number) == line)


def _loading(spec: Spec, inside: Inside, context: data.StructLayout, loaded: Any,
             walkers: Sequence[Any], boot: int, full: dict[int, Value]) -> None:
    state, asked, owed = inside["fsm_state"], loaded.asked, loaded.owed
    ready = owed == 0
    offers = full[boot]
    others = Cat(valid for number, valid in full.items() if number != boot).any()
    spec.lemma("state", Array((
        (asked == 0) & ready & ~offers,
        Mux(offers, (asked == 0) & ready, asked == 1),
        Mux(offers, (asked == 1) & ready, asked == 2),
        (asked == 2) & ready,
    ))[state])
    spec.lemma("running", loaded.running == (state == _RUN))
    spec.lemma("queues that wait for the start", (state == _RUN) | (
        ~others & Cat(walker.ended & ~walker.did for walker in walkers).all()
        & ~Cat(data.View(context, inside[name]).reading
               for name in ("now", "between", "arriving")).any()))
    spec.lemma("quiet", inside["quiet"] == loaded.quiet)
    spec.lemma("all has come where it is quiet", ~loaded.quiet | ready)
    spec.lemma("loading", ((state != _HEADER) | ~inside["loading"])
               & ((state != _PROGRAM) | inside["loading"]))
    spec.lemma("line that comes", ((state != _PROGRAM) & (state != _HEADER))
               | (inside["addr"] == Mux(asked == 2, loaded.fill, 0)))
    spec.lemma("word of a line that comes", (inside["word_index"] == loaded.part)
               & (loaded.part == (-owed)[:len(loaded.part)]))
    spec.lemma("words of a line", inside["low_words"] == loaded.so_far)
    spec.lemma("blocks", (inside["blocks"] == Mux(asked == 0, 0, loaded.blocks))
               | (state == _RUN) | ((asked == 1) & ~ready))
    op = inside[f"op_{boot}"]
    spec.lemma("built-in op", ~offers | (state == _RUN)
               | (op == Value.cast(loaded.asks)))
    waits = loaded.waits.cycles
    spec.lemma("about to ask", (waits == 0) | (
        (waits == 1) & offers & ((state == _HEADER) | (state == _PROGRAM))))


def _context(spec: Spec, inside: Inside, context: data.StructLayout, loaded: Any, walker: Any,
             turn: Value) -> None:
    """The context of a queue, wherever it is, and its op as far as it has come."""
    number, name, count = walker.number, f"queue {walker.number}", walker.count
    now, between, arriving = (data.View(context, inside[name])
                              for name in ("now", "between", "arriving"))
    line_bits = len(walker.op) // count
    op, full, ended = inside[f"op_{number}"], inside["full"][number], inside["ended"][number]
    runs = loaded.running
    read = walker.did & runs
    # Lines of the op in hand that are out of the memory.
    come = Mux((turn != number) & walker.did, walker.was, walker.index)

    spec.lemma(f"{name}: ended", ended == walker.ended)
    spec.lemma(f"{name}: full", ~runs | (full == walker.full))
    spec.lemma(f"{name}: index", (walker.index < count) & (walker.was < count))
    spec.lemma(f"{name}: nothing comes for who is full or has ended", ~runs | Mux(
        walker.did & (turn != number), ~walker.full & ~walker.ended,
        ~walker.completes & ~walker.ends))
    spec.lemma(f"{name}: an op is whole before another one begins",
               ~runs | ~(walker.full | walker.ended) | (come == 0))
    at_now = (now.pc == walker.pc) & (now.line == walker.index) & (now.turns == walker.turns)
    spec.lemma(f"{name}: before its slot", ~runs | walker.ended | (turn != number) | at_now)
    for cycles, held in ((1, between), (2, arriving)):
        here = runs & (turn == (number + cycles) % QUEUES)
        spec.lemma(f"{name}: {cycles} after its slot", ~here | (held.reading == walker.did))
        kept = (held.pc == (walker.at + walker.did)[:len(walker.at)]) & (
            held.turns == walker.had)
        index = Mux(walker.did, Mux(walker.was == count - 1, 0, walker.was + 1), walker.was)
        spec.lemma(f"{name}: place {cycles} after its slot", ~here | walker.ended | (
            kept & (held.line == index) & (~walker.did | (
                (held.first == (walker.was == 0)) & (held.last == (walker.was == count - 1))))))
    line = Signal(line_bits, name=f"line_read_{number}")
    spec.m.d.comb += line.eq(loaded.lines[walker.at])
    after = walker.after(line, walker.at, walker.had, walker.was)
    pending = runs & (turn != number)
    for what, before in (("pc", walker.at), ("turns", walker.had), ("index", walker.was),
                         ("completes", 0), ("ends", 0)):
        spec.lemma(f"{name}: {what} after its slot", ~pending | (
            getattr(walker, what) == Mux(walker.did, after[what], before)))
    spec.lemma(f"{name}: the line is of the op", ~(pending & walker.did)
               | walker.is_special(line, walker.was)
               | (walker.op.word_select(walker.was, line_bits) == line))
    latch = inside.submodule("program").submodule("words")["read__data"]
    spec.lemma(f"{name}: latch of the memory",
               ~(read & (turn == (number + 1) % QUEUES)) | (latch == line))
    spec.lemma(f"{name}: line that comes out of the memory", ~(
        read & (turn == (number + 2) % QUEUES)) | (inside.submodule("program")["out"] == line))

    for lines in range(1, count):
        spec.lemma(f"{name}: {lines} lines of an op", ~runs | walker.full | (come != lines) | (
            op[(count - lines) * line_bits:] == walker.op[:lines * line_bits]))
    spec.lemma(f"{name}: op", ~runs | ~walker.full | (op == walker.op))
