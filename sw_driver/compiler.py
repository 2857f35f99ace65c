"""The compiler: from a net to everything that a torus needs to run it, or to train it."""

from collections.abc import Collection

from torch import nn

from golden import QuantisedNet, quantise
from golden.fixed.dense import QuantisedDense
from golden.fixed.format import TrainingFormat
from golden.fixed.layer import QuantisedLayer
from golden.models.read import read_chain
from golden.tensors.reals import Reals, real_tensor
from hw.config import TorusConfig
from sw_driver.check.runs import check_runs
from sw_driver.compiled import Compiled
from sw_driver.errors import DriverError
from sw_driver.plan.fit import Needs, check_fit, grown, measure
from sw_driver.plan.forward import plan_forward
from sw_driver.plan.images import Images, build_images
from sw_driver.plan.mac_lanes import ONE_LANE, MacLanes
from sw_driver.plan.order import Order, no_extra_turns, program_order
from sw_driver.plan.placement import Placed, dense_cuts, place
from sw_driver.plan.plan import Plan
from sw_driver.plan.requantised import Requantised
from sw_driver.plan.stages import build_stages
from sw_driver.predict.order_search import OrderSearch
from sw_driver.program.executable import Executable
from sw_driver.torus import (
    ORDERS,
    check_inference_alone,
    check_infers,
    check_order,
    given_torus,
    parse_torus,
)
from sw_driver.training_compiler import compile_format

__all__ = [
    "ORDERS",
    "Compiled",
    "compile",
    "compile_net",
    "parse_torus",
    "place_net",
    "requantised",
]


def compile(
    model: nn.Module | QuantisedNet | TrainingFormat,
    torus: str | tuple[int, int] | TorusConfig,
    calibration: Reals | None = None,
    *,
    act_bits: int = 16,
    weight_bits: int = 16,
    host_bits: int = 64,
    lanes_in: int = 1,
    lanes_out: int = 1,
    link_words: int = 1,
    checks: int = 0,
    order: str | Order | None = None,
    batches: bool = False,
    stale: bool = False,
    momentum: int | None = None,
    frozen: Collection[int] = (),
    input_gradient: bool = False,
    grow: bool = False,
) -> Compiled:
    """Compile a trained model, a net that is quantised already, or one to be trained, for a torus.

    Parameters
    ----------
    model
        What `golden.quantise` takes, or its result: a net for inference. Or the format of a net
        that the torus trains, such as `golden.propose_format` makes.
    torus
        "RxC" or (R, C), whose memories are made large enough; or a configuration, whose widths and
        lanes count. The net must fit into it, unless it is for inference and memories may `grow`.
    calibration
        [N, I] real inputs that set the scales, a tensor, an array or nested lists; needed for a
        model, unused for anything else.
    act_bits, weight_bits, host_bits
        Widths of an activation, a weight and a host beat; a net or a format has the first two.
    lanes_in, lanes_out
        Words that a MAC takes a cycle, 1 or 2 (1 to train), and sums that it makes: 1, 2, 4 or 8.
    link_words
        Words that a hop of a ring moves at once: 2 needs `lanes_in` of 2, for a net that infers.
    checks
        Level, 1 to 3, of a torus that finds flipped bits (docs/faults.md), for a net that infers.
    order
        "best" for the order of ops that the cycle model finds fastest, "program" for one sample
        after the other; by default "best". Of a net that trains: "program", "interleaved", or an
        order of `sw_driver.plan.tasks.list_tasks`; by default "interleaved" in batches, else
        "program", the only one that samples on their own can have.
    batches
        Whether a run that trains on any number of samples is one batch, whose gradients are
        accumulated before any weight changes; else every sample is a batch of its own.
    stale
        Whether a sample goes forwards beside the way back of the one before: `golden.fixed.stale`.
    momentum
        n for a momentum of 1 - 2**-n, 1 to 14; None for none.
    frozen
        Layers that do not change.
    input_gradient
        Whether the host wants the gradient of the net's inputs.

    Raises
    ------
    DriverError, GoldenError
        An argument is not as said here, or the net does not fit; the model cannot be quantised.
    """
    if isinstance(model, TrainingFormat):
        check_inference_alone(lanes_in, link_words, checks)
        return compile_format(
            model, torus, batches=batches, stale=stale, momentum=momentum, frozen=frozen,
            input_gradient=input_gradient, order=order, host_bits=host_bits, lanes_out=lanes_out,
        )  # fmt: skip
    _check_model(model)
    _refuse(batches=batches, stale=stale, momentum=momentum, frozen=frozen,
            input_gradient=input_gradient)  # fmt: skip
    if isinstance(model, QuantisedNet):
        act_bits, weight_bits = model.act_bits, model.weight_bits
    config = given_torus(torus, act_bits, weight_bits, host_bits, lanes_in=lanes_in,
                         lanes_out=lanes_out, link_words=link_words, checks=checks)  # fmt: skip
    if not isinstance(model, QuantisedNet):
        model = _quantised(model, calibration, config)
    grow = grow or not isinstance(torus, TorusConfig)
    return compile_net(model, config, grow=grow, order="best" if order is None else order)


