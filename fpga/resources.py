"""Cells of a torus before it is synthesised: a model fitted to measured ones.

DSPs and block RAMs follow from the configuration. LUTs, carry cells and flip-flops are sums of what
the configuration scales: fitted by least squares, with no negative share, to the measured areas of
`fpga.calibration`. These are of tori without `link_stages`, whose cells are counted apart.
"""

import dataclasses
import functools

import numpy as np

from golden.system.extras import needs
from hw.config import TorusConfig
from hw.tops import TOPS

from .calibration import Measured, read_link, read_measured
from .designs import Design
from .errors import FlowFailed
from .report import expected_blocks
from .synthesis import Area, Family

with needs("fpga"):
    from scipy.optimize import nnls

__all__ = ["Errors", "estimate", "is_measured", "link_area", "model_errors"]

_FITTED = ("luts", "carries", "flip_flops", "lut_rams")


@dataclasses.dataclass(frozen=True)
class Errors:
    """How far the model is off, each measured torus left out of the fit that estimates it.

    A torus is left out if another one that trains, or does not, as it does remains.

    Parameters
    ----------
    mean, largest
        Of the LUTs, relative to those measured.
    count
        Measured tori.
    """

    mean: float
    largest: float
    count: int


def estimate(config: TorusConfig, family: Family) -> Area:
    """Estimate the cells of a torus, without those of its host link.

    Raises
    ------
    FlowFailed
        Nothing was measured of the family.
    """
    return _estimate(config, family, _measured(family))


def is_measured(family: Family) -> bool:
    """Whether the model was fitted for a family."""
    return read_link(family) is not None and bool(read_measured(family))


def link_area(family: Family) -> Area:
    """The measured cells of a board's host link.

    Raises
    ------
    FlowFailed
        It was not measured.
    """
    area = read_link(family)
    if area is None:
        raise FlowFailed(f"no areas of {family.name} were measured: python -m fpga.calibration")
    return area


@functools.cache
def model_errors(family: Family) -> Errors:
    """Compare the model with what was measured.

    Raises
    ------
    FlowFailed
        Nothing was measured of the family.
    """
    measured = _measured(family)
    errors: list[float] = []
    for index, one in enumerate(measured):
        others = measured[:index] + measured[index + 1:]
        if any(other.design.kind == "torus" and _trains(other) == _trains(one)
               for other in others) and one.design.kind == "torus":
            found = _estimate(one.design.config, family, others)
            errors.append(abs(found.luts / one.area.luts - 1))
    return Errors(float(np.mean(errors)), max(errors), len(errors))


@functools.cache
def _measured(family: Family) -> tuple[Measured, ...]:
    measured = tuple(read_measured(family))
    if not measured:
        raise FlowFailed(f"no areas of {family.name} were measured: python -m fpga.calibration")
    return measured


def _estimate(config: TorusConfig, family: Family, measured: tuple[Measured, ...]) -> Area:
    design = Design("torus", TOPS["torus"], config)
    wanted = np.array(_scales(design))
    scales = np.array([_scales(one.design) for one in measured])
    counts = {}
    for name in _FITTED:
        areas = np.array([getattr(one.area, name) for one in measured], float)
        # Relative errors count, or the largest torus would decide alone.
        weights = 1 / np.maximum(areas, 1)
        shares, _ = nnls(scales * weights[:, None], areas * weights)
        counts[name] = round(float(wanted @ shares))
    multipliers, block_rams = expected_blocks(design, family)
    # Programs and FIFOs of gateways, which `expected_blocks` leaves out.
    tori = [one for one in measured if one.design.kind == "torus"]
    more = max((one.area.block_rams - expected_blocks(one.design, family)[1])
               / one.design.config.rows for one in tori)
    slices = _link_slices(config)
    counts["luts"] += sum(bits + 6 for bits in slices)
    counts["flip_flops"] += sum(2 * bits + 2 for bits in slices)
    return Area(**counts, multipliers=multipliers,
                block_rams=block_rams + round(more * config.rows))


def _link_slices(config: TorusConfig) -> list[int]:
    """Widths of all register slices (`hw.ring.link.Link`) that `link_stages` adds to a torus."""
    hops = config.rows * (2 * config.cols + 1)
    widths = [config.word_bits]
    if config.training is not None:
        widths.append(config.acc_bits + 1)
    return config.link_stages * hops * widths


def _trains(one: Measured) -> bool:
    return one.design.config.training is not None


def _scales(design: Design) -> list[float]:
    """What cells are proportional to: an element alone has no gateways and no bridge."""
    config = design.config
    training = config.training
    whole = design.kind == "torus"
    pes, rows = (config.rows * config.cols, config.rows) if whole else (1, 0)
    shifter = config.acc_bits * config.shift_bits
    scales = [float(whole), rows, pes, pes * config.word_bits, pes * shifter]
    if training is None:
        return [*scales, 0, 0, 0]
    return [*scales, rows, pes, pes * training.velocity_bits]
