"""Nets of dense and Clos layers on the RTL: cycles a sample, and whether all words are right."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from golden import QuantisedNet
from golden.layers.dense import LayerShape
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig
from sim.device.device import SimDevice
from sim.errors import SimError
from sim.toolchain import find_toolchain
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile
from sw_driver.plan.placement import cut_dense

from .nets import RTL_PACKAGES
from .results import Bench, source_digest

__all__ = ["HOST_BITS", "compiled_net", "drawn_net", "roomy_torus", "run_net"]

HOST_BITS = {"4x4": 64, "8x8": 128}
"""Width of the host stream of each torus."""

_SAMPLES = 16   # Before those of which the steady state is measured.
_COMPARED = 8   # Samples of which every word is compared.


def roomy_torus(size: int, host_bits: int, **fields: Any) -> TorusConfig:
    """A torus of size x size PEs with memories for every net here, so that one model runs them all.

    Cycles of the steady state do not depend on how large memories are. `fields` are further ones of
    the configuration.
    """
    return TorusConfig(**{
        "rows": size, "cols": size, "host_bits": host_bits, "buffer_words": 2048,
        "weight_words": 1 << 14, "bias_words": 256, "program_words": 2048, "max_fan_in": 1024,
        "rep_bits": 10, "word_steps": 1, **fields})


def drawn_net(shapes: Sequence[LayerShape], config: TorusConfig) -> QuantisedNet:
    """A net of random words, whose dense layers are cut for the torus; the same on every call."""
    cut = cut_dense(shapes, config.rows, config.cols)
    return random_net(cut, seed=0, act_bits=config.act_bits, weight_bits=config.weight_bits)


def compiled_net(shapes: Sequence[LayerShape], config: TorusConfig) -> Compiled:
    """Compile a net of random words in the best order."""
    return compile(drawn_net(shapes, config), config)


def run_net(bench: Bench, shapes: Sequence[LayerShape], config: TorusConfig) -> dict[str, Any]:
    """Cycles a sample of a net on the RTL, measured once; every word must be the golden model's.

    Raises
    ------
    SimError
        If a word is not.
    """
    depends = {"shapes": [str(shape) for shape in shapes], "config": dataclasses.asdict(config),
               "samples": (_SAMPLES, _COMPARED), "sources": source_digest(*RTL_PACKAGES),
               "tools": find_toolchain().versions}
    return bench.result("dense-net", depends, lambda: _run(shapes, config))


def _run(shapes: Sequence[LayerShape], config: TorusConfig) -> dict[str, Any]:
    compiled = compiled_net(shapes, config)
    x = random_words(compiled.net, _COMPARED, seed=1)
    with SimDevice(engine="verilator") as device:
        device.load(compiled)
        words = device.infer_words(x.numpy())
        cycles = device.steady_cycles(_SAMPLES)
    if not np.array_equal(words, compiled.net.forward_words(x).numpy()):
        raise SimError(f"the words of {', '.join(map(str, shapes))} on the RTL must be those of "
                       "the golden model, and are not")
    prediction = compiled.prediction
    return {"cycles": cycles, "predicted": prediction.cycles, "words_compared": int(words.size),
            "padding": (prediction.bounds["MAC"] - prediction.ideal_cycles) / cycles,
            "mac": prediction.breakdown.engines["mac"],
            "host_bits_needed": prediction.host_bits}
