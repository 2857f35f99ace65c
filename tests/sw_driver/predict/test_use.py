"""The use of single MACs and links: together they are what the account of all of them says."""

import numpy as np
import pytest

from sw_driver.predict.use import steady_use
from tests.support.reports import dense_net, small_net


@pytest.fixture(params=[small_net, dense_net])
def compiled(request):
    return request.param()


def test_macs_work_as_much_as_the_account_says(compiled):
    use, engines = steady_use(compiled), compiled.prediction.breakdown.engines
    pes = compiled.config.rows * compiled.config.cols
    assert np.shape(use.macs) == (compiled.config.rows, compiled.config.cols)
    assert np.sum(use.macs) == pytest.approx(engines["mac"]["working"] * pes * use.cycles)
    # Every MAC does its share of a stage, padding included.
    steps = sum(stage.mac_cycles for stage in compiled.stages) * use.cycles
    assert np.ravel(use.macs) == pytest.approx(steps / compiled.prediction.cycles)


def test_links_move_the_words_that_the_plan_says(compiled):
    use, config = steady_use(compiled), compiled.config
    samples = use.cycles / compiled.prediction.cycles
    pes = config.rows * config.cols
    moved = {axis: sum(stage.reps * (stage.words - stage.own) for stage in compiled.stages
                       if stage.on_columns == axis) for axis in (False, True)}
    assert np.sum(use.cols) == pytest.approx(moved[True] * pes * samples)
    assert np.shape(use.rows) == (config.rows, config.cols + 1)
    # Links of row rings that lead to PEs; the gateway takes what it passes on or sends out.
    assert np.sum(np.array(use.rows)[:, :-1]) == pytest.approx(moved[False] * pes * samples)


def test_the_host_gives_and_takes_its_beats(compiled):
    use, bounds = steady_use(compiled), compiled.prediction.bounds
    samples = use.cycles / compiled.prediction.cycles
    assert use.host_in == pytest.approx(bounds["host input"] * samples)
    assert use.host_out == pytest.approx(bounds["host output"] * samples)