def _check_model(model: object) -> None:
    """Refuse what is no model."""
    if not isinstance(model, QuantisedNet | nn.Module):
        raise DriverError(
            "model must be a torch module, a QuantisedNet or a TrainingFormat, not a "
            f"{type(model).__name__}: golden.load_model(path) reads a model file"
        )


def _quantised(model: nn.Module, calibration: Reals | None, config: TorusConfig) -> QuantisedNet:
    """Quantise a model for a torus, which cuts the sums of its dense layers."""
    if calibration is None:
        raise DriverError("calibration must be given to quantise a model, not None")
    sample_shape = real_tensor("calibration", calibration).shape[1:]
    shapes = [item.shape for item in read_chain(model, sample_shape=sample_shape)]
    return quantise(
        model,
        calibration,
        act_bits=config.act_bits,
        weight_bits=config.weight_bits,
        dense_cuts=dense_cuts(shapes, config.rows, config.cols),
    )


def _refuse(**options: object) -> None:
    """Refuse options of training where there is none."""
    for name, value in options.items():
        empty = isinstance(value, Collection) and not len(value)  # pyright: ignore
        if value is not None and value is not False and not empty:
            raise DriverError(
                f"{name} must be left out unless model is a TrainingFormat, which "
                "golden.propose_format makes: a net for inference does not train"
            )


def compile_net(
    net: QuantisedNet, config: TorusConfig, *, grow: bool, order: str | Order
) -> Compiled:
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
        If the net does not fit, the torus is one that trains, or `order` is neither.
    """
    check_order(order)
    check_infers(config)
    skips = grow or bool(config.word_steps)
    layers, plan, images, needs = place_net(
        net, config.rows, config.cols, skips=skips, lanes=MacLanes.of(config)
    )
    if grow:
        config = grown(config, needs)
    check_fit(config, needs)
    search = OrderSearch(net, config, plan, images, grow=grow)
    stages = len(plan.stages)
    chosen = (program_order(stages), no_extra_turns(stages))
    if order == "best":
        chosen = search.best()
    found = search.fitted(*chosen)
    check_runs(found.config, found.loops)
    return Compiled(
        source=net,
        executable=Executable.of_images(found.config, images, found.loops),
        layers=layers,
        plan=found.plan,
    )


def place_net(
    net: QuantisedNet,
    rows: int,
    cols: int,
    *,
    skips: bool = False,
    lanes: MacLanes = ONE_LANE,
) -> tuple[tuple[Placed, ...], Plan, Images, Needs]:
    """Place a net on a torus: all that follows from the net and the size of the torus alone.

    The plan is in program order; in any other without extra turns, its regions and ops are the
    same. `skips` says whether the MACs of the torus can skip words, `lanes` how many they take and
    add at once.
    """
    layers = place(net.shapes, rows, cols, skips=skips, lanes=lanes)
    sums = [requantised(layer) for layer in net.layers]
    stages = build_stages(layers, sums, net.weight_bits, rows, cols, lanes)
    images = build_images(net, stages)
    plan = plan_forward(stages)
    return layers, plan, images, measure(net, plan, images)


def requantised(layer: QuantisedLayer | QuantisedDense) -> Requantised:
    """How sums leave a layer's stages; the last weights of a cut dense layer are its gain."""
    return Requantised(layer.shifts, layer.finish, layer.weight_fraction_bits[-1])
