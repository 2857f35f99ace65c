"""The compiler: from a trained net to everything that a torus needs to run it."""

import dataclasses
import functools
import re

from torch import nn

from golden import QuantisedNet, quantise
from golden.tensors.reals import Reals
from hw.config import ConfigError, TorusConfig
from sw_driver.check.runs import check_runs
from sw_driver.errors import DriverError, ProgramError
from sw_driver.plan.entries import Entry
from sw_driver.plan.fit import Needs, check_fit, grown, measure
from sw_driver.plan.images import Images, build_images
from sw_driver.plan.order import Order, best_order, delays, program_order
from sw_driver.plan.placement import LayerPlacement, place
from sw_driver.plan.plan import Plan, make_plan
from sw_driver.plan.stages import Requantised, Stage, build_stages
from sw_driver.plan.tasks import list_tasks
from sw_driver.predict.cycles import (
    Prediction,
    bounds,
    order_cycles,
    predict_cycles,
    predict_steady,
)
from sw_driver.program.executable import Executable
from sw_driver.program.sample_loop import SampleLoop, find_sample_loop
from sw_driver.schedule.queues import build_queues
from sw_driver.schedule.scheduler import schedule

__all__ = ["ORDERS", "Compiled", "compile", "compile_net", "parse_torus", "place_net"]

