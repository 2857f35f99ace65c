"""Tori and random nets of which the RTL is compared with the golden model, and one run."""

import dataclasses
from random import Random

import numpy as np

from golden import ClosShape, QuantisedNet
from golden.layers.dense import DenseShape, LayerShape
from hw.config import TorusConfig
from hw.presets import LARGE
from sim.model.native import NativeModel
from sim.model.transfers import Stalls
from sw_driver.check.runs import check_runs
from sw_driver.compiler import place_net
from sw_driver.errors import FitError, ProgramError
from sw_driver.plan.order import ExtraTurns, Order
from sw_driver.plan.placement import cut_dense
from sw_driver.plan.plan import Plan
from sw_driver.predict.order_search import OrderSearch
from sw_driver.program.events import Run
from sw_driver.program.executable import Executable

# The tori: sizes of one, narrow and wide words, every host width, long links.
CONFIGS = [
    dataclasses.replace(base, rows=rows, cols=cols, **fields)
    for base, rows, cols, fields in [
        (LARGE, 1, 1, {"rep_bits": 10}),
        (LARGE, 1, 4, {"host_bits": 32}),
        (LARGE, 4, 1, {"host_bits": 128, "word_steps": 1}),
        (LARGE, 2, 2, {"act_bits": 8, "weight_bits": 8}),
        (LARGE, 2, 2, {"act_bits": 4, "weight_bits": 18, "host_bits": 32}),
        (LARGE, 2, 2, {"act_bits": 18, "weight_bits": 5, "host_bits": 256}),
        (LARGE, 2, 3, {"link_stages": 2, "word_steps": 1}),
        (LARGE, 3, 2, {"host_fifo_beats": 4}),
        (LARGE, 1, 2, {"act_bits": 4, "weight_bits": 4, "host_bits": 256, "link_stages": 1,
                       "program_words": 4096}),
        (LARGE, 3, 1, {"act_bits": 12, "weight_bits": 16}),
        (LARGE, 3, 5, {"word_steps": 1}),
    ]
]
# Those whose layers end with more than a ReLU.
FINISHING = [
    dataclasses.replace(base, rows=rows, cols=cols, **fields)
    for base, rows, cols, fields in [
        (LARGE, 2, 2, {"leaky": 1, "bounded": 1}),
        (LARGE, 2, 3, {"bounded": 1, "act_bits": 8, "weight_bits": 8}),
        (LARGE, 3, 1, {"leaky": 1, "act_bits": 12}),
    ]
]
UNALIGNED = [ClosShape(33, 17, 5, 3, 4), ClosShape(17, 10, 4, 7, 3)]

_MOST_DRAWS = 8  # Of pipelines, until one fits.


def random_shapes(random: Random) -> list[ClosShape]:
    """One to three layers of up to 40 features, routers of any number, remainders and ones."""
    features = [random.choice([1, 2, random.randint(1, 40)]) for _ in range(random.randint(2, 4))]
    return [ClosShape(inputs, outputs, random.randint(1, min(inputs, 9)), random.randint(1, 8),
                      random.randint(1, min(outputs, 9)))
            for inputs, outputs in zip(features, features[1:], strict=False)]


def random_chain(random: Random, config: TorusConfig) -> tuple[LayerShape, ...]:
    """One to three layers, dense and Clos in any order, at least one of them dense."""
    shapes: list[LayerShape] = list(random_shapes(random))
    number = random.randrange(len(shapes))
    for index, shape in enumerate(shapes):
        if index == number or random.random() < 0.3:
            shapes[index] = DenseShape(shape.in_features, shape.out_features)
    return cut_dense(shapes, config.rows, config.cols)


def random_pipeline(random: Random, stages: int) -> tuple[Order, ExtraTurns]:
    """Any order of stages, and extra turns before one of them or more, but not the first."""
    order = tuple(random.sample(range(stages), stages))
    later = random.sample(range(1, stages), random.randint(1, stages - 1))
    return order, tuple(int(stage in later) for stage in range(stages))


def in_pipeline(net: QuantisedNet, config: TorusConfig, random: Random) -> tuple[Plan, Executable]:
    """Compile a net in any order; with extra turns, if regions and programs of some fit."""
    _, plan, images, _ = place_net(net, config.rows, config.cols, skips=bool(config.word_steps))
    search = OrderSearch(net, config, plan, images, grow=False)
    for _ in range(_MOST_DRAWS):
        order, extra = random_pipeline(random, len(plan.stages))
        try:
            found = search.fitted(order, extra)
            check_runs(config, found.loops)
            break
        except (FitError, ProgramError):
            found = search.fitted(order)
    return found.plan, Executable.of_images(config, images, found.loops)


def perform(model: NativeModel, run: Run, stalls: Stalls = Stalls()) -> np.ndarray:
    return model.run(run.beats, run.output_beats, stalls=stalls,
                     max_cycles=20_000 + 2_000 * (len(run.beats) + run.output_beats)).beats


def name(config: TorusConfig) -> str:
    return f"{config.rows}x{config.cols}-{config.act_bits}-{config.weight_bits}-{config.host_bits}"
