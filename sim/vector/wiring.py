"""C++ that carries wires, from lanes of outputs to lanes of inputs, in as few moves as it can."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from .frame import Design, End
from .operands import word_size

__all__ = ["Wiring"]

_Moves = list[tuple[int, int]]  # From lane, to lane.
_LEAST_BULK = 8  # So many moves by the same distance are made at once, with what lies between.


class Wiring:
    """The wires of a design.

    Parameters
    ----------
    design
        It.
    place
        C++ name of the array of a port: module, port, whether it is an input.
    """

    def __init__(self, design: Design, place: Callable[[str, str, bool], str]) -> None:
        self._place = place
        widths = {(name, port.name): len(port.bits) for name, netlist in design.modules.items()
                  for port in (*netlist.inputs, *netlist.outputs)}
        self._bytes = {end: max(8, word_size(width)) // 8 for end, width in widths.items()}
        self._one_bit = {end for end, width in widths.items() if width == 1}
        self._moves: dict[tuple[str, str], dict[End, _Moves]] = {}
        self._fixed: list[tuple[End, int]] = []
        for end, source in design.wires.items():
            if isinstance(source, End):
                group = self._moves.setdefault((end.module, end.port), defaultdict(list))
                whole = End(source.module, source.port, 0, source.is_input)
                group[whole].append((source.copy, end.copy))
            else:
                self._fixed.append((end, source))

    def carry(self, module: str, port: str) -> Iterator[str]:
        """Statements that give an input of all copies what is on its wires."""
        to = self._place(module, port, True)
        size = self._bytes[module, port]
        groups = self._moves.get((module, port), {})
        # The largest first: a bulk move may overwrite lanes that others are moved to later.
        ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
        bulk = (module, port) not in {(end.module, end.port) for end, _ in self._fixed}
        for number, (source, moves) in enumerate(ordered):
            yield from _moves(to, self._place(source.module, source.port, source.is_input), size,
                              moves, bulk=bulk and number == 0)

    def fixed(self) -> Iterator[str]:
        """Statements that set the inputs that do not change."""
        for end, number in self._fixed:
            if number:
                to = self._place(end.module, end.port, True)
                value = 255 if (end.module, end.port) in self._one_bit else number
                yield f"put<{self._bytes[end.module, end.port]}>({to}, {end.copy}, {value}ull);"


def _moves(to: str, source: str, size: int, moves: _Moves, *, bulk: bool) -> Iterator[str]:
    """Statements for moves from one port; `bulk`: lanes in between may be overwritten."""
    if len({lane for lane, _ in moves}) == 1 and len(moves) > 1:
        lanes = [lane for _, lane in moves]
        if lanes == list(range(lanes[0], lanes[0] + len(lanes))):
            yield f"repeat<{size}>({to}, {lanes[0]}, {len(lanes)}, {source}, {moves[0][0]});"
            return
    left = sorted(moves, key=lambda move: move[1])
    distance, count = Counter(end - lane for lane, end in moves).most_common(1)[0]
    if bulk and count >= _LEAST_BULK:
        near = [(lane, end) for lane, end in left if end - lane == distance]
        (lane, low), (_, high) = near[0], near[-1]
        yield f"move<{size}, {high - low + 1}>({to}, {low}, {source}, {lane});"
        left = [move for move in left if move[1] - move[0] != distance]
    while left:
        run = 1
        while run < len(left) and left[run] == (left[0][0] + run, left[0][1] + run):
            run += 1
        lane, end = left[0]
        yield f"move<{size}, {run}>({to}, {end}, {source}, {lane});"
        left = left[run:]