ORDERS = ("best", "program")
# Cycles of the model that the search for an order may take, about half a second.
_MODELLED_CYCLES = 16_000


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Compiled:
    """A net, and how it runs on a torus.

    Parameters
    ----------
    net
        The quantised net: what the torus must compute, bit for bit.
    executable
        What the torus runs: configuration, images, programs, host words.
    layers
        Where the blocks of each layer lie.
    plan
        Its stages, their ops, and the order of the steady state.
    """

    net: QuantisedNet
    executable: Executable
    layers: tuple[LayerPlacement, ...]
    plan: Plan

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In the order in which a sample passes them."""
        return self.plan.stages

    @property
    def entries(self) -> tuple[tuple[Entry, ...], ...]:
        """The ops of each stage."""
        return self.plan.entries[0]

    @property
    def order(self) -> Order:
        """The stages in the order of the steady state."""
        return self.plan.order

    @property
    def config(self) -> TorusConfig:
        """The torus that the net is compiled for."""
        return self.executable.config

    @functools.cached_property
    def prediction(self) -> Prediction:
        """Cycles a sample of a long run, and what bounds it."""
        return predict_steady(self.config, self.net.shapes, self.plan, self.executable.loop)

    def __repr__(self) -> str:
        """Say in a few lines what is compiled for what; `sw_driver.files.report` says the rest."""
        config, images = self.config, self.executable.images
        shapes = ", ".join(map(str, self.net.shapes))
        return (
            f"<{type(self).__name__}: layers {shapes}\n"
            f"  {config.act_bits}-bit activations, {config.weight_bits}-bit weights, "
            f"{images.weights.size} weight words with padding\n"
            f"  on a {config.rows}x{config.cols} torus, hardware id {config.hardware_id:016x}>"
        )

    def predict(self, samples: int) -> int:
        """Cycles of a run of `samples` samples, 1 to `Executable.max_samples`.

        From the first beat of its program to the last beat of its results.
        """
        return predict_cycles(self.config, self.executable.loop, samples)


def compile(
    model: nn.Module | QuantisedNet,
    torus: str | tuple[int, int] | TorusConfig,
    calibration: Reals | None = None,
    *,
    act_bits: int = 16,
    weight_bits: int = 16,
    host_bits: int = 64,
    order: str = "best",
) -> Compiled:
    """Compile a trained model, or a net that is quantised already, for a torus.

    Parameters
    ----------
    model
        What `golden.quantise` takes, or its result.
    torus
        "RxC" or (R, C), for a torus whose memories are made large enough; or a configuration, into
        which the net must fit and whose widths count instead of those given here.
    calibration
        [N, I] real inputs that set the scales, a tensor, an array or nested lists; needed for a
        model, unused for a quantised net.
    act_bits, weight_bits, host_bits
        Widths of an activation, a weight and a host beat; those of a quantised net count instead of
        the first two.
    order
        "best" for the order of ops that the cycle model finds fastest, "program" for one sample
        after the other.

    Raises
    ------
    DriverError
        If an argument is not as said here, or the net does not fit the torus.
    GoldenError
        If the model cannot be quantised.
    """
    if isinstance(model, QuantisedNet):
        act_bits, weight_bits = model.act_bits, model.weight_bits
    elif not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DriverError(
            "model must be a torch module or a QuantisedNet, not a "
            f"{type(model).__name__}: golden.load_model(path) reads a model file"
        )
    if isinstance(torus, TorusConfig):
        config = torus
    else:
        rows, cols = parse_torus(torus)
        try:
            config = TorusConfig(
                rows=rows,
                cols=cols,
                act_bits=act_bits,
                weight_bits=weight_bits,
                host_bits=host_bits,
            )
        except ConfigError as error:
            raise DriverError(str(error)) from error
    if not isinstance(model, QuantisedNet):
        if calibration is None:
            raise DriverError("calibration must be given to quantise a model, not None")
        model = quantise(
            model, calibration, act_bits=config.act_bits, weight_bits=config.weight_bits
        )
    return compile_net(model, config, grow=not isinstance(torus, TorusConfig), order=order)


def parse_torus(torus: str | tuple[int, int]) -> tuple[int, int]:
    """Read "RxC", for instance "4x4", or (R, C): rows and columns, 1 to 64 each.

    Raises
    ------
    DriverError
        If it is anything else.
    """
    text = "x".join(map(str, torus)) if isinstance(torus, tuple | list) else torus
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DriverError(f"torus must be ROWSxCOLUMNS, for instance 4x4, not {torus!r}")
    match = re.fullmatch(r"\s*(\d{1,3})\s*[xX]\s*(\d{1,3})\s*", text)
    if match is None:
        raise DriverError(f"torus must be ROWSxCOLUMNS, for instance 4x4, not {torus!r}")
    rows, cols = int(match[1]), int(match[2])
    try:
        TorusConfig(rows=rows, cols=cols)
    except ConfigError as error:
        raise DriverError(f"torus {text}: {error}") from error
    return rows, cols


def compile_net(net: QuantisedNet, config: TorusConfig, *, grow: bool, order: str) -> Compiled:
    """Compile a quantised net.

    Parameters
    ----------
    net
        The net.
    config
        The torus.
    grow
        Whether memories and counters of `config` that are too small are made larger; else the net
        is refused.
    order
        "best" or "program".

    Raises
    ------
    DriverError
        If the net does not fit, or `order` is neither.
    """
    if order not in ORDERS:
        raise DriverError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    layers, plan, images, needs = place_net(net, config.rows, config.cols)
    if grow:
        try:
            config = grown(config, needs)
        except ConfigError as error:
            raise DriverError(
                f"the net is too large for any torus of this size: {error}"
            ) from error
    check_fit(config, needs)

    def fitted(order: Order) -> tuple[TorusConfig, SampleLoop]:
        """The torus with room for the program, if it may grow, and the run."""
        loop = _sample_loop(config, plan, order)
        if not grow:
            return config, loop
        large = grown(config, needs, loop.program_words(config))
        if dataclasses.replace(large, program_words=config.program_words) != config:
            loop = _sample_loop(large, plan, order)
        return large, loop

    bound = max(bounds(config, plan).values())
    reached, modelled = float("inf"), 0

    def cost(order: Order) -> float | None:
        nonlocal reached, modelled
        try:
            cycles, needed = order_cycles(*fitted(order), max(delays(order)), bound, reached)
        except ProgramError:  # It does not fit the torus.
            return None
        reached, modelled = min(reached, cycles), modelled + needed
        return cycles

    chosen = program_order(len(plan.stages))
    if order == "best":
        chosen = best_order(len(plan.stages), cost, bound, lambda: modelled < _MODELLED_CYCLES)
    config, loop = fitted(chosen)
    check_runs(config, loop)
    return Compiled(
        net=net,
        executable=Executable.of_images(config, images, loop),
        layers=layers,
        plan=dataclasses.replace(plan, order=chosen),
    )


def _sample_loop(config: TorusConfig, plan: Plan, order: Order) -> SampleLoop:
    ordered = dataclasses.replace(plan, order=order)
    return find_sample_loop(
        lambda samples: build_queues(config, schedule(config, ordered, samples)),
        most_flat=2 * len(plan.stages) + 2,
    )


def place_net(
    net: QuantisedNet, rows: int, cols: int
) -> tuple[tuple[LayerPlacement, ...], Plan, Images, Needs]:
    """Place a net on a torus: all that follows from the net and the size of the torus alone.

    The plan is in program order; in any other, its regions and ops are the same.
    """
    layers = place(net.shapes, rows, cols)
    requantised = [Requantised(layer.shifts, layer.relu) for layer in net.layers]
    stages = build_stages(layers, requantised, net.weight_bits, rows, cols)
    images = build_images(net, stages)
    tasks = list_tasks(len(stages), None)
    plan = make_plan(stages, program_order(len(tasks)), tasks)
    return layers, plan, images, measure(net, plan, images)
