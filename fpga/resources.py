"""Cells of a torus before it is synthesised: a model fitted to measured ones.

DSPs and block RAMs follow from the configuration (`fpga.memories`). LUTs, carry cells and
flip-flops are sums of what the configuration scales: fitted by least squares, with no negative
share, to the measured areas of `fpga.calibration`. These are of tori without `link_stages`, whose
cells are counted apart. What links of two words take besides is fitted to what they add to the same
designs.
"""

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from golden.system.extras import needs
from hw.config import TorusConfig
from hw.tops import TOPS

from .calibration import Measured, read_links, read_measured
from .designs import Design
from .errors import FlowFailed
from .families import Family
from .memories import block_rams
from .report import expected_blocks
from .synthesis import Area, lut_sites

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
        Of the LUTs, relative to those measured; carry cells and LUT RAMs count as those they take.
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
        Nothing was measured of the family, or nothing of links of two words that the torus has.
    """
    return _estimate(config, family, _measured(family))


def is_measured(family: Family, link_words: int = 1) -> bool:
    """Whether the model was fitted for a family, with links that move so many words at once."""
    return bool(read_links(family)) and any(
        one.design.config.link_words >= link_words for one in read_measured(family))


@functools.cache
def link_area(family: Family, host_bits: int) -> Area:
    """The cells of a board's host link: on a line through those measured of two widths.

    Raises
    ------
    FlowFailed
        It was not measured.
    """
    links = read_links(family)
    if not links:
        raise FlowFailed(f"no areas of {family.name} were measured: python -m fpga.calibration")
    widths = sorted(links)

    def at(name: str) -> int:
        counts = [getattr(links[bits], name) for bits in widths]
        if len(widths) == 1:
            return counts[0]
        slope = (counts[-1] - counts[0]) / (widths[-1] - widths[0])
        return round(counts[0] + slope * (host_bits - widths[0]))

    return Area(**{field.name: at(field.name) for field in dataclasses.fields(Area)})


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
            errors.append(abs(lut_sites(found, family) / lut_sites(one.area, family) - 1))
    return Errors(float(np.mean(errors)), max(errors), len(errors))


@functools.cache
def _measured(family: Family) -> tuple[Measured, ...]:
    measured = tuple(one for one in read_measured(family) if one.design.config.link_words == 1)
    if not measured:
        raise FlowFailed(f"no areas of {family.name} were measured: python -m fpga.calibration")
    return measured


def _estimate(config: TorusConfig, family: Family, measured: tuple[Measured, ...]) -> Area:
    design = Design("torus", TOPS["torus"], config)
    wanted = np.array(_scales(design, family))
    counts = {name: round(float(wanted @ shares))
              for name, shares in _shares(measured, family).items()}
    if config.link_words > 1:
        scales = _pair_scales(design)
        for name, shares in _pair_shares(family).items():
            counts[name] += round(float(scales @ shares))
    slices = _link_slices(config)
    counts["luts"] += sum(bits + 6 for bits in slices)
    counts["flip_flops"] += sum(2 * bits + 2 for bits in slices)
    multipliers, _ = expected_blocks(design, family)
    return Area(**counts, multipliers=multipliers, block_rams=block_rams(config, family))


@functools.lru_cache(maxsize=64)
def _shares(measured: tuple[Measured, ...], family: Family) -> dict[str, NDArray[np.float64]]:
    """What each scale has of the cells of each kind."""
    scales = np.array([_scales(one.design, family) for one in measured])
    found: dict[str, NDArray[np.float64]] = {}
    for name in _FITTED:
        areas = np.array([getattr(one.area, name) for one in measured], float)
        # Relative errors count, or the largest torus would decide alone.
        weights = 1 / np.maximum(areas, 1)
        found[name], _ = nnls(scales * weights[:, None], areas * weights)
    return found


@functools.cache
def _pair_shares(family: Family) -> dict[str, NDArray[np.float64]]:
    """What links of two words add to each scale of `_pair_scales`, of the cells of each kind."""
    measured = read_measured(family)
    plain = {one.design.config: one.area for one in measured}
    found: dict[str, NDArray[np.float64]] = {name: np.zeros(2) for name in _FITTED}
    pairs = [(one, plain[without]) for one in measured if one.design.config.link_words > 1
             and (without := dataclasses.replace(one.design.config, link_words=1)) in plain]
    if not pairs:
        raise FlowFailed(f"no areas of {family.name} with links of two words were measured")
    scales = np.array([_pair_scales(one.design) for one, _ in pairs])
    for name in _FITTED:
        more = [getattr(one.area, name) - getattr(before, name) for one, before in pairs]
        found[name], _ = nnls(scales, np.array(more, float))
    return found


def _pair_scales(design: Design) -> NDArray[np.float64]:
    """What the cells of links of two words are proportional to: words of elements, of gateways."""
    config = design.config
    whole = design.kind == "torus"
    pes, rows = (config.rows * config.cols, config.rows) if whole else (1, 0)
    return np.array([pes, rows], float) * config.word_bits


def _link_slices(config: TorusConfig) -> list[int]:
    """Widths of all register slices (`hw.ring.link.Link`) that `link_stages` adds to a torus."""
    hops = config.rows * (2 * config.cols + 1)
    widths = [config.link_bits]
    if config.training is not None:
        widths.append(config.acc_bits + 1)
    return config.link_stages * hops * widths


def _trains(one: Measured) -> bool:
    return one.design.config.training is not None


def _scales(design: Design, family: Family) -> list[float]:
    """What cells are proportional to: an element alone has no gateways and no bridge."""
    config = design.config
    training = config.training
    whole = design.kind == "torus"
    pes, rows = (config.rows * config.cols, config.rows) if whole else (1, 0)
    shifter = config.acc_bits * config.shift_bits
    biases = -(-config.bias_words // 16) * config.bias_bits  # In LUT RAMs of 16 words.
    product = config.operand_bits + config.weight_bits
    scales = [
        float(whole), rows, rows * config.host_bits, pes, pes * config.word_bits, pes * shifter,
        pes * biases,
        # Lanes: what adds up two products, what gives several sums one by one, and each of them.
        pes * product * (config.lanes_in - 1) * config.lanes_out,
        pes * config.acc_bits * (config.lanes_out > 1),
        pes * config.acc_bits * (config.lanes_out - 1),
    ]
    if training is None:
        return [*scales, 0, 0, 0]
    return [*scales, rows, pes, pes * training.velocity_bits]
