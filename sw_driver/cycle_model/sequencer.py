"""The sequencers: programs come in, ops go out, one fetched ahead in each queue."""

from collections import defaultdict
from collections.abc import Sequence

from sw_driver.cycle_model.lanes import Lanes, Mask, Registers
from sw_driver.cycle_model.tables import BLOCK_WORDS, Queue

__all__ = ["HEADER_BOOT", "PROGRAM_BOOT", "Sequencers"]

# Indices, in the place of an op's, of what a sequencer asks for itself.
HEADER_BOOT, PROGRAM_BOOT = -1, -2

# An op's index in its queue, and the turns that its loop has still to make; None outside of one.
_Head = tuple[int, int | None]
_START: _Head = (0, None)
# From the look at a queue to the decoding of its op, besides one for each of its words.
READ_CYCLES = 2


class Sequencers:
    """Sequencers that run the same program: one for every lane of `units`.

    Parameters
    ----------
    lanes
        Of the torus.
    units
        The lanes that have one.
    queues
        The queues of ops that they feed.
    blocks
        Blocks of their program.
    """

    def __init__(self, lanes: Lanes, units: Mask, queues: Sequence[Queue], blocks: int) -> None:
        self._lanes = lanes
        self._units = units
        self._queues = queues
        self._block_words = (BLOCK_WORDS, BLOCK_WORDS * blocks)
        self.asking_header: Mask = units
        self.asking_program: Mask = 0
        self._taking_header: Mask = 0
        self._taking_program: Mask = 0
        self._starting: Mask = 0
        self._running: Mask = 0
        self._words_left: Registers = 0
        count = len(queues)
        self.full: list[Mask] = [0] * count
        """Per queue, where the next op waits for its engine."""
        self.waiting: list[dict[int, Mask]] = [defaultdict(int) for _ in queues]
        """Per queue, the op that does, by its index."""
        self.ended: list[Mask] = [units] * count
        self._heads: list[dict[_Head, Mask]] = [{} for _ in queues]
        self._look: list[Mask] = [units] + [0] * (count - 1)
        self._decode: dict[int, list[tuple[int, Mask]]] = defaultdict(list)

    @property
    def asking(self) -> Mask:
        """Where blocks are asked for."""
        return self.asking_header | self.asking_program

    @property
    def watching(self) -> Mask:
        """Where it counts whether the engines are idle."""
        done = self._running
        for ended, full in zip(self.ended, self.full, strict=True):
            done &= ended & ~full
        return self._starting | done

    def grant(self, granted: Mask) -> None:
        """Blocks that were asked for are on their way."""
        for words, asking in zip(
            self._block_words, (self.asking_header, self.asking_program), strict=True
        ):
            self._words_left += (asking & granted) * words
        self._taking_header |= self.asking_header & granted
        self._taking_program |= self.asking_program & granted
        self.asking_header &= ~granted
        self.asking_program &= ~granted

    def load(self, words: Mask) -> None:
        """A word of them arrives."""
        self._words_left -= words
        done = words & ~self._lanes.nonzero(self._words_left)
        if done:
            self.asking_program |= self._taking_header & done
            self._starting |= self._taking_program & done
            self._taking_header &= ~done
            self._taking_program &= ~done

    def proceed(self, done: Mask) -> Mask:
        """Start, or look for the next program, where `watching` and idle; where it started."""
        start = self._starting & done
        again = done ^ start
        if again:
            self._running ^= again
            self.asking_header |= again
        if start:
            self._starting ^= start
            self._running |= start
            for queue, heads in enumerate(self._heads):
                for head in list(heads):
                    heads[head] &= ~start
                heads[_START] = heads.get(_START, 0) | start
                self.ended[queue] &= ~start
        return start

    def fetch(self, cycle: int) -> None:
        """Look at the queues in turn; fetch and decode an op where there is room for one."""
        look, count = self._look, len(self._queues)
        self._look = [0] * count
        for queue, here in enumerate(look):
            if here:
                wanted = here & ~(self.full[queue] | self.ended[queue])
                self._look[(queue + 1) % count] |= here ^ wanted
                if wanted:
                    decoded = cycle + self._queues[queue].words + READ_CYCLES
                    self._decode[decoded].append((queue, wanted))
        for queue, here in self._decode.pop(cycle, ()):
            self._look[(queue + 1) % count] |= here
            self._carry_out(queue, here)

    def _carry_out(self, queue: int, where: Mask) -> None:
        """Decode the op at the head of a queue."""
        table, heads = self._queues[queue], self._heads[queue]
        for head, mask in list(heads.items()):
            here = mask & where
            if not here:
                continue
            if mask == here:
                del heads[head]
            else:
                heads[head] = mask ^ here
            index, turns = head
            if table.is_end(index):
                self.ended[queue] |= here
                continue
            if not table.is_loop(index):
                self.full[queue] |= here
                self.waiting[queue][index] |= here
                following = index + 1, turns
            else:
                loop = table.ops[index]
                left = loop["count"] if turns is None else turns
                following = (loop["target"], left - 1) if left else (index + 1, None)
            heads[following] = heads.get(following, 0) | here

    def take(self, queue: int, taken: Mask) -> list[tuple[int, Mask]]:
        """Hand ops over to engines: by index, and where."""
        self.full[queue] ^= taken
        waiting = self.waiting[queue]
        found: list[tuple[int, Mask]] = []
        for index, mask in list(waiting.items()):
            if here := mask & taken:
                found.append((index, here))
                if mask == here:
                    del waiting[index]
                else:
                    waiting[index] = mask ^ here
        return found
