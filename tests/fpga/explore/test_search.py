"""The search finds the whole front of a space, and works out no more cycles than it must."""

import dataclasses
import pickle

import numpy as np
import pytest

from fpga.boards import BOARDS
from fpga.errors import BoardError
from fpga.explore.board_front import Asked
from fpga.explore.nets import Nets, from_layers
from fpga.explore.points import GOALS, exact_point, objectives
from fpga.explore.runs import Result, base_config
from fpga.explore.search import Search
from fpga.explore.space import Limits, candidates
from golden.experiments.experiment import execute
from tests.support.explored import exhaustive_front

LAYERS = "16,16,4,4,4"
SMALL = Limits(("ulx3s-25f",), most_rows=3, most_cols=3)


class Kept:
    """A store in memory."""

    def __init__(self):
        self.results = {}

    def add(self, run, result):
        assert run not in self.results, "nothing is worked out twice"
        self.results[run] = result


def slower(search, seed):
    """What cycles might be: those of the bounds, or up to half as much again; some do not fit."""
    draw = np.random.default_rng(seed)
    made = {}
    for layers in search.layers:
        for point in search._space(layers):
            more = 1 + draw.choice([0, 0, 0.1, 0.5])
            config = base_config(point.run).canonical_json()
            latency_cycles = round(point.cycles * 3 * more)
            found = Result(cycles=point.cycles * more, latency_cycles=latency_cycles,
                           energy_nj=point.energy_nj * more, config=config)
            made.setdefault(point.run, Result() if draw.random() < 0.1 else found)
    return made


def searched(search, made):
    store = Kept()
    search.measure = lambda run: made[run]
    execute(search, store)
    return store.results, search.found(store.results)


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("seed", range(2))
def test_the_front_is_that_of_the_whole_space(goal, seed):
    """Whatever the cycles are, as long as the bounds are bounds; and few of them are worked out."""
    nets = from_layers(LAYERS)
    boards = dataclasses.replace(SMALL, boards=("ulx3s-25f", "icebreaker"), bits=(8, 16))
    search = Search(Asked(boards, goal, (25.0, 12.0), exact=10_000), nets, [nets.layers])
    made = slower(search, seed)
    results, found = searched(search, made)
    assert [one.board for one in found] == list(boards.boards)
    for one in found:
        whole = exhaustive_front(search, one.board, made)
        assert [tuple(objectives(goal, point)) for point in one.front] == whole
        assert whole and one.undecided == 0
    if goal == "samples/s":
        assert len(results) < len(made) / 2


def test_a_slow_point_is_left_out_and_the_goal_comes_first():
    nets = from_layers(LAYERS)
    asked = Asked(SMALL, "LUT", (25.0,), exact=10_000, least_rate=300_000)
    search = Search(asked, nets, [nets.layers])
    _, (found,) = searched(search, slower(search, 1))
    assert found.front and all(point.rate >= 300_000 for point in found.front)
    luts = [point.used("LUT") for point in found.front]
    assert luts == sorted(luts)


def test_where_too_few_cycles_are_worked_out_it_says_so():
    nets = from_layers(LAYERS)
    search = Search(Asked(SMALL, "samples/s", (25.0,), exact=3), nets, [nets.layers])
    results, (found,) = searched(search, slower(search, 2))
    assert len(results) == 3 and found.undecided > 0
    assert len(found.front) + len(found.others) <= 3  # No point rests on a bound.


def test_a_torus_that_the_net_makes_too_large_is_no_point():
    nets = from_layers(LAYERS)
    search = Search(Asked(SMALL, "samples/s", (25.0,)), nets, [nets.layers])
    candidate = search._space(LAYERS)[0]
    large = dataclasses.replace(base_config(candidate.run), weight_words=1 << 20)
    board = BOARDS["ulx3s-25f"]
    result = Result(cycles=10, config=large.canonical_json())
    assert exact_point(board, 25.0, candidate, result, None) is None
    assert exact_point(board, 25.0, candidate, Result(), None) is None


def test_it_can_be_sent_to_another_process():
    nets = from_layers(LAYERS)
    search = Search(Asked(SMALL, "samples/s", (25.0,)), nets, [nets.layers])
    assert search.rank() > 10  # Its points stay here.
    again = pickle.loads(pickle.dumps(search))
    assert (again.asked, again.nets, again.layers) == (search.asked, search.nets, search.layers)
    assert len(pickle.dumps(search)) < 1000


def test_a_net_that_no_board_holds_is_refused():
    limits = Limits(("icebreaker",), most_rows=2, most_cols=2)
    nets = Nets("784,256,28,8,16", "0")
    search = Search(Asked(limits, "samples/s", (12.0,)), nets, [nets.layers])
    with pytest.raises(BoardError, match=r"net 784,256,28,8,16, not icebreaker \(one element: .* "
                                         "of 30 BRAM"):
        search.rank()


@pytest.mark.slow
def test_bounds_are_bounds_and_the_best_is_the_best_of_all():
    """Every point of a small space by the cycle model, beside what the search asks for."""
    nets = from_layers("16,12,4,4,3")
    limits = Limits(("ulx3s-25f",), most_rows=2, most_cols=2, lanes_out=(1, 2), host_bits=(32, 64))
    search = Search(Asked(limits, "samples/s", (25.0,)), nets, [nets.layers])
    made = {point.run: Search.measure(search, point.run) for point in search._space(nets.layers)}
    board = BOARDS["ulx3s-25f"]
    for point in search._space(nets.layers):
        result = made[point.run]
        exact = exact_point(board, 25.0, point, result, None)
        assert point.cycles <= result.cycles and point.cycles <= result.latency_cycles
        assert point.energy_nj <= result.energy_nj * (1 + 1e-9)
        for least, used in zip(point.usage, exact.usage, strict=True):
            assert least.used <= used.used, least.name
    _, (found,) = searched(search, made)
    assert [tuple(objectives("samples/s", point)) for point in found.front] == exhaustive_front(
        search, "ulx3s-25f", made)
    fastest = min(result.cycles for result in made.values())
    assert found.front[0].cycles == fastest


def test_links_of_two_words_are_points_of_their_own():
    """Where a MAC reads two words at once; a ring that bounds a torus takes half the cycles."""
    space = dataclasses.replace(SMALL, most_rows=1, lanes_out=(1, 8))
    points = {(one.run.rows, one.run.cols, one.run.lanes_in, one.run.lanes_out, one.run.host_bits,
               one.run.link_words): one for one in candidates(space, "", "64,64,8,2,8")}
    assert {(key[2], key[5]) for key in points} == {(1, 1), (2, 1), (2, 2)}
    ring = {key: one for key, one in points.items() if one.bound_by == "row ring"}
    assert ring
    for (*torus, moved), one in ring.items():
        twice = points.get((*torus, 2))
        assert base_config(one.run).link_words == moved
        if torus[2] == 2 and moved == 1 and twice is not None:
            assert twice.cycles < one.cycles
