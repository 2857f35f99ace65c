"""What the registers inside a `RingGather` mean: with this its proof is an induction.

The checks of `NodeCheck` speak of ports alone; these lemmas speak of one implementation, and have
to follow it. They are proved together with the checks, so the proof does not rest on them.
"""

from typing import Any

from amaranth import *

from .inside import Inside
from .node import NodeCheck
from .program import NUMBERS, difference, next_position, plus
from .read_lemmas import add_read_lemmas
from .spec import Spec

__all__ = ["StateLemmas"]


class StateLemmas:
    """Ties every register of a `RingGather` to where the players of its check are.

    Attributes
    ----------
    active
        The current repetition has begun.
    taken
        Words of it that have left the buffer, or passed it by.
    """

    def __init__(self, spec: Spec, check: NodeCheck, inside: Inside) -> None:
        self._spec = spec
        self._check = check
        self._inside = inside
        self._hop = inside.submodule("hop")
        self._side = check.side
        self._program = check.program
        self._current = check.side.current
        self.active = inside["active"]
        self.taken = Signal.like(check.arrived, name=f"{check.name}_taken")
        spec.m.d.comb += self.taken.eq(Mux(self.active, inside["sent"], 0))
        self._places = self._next_places()

        self._players()
        self._op()
        self._receiver()
        self._progress()
        self._sender()
        self._watched_word()

    def _lemma(self, name: str, holds: Any) -> None:
        self._spec.lemma(f"{self._check.name}: {name}", holds)

    def _players(self) -> None:
        """How far apart the players are, whatever the implementation."""
        check, side, current = self._check, self._side, self._current
        written, read, out = side.written, side.read, check.out
        regions = self._program.regions
        for name, player in (("queue", side.queue), ("current", current), ("written", written),
                             ("read", read), ("out", out)):
            self._lemma(f"number of {name}", player.number < NUMBERS)
        self._lemma("ahead", (side.ahead >= 0) & (side.ahead <= regions))
        self._lemma("unread repetitions", (side.unread >= -4) & (side.unread <= regions))
        self._lemma("full", (side.full == side.ahead + side.unread_again) & (side.full <= regions))
        self._lemma("unread repetitions, and the one that is read again",
                    (side.unread_again >= side.unread) & (side.unread_again <= regions))
        again_op = self._program.op_at(side.again_number)
        self._lemma("to be read again", ~side.again | (
            (side.again_number < NUMBERS) & again_op.gathers & again_op.again
            & (side.read_position == 0)
            & (side.unread_again > side.unread) & (side.unread_again >= 0)
            & (read.number == self._program.after(side.again_number, lambda op: op.gathers))
            & ((side.unread_again > 0) | (self.active & self._inside["own_here"]
                                          & (check.arrived == current.op.recv)))))
        self._lemma("unsent", (check.unsent >= -4) & (check.unsent <= 6))
        self._lemma("write position", (side.write_position == 0)
                    | ((side.write_position < written.op.own)
                       & (side.ahead < regions) & (side.full < regions)))
        self._lemma("read position", (side.read_position == 0)
                    | (read.op.gathers & (side.read_position < read.op.words)
                       & (side.unread >= 0)))
        self._lemma("departed", (check.departed == 0) | (check.departed < out.op.sends))
        # A first op of which nothing is sent or read is left out on the first cycle.
        beginning = ((current.number == 0) & ~self.active & ~self._inside["prepared"]
                     & (written.number == 0) & (side.write_position == 0))
        self._lemma("read an op that gathers", read.op.gathers
                    | (beginning & (read.number == 0) & (side.read_position == 0)))
        self._lemma("out of an op that sends", (out.op.sends != 0)
                    | (beginning & (out.number == 0) & (check.departed == 0)
                       & ~check.node.o.valid & ~self._hop["latched"]))
        # If the reader waits for a later repetition, those between are not for it; but the
        # current one may have been read already.
        read_already = (self.active & self._inside["own_here"]
                        & (check.arrived == current.op.recv))
        for more in range(4):
            op = self._program.op_at(plus(current.number, more))
            self._lemma(f"the reader leaves out {more}", (side.unread >= -more) | ~op.gathers
                        | (read_already if more == 0 else 0))

    def _op(self) -> None:
        """The repetition in progress is the current one, and the coming one is in the queue."""
        inside, side, program = self._inside, self._side, self._program
        queue, op, active = side.queue, self._current.op, self.active
        first, prepared = inside["first"], inside["prepared"]
        coming = Signal.like(queue.number, name=f"{self._check.name}_coming")
        self._spec.m.d.comb += coming.eq(plus(self._current.number, active))
        self._lemma("kind", ~active | (inside["kind"] == op.kind))
        self._lemma("gathers", inside["gathers"] == (active & op.gathers))
        self._lemma("total", ~active | (inside["total"] == op.words))
        self._lemma("send_end", ~active | (inside["send_end"] == op.sends))
        self._lemma("base", (first & ~active)
                    | (inside["base"] == program.base(plus(coming, NUMBERS - 1))))
        self._lemma("queue", (queue.rep == 0) & (plus(queue.number, inside["rep"]) == coming))
        self._lemma("rep", (inside["rep"] <= queue.op.reps) & (first == (inside["rep"] == 0)))
        self._lemma("prepared", ~prepared | (
            side.op_waits & (inside["coming_base"] == program.base(coming))
            & (inside["last"] == (inside["rep"] == queue.op.reps))
            & (inside["owns"] == (queue.op.own != 0))
            & (inside["receives"] == (queue.op.recv != 0))))
        self._lemma("the coming repetition is of an op that waits", first | side.op_waits)
        self._lemma("between repetitions", active | (
            (self._check.arrived == 0) & inside["own_here"]
            & (inside["have"] == inside["total"]) & (inside["sent"] == inside["send_end"])))

    def _receiver(self) -> None:
        """Words are due, the region is free, and they go where they belong."""
        check, side, program = self._check, self._side, self._program
        arrived, op = check.arrived, self._current.op
        self._lemma("arrived", arrived <= op.recv)
        self._lemma("have", ~self.active | (self._inside["have"] == op.own + arrived))
        sent = self._inside["sent"]
        self._lemma("sent_next", self._inside["sent_next"] == (sent + 1)[:len(sent)])
        self._lemma("kept comparisons",
                    (self._inside["receiving"] == (self._inside["have"] != self._inside["total"]))
                    & (self._inside["unsent"] == (self._inside["sent"] != self._inside["send_end"]))
                    & (self._inside["caught_up"] == (self._inside["sent"] == self._inside["have"])))
        self._lemma("region", ~self.active | (side.unread_again < program.regions))
        # Who has no own words to write is done with the repetition a cycle after its region is
        # free.
        self._lemma("no own words", ~self.active | (op.own != 0) | side.landed
                    | ((arrived == 0) & (side.full < program.regions)))
        next_read = Mux(side.unread == 0, side.read_position, 0)
        self._lemma("unread", ~self.active | ~op.gathers | (side.unread < 0)
                    | (self._inside["unread"] == (next_read != op.own + arrived)))
        # In the cycle after a start it still speaks of the program before.
        self._lemma("readable", ~self._inside["readable"] | side.started | (side.unread > 0) | (
            (side.unread == 0) & self._inside["gathers"] & self._inside["own_here"]
            & (side.read_position < op.own + arrived)))
        self._lemma("the reader reads what is here",
                    (side.unread != 0) | (side.read_position == 0)
                    | (self.active & self._inside["own_here"]
                       & (side.read_position <= op.own + arrived)))

    def _progress(self) -> None:
        """The counters that tie the engine to the MAC."""
        inside, side, program = self._inside, self._side, self._program
        current, written, active = self._current, side.written, self.active
        own_here, prepared = inside["own_here"], inside["prepared"]
        self._lemma("own_here", ~active | ~own_here | side.landed | (current.op.own == 0))
        self._lemma("prepared once own words are here", ~prepared | own_here)
        landed_now = side.write_position + written.op.need
        credit = Mux(landed_now > written.op.own, landed_now - written.op.own, 0)
        gathered = -(Value.cast(side.unread < 0) & current.op.gathers)
        for more in range(program.regions):
            there = program.op_at(plus(current.number, more))
            credit = credit + Mux(side.ahead > more, there.need, 0)
            before = program.op_at(plus(current.number, NUMBERS - 1 - more))
            gathered = gathered + ((side.unread > more) & before.gathers)
        next_op = program.op_at(plus(current.number, 1))
        asked = Mux(active, current.op.need, 0) + Mux(
            prepared, Mux(active, next_op.need, current.op.need), 0)
        self._lemma("credit", inside.submodule("landed")["count"] == credit - asked)
        self._lemma("gathered", (inside["gathered"] == gathered) & (side.waiting == gathered))
        self._lemma("more_gathered", inside["more_gathered"] == (inside["gathered"] > 1))
        self._lemma("some_gathered", inside["some_gathered"] == (inside["gathered"] > 0))
        self._lemma("none_gathered", inside["none_gathered"] == (inside["gathered"] == 0))
        if program.config.training is None:
            self._lemma("room", ~prepared | (
                inside["room"] == (inside["in_use"] < side.queue.op.lag)))
            self._lemma("in_use", inside["in_use"] == gathered + (active & current.op.gathers))
        else:
            add_read_lemmas(self._spec, self._check, inside, active)
        # What is owed comes step by step.
        waits = {what: wait.cycles for what, wait in self._check.waits.items()}
        output = self._check.node.o.valid
        ready = active & own_here
        for what, otherwise in (("retire", Const(0)), ("send", output),
                                ("let the MAC read", side.unread > 0)):
            self._lemma(f"about to {what}", otherwise | (
                ((waits[what] < 1) | prepared | ready) & ((waits[what] < 2) | ready)))
        self._lemma("about to let the MAC read, by a register",
                    (waits["let the MAC read"] < 3) | inside["readable"])
        self._lemma("about to send, from the buffer", output | (
            ((waits["send"] < 3) | self._hop["latched"]) & (waits["send"] < 4)))
        self._lemma("about to receive", ((waits["receive"] < 1) | prepared | active)
                    & ((waits["receive"] < 2) | active))

    def _sender(self) -> None:
        """Between the next word that departs and the next that is taken lie those on their way."""
        check, program = self._check, self._program
        current, out = self._current, check.out
        self._lemma("taken", (self.taken == 0)
                    | ((self.taken <= current.op.sends) & self._inside["own_here"]
                       & (self.taken <= current.op.own + check.arrived)))
        on_their_way = check.node.o.valid + self._hop["latched"]
        all_taken = self.taken == current.op.sends
        number = Mux(all_taken, program.after(current.number, lambda op: op.sends != 0),
                     current.number)
        position = Mux(all_taken, 0, self.taken)
        for words, place in enumerate(self._places):
            self._lemma(f"{words} words on their way", (on_their_way != words)
                        | (out.op.sends == 0)
                        | ((place[0] == number) & (place[1] == position)))

    def _next_places(self) -> list[tuple[Value, Value]]:
        """Repetition and position of the next word that departs, and of the two after it."""
        check = self._check
        places: list[tuple[Value, Value]] = [(check.out.number, check.departed)]
        for ahead in (1, 2):
            number, position = next_position(self._program, *places[-1])
            named = (Signal.like(check.out.number, name=f"{check.name}_out_number_{ahead}"),
                     Signal.like(check.departed, name=f"{check.name}_out_position_{ahead}"))
            self._spec.m.d.comb += [named[0].eq(number), named[1].eq(position)]
            places.append(named)
        return places

    def _watched_word(self) -> None:
        """Where the watched word is: in the buffer, or on its way out."""
        m = self._spec.m
        check, side, program, watch = self._check, self._side, self._program, self._check.watch
        name, node, number, position = check.name, check.node, watch.number, watch.position
        op = program.op_at(number)
        from_current = difference(m, f"{name}_watched_from_current", number, self._current.number)
        from_written = difference(m, f"{name}_watched_from_written", number, side.written.number)
        from_read = difference(m, f"{name}_watched_from_read", number, side.read.number)
        own_came = (from_current >= 0) & (
            ((from_written < 0) & (position < op.own))
            | ((from_written == 0) & (position < side.write_position)))
        other_came = ((from_current == 0) & (position >= op.own)
                      & (position < op.own + check.arrived))
        came_before = ((from_current < 0) & (from_current >= -program.regions)
                       & (position < op.words))
        self._lemma("to_read", watch.to_read
                    == (op.gathers & ((from_read >= 0) | (
                        side.again & (side.again_number == number)))
                        & (own_came | other_came | came_before)))
        for ago, was_read in enumerate(watch.was_read, start=1):
            self._lemma(f"{ago} cycles after it was read", ~was_read | own_came | other_came
                        | ((from_current < 0) & (from_current >= -program.regions - ago)))

        first, second, _ = (Cat(*place) for place in self._places)
        watched_place = Cat(number, position)
        in_output = node.o.valid & (first == watched_place)
        in_latch = self._hop["latched"] & (Mux(node.o.valid, second, first) == watched_place)
        in_buffer = ((position < op.sends) & (own_came | other_came)
                     & ~((from_current == 0) & (position < self.taken)))
        self._lemma("to_send", watch.to_send == (in_output | in_latch | in_buffer))
        address = (program.base(number) + position)[:program.config.addr_bits]
        for_mac = self._inside.submodule("for_mac").submodule("words")
        for_hop = self._inside.submodule("for_hop").submodule("words")
        for name in ("for_mac", "for_hop"):
            ram = self._inside.submodule(name).component
            self._lemma(f"{name} is read where it is written", ~(
                ram.read_en & ram.write_en & (ram.read_addr == ram.write_addr)))
        self._lemma("output", ~in_output | (node.o.payload == watch.word))
        self._lemma("latch of the buffer for the hop",
                    ~in_latch | (for_hop["read__data"] == watch.word))
        self._lemma("latch of the buffer for the MAC",
                    ~watch.was_read[0] | (for_mac["read__data"] == watch.word))
        self._lemma("buffer for the hop",
                    ~in_buffer | (for_hop.word_at(m, address) == watch.word))
        self._lemma("buffer for the MAC",
                    ~watch.to_read | (for_mac.word_at(m, address) == watch.word))
