"""The order in which the nodes of a ring walk the words of a reduction, place after place."""

from typing import Any

from amaranth import *
from amaranth.lib import data

from .spec import Spec, any_constant

__all__ = ["CHUNKS", "PLACE", "Walk"]

# Chunks are numbered modulo this: more than two players are ever apart.
CHUNKS = 8
# A contribution of some node: of which chunk, of which block, and the how-manieth word of that.
PLACE = data.StructLayout({"chunk": range(CHUNKS), "block": 2, "word": 4})


class Walk:
    """The order in which all nodes of a ring walk the words of an op (docs/training.md).

    Chunk after chunk, for ever; in each, block after block, the words of the farthest node first.
    Chunks have two sizes in turn, `least_words` to `most_words` each.
    """

    def __init__(self, spec: Spec, nodes: int, least_words: int, most_words: int) -> None:
        self._m = spec.m
        self._last_block = nodes - 1
        self._last_words: list[Value] = []
        for index in range(2):
            last_word = any_constant(spec.m, f"last_word_{index}", range(most_words))
            spec.assume((last_word >= least_words - 1) & (last_word < most_words))
            self._last_words.append(last_word)

    def player(self, name: str, block: int) -> Any:
        """Return the place of a player, a register that begins in this block of the first chunk."""
        return Signal(PLACE, name=name, init={"block": block})

    def legal(self, place: Any) -> Value:
        """Return whether there is such a place."""
        return (place.block <= self._last_block) & (place.word <= self._last_word(place))

    def takes(self, place: Any) -> Value:
        """Return whether a partial sum is added there."""
        return place.block != self._last_block

    def keeps(self, place: Any) -> Value:
        """Return whether the sum is complete then."""
        return place.block == 0

    def after(self, place: Any) -> Any:
        """Return the next place."""
        result = self._place()
        ends = place.word == self._last_word(place)
        self._m.d.comb += [
            result.chunk.eq(place.chunk + (ends & self.keeps(place))),
            result.block.eq(Mux(ends, Mux(self.keeps(place), self._last_block, place.block - 1),
                                place.block)),
            result.word.eq(Mux(ends, 0, place.word + 1)),
        ]
        return result

    def taker(self, place: Any) -> Any:
        """Return this place if a partial sum is added there, else the next such one."""
        result = self._place()
        self._m.d.comb += result.eq(place)
        with self._m.If(~self.takes(place)):
            self._m.d.comb += [result.block.eq(self._last_block - 1), result.word.eq(0)]
        return result

    def sender(self, place: Any) -> Any:
        """Return this place if a sum is sent there, else the next such one."""
        result = self._place()
        self._m.d.comb += result.eq(place)
        with self._m.If(self.keeps(place)):
            self._m.d.comb += [
                result.chunk.eq(place.chunk + 1), result.block.eq(self._last_block),
                result.word.eq(0)]
        return result

    def upstream(self, place: Any) -> Any:
        """Return where the node that sends to this one sends what is added at this place."""
        result = self._place()
        self._m.d.comb += [result.eq(place), result.block.eq(place.block + 1)]
        return result

    def choose(self, condition: Any, place: Any, other: Any) -> Any:
        """Return a place, or another one where a condition does not hold."""
        result = self._place()
        self._m.d.comb += result.eq(Mux(condition, place.as_value(), other.as_value()))
        return result

    def _last_word(self, place: Any) -> Value:
        return Mux(place.chunk[0], self._last_words[1], self._last_words[0])

    def _place(self) -> Any:
        return Signal(PLACE, name="place")
