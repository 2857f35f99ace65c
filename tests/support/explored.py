"""The front of a space in which every point is exact, by its definition."""

from fpga.boards import BOARDS
from fpga.explore.points import exact_point, objectives


def exhaustive_front(search, board, made):
    """Objectives of all points of a board that no other one matches or beats, best first."""
    asked = search.asked
    clock_mhz = asked.clock_mhz[asked.limits.boards.index(board)]
    values = set()
    for layers in search.layers:
        for candidate in search._space(layers):
            point = exact_point(BOARDS[board], clock_mhz, candidate, made[candidate.run], None)
            if candidate.board == board and point is not None:
                values.add(tuple(objectives(asked.goal, point)))
    return sorted(one for one in values if not any(
        other != one and all(a <= b for a, b in zip(other, one, strict=True)) for other in values))
