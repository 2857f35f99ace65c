"""Random nets on the RTL of random tori: every output word must be the golden model's."""

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from golden import ClosShape
from golden.layers.dense import DenseShape, LayerShape
from golden.vectors.nets import random_finishes, random_net, random_words
from hw.config import ConfigError, TorusConfig
from hw.presets import LARGE
from hw.tops import TOPS
from sim.fuzz.target import Case, Target
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sim.model.transfers import Stalls
from sw_driver.compiler import compile
from sw_driver.plan.placement import cut_dense
from sw_driver.program.events import Run

__all__ = ["CONFIGURATIONS", "NETS", "Different", "RtlTarget", "configuration"]

CONFIGURATIONS, NETS = 200, 50
"""Tori of a whole campaign, each of which takes a minute to build, and nets of each."""
_FEATURES = 40
_PLAIN: dict[str, Any] = {"rows": 1, "cols": 1}


class Different(AssertionError):
    """A word of the RTL that is not the golden model's."""


def configuration(number: int) -> dict[str, int]:
    """Draw the torus of this number: what it has beside, or other than, `LARGE`."""
    random = Random(f"torus/{number}")
    while True:
        rows, cols = random.choice([(1, 1), (1, 2), (2, 1), (2, 2), (2, 2), (1, 3), (3, 1), (2, 3),
                                    (3, 2)])
        fields = {
            "rows": rows, "cols": cols, "act_bits": random.choice([16, random.randint(4, 18)]),
            "weight_bits": random.choice([16, random.randint(4, 18)]),
            "host_bits": random.choice([32, 64, 64, 128, 256]),
            "link_stages": random.choice([0, 0, 1, 2]), "host_fifo_beats": random.choice([4, 16]),
            "rep_bits": random.choice([8, 10, 12]), "word_steps": random.choice([0, 1]),
            "leaky": random.choice([0, 0, 1]), "bounded": random.choice([0, 0, 1]),
            "lanes_in": random.choice([1, 1, 2]), "lanes_out": random.choice([1, 1, 2, 4]),
            "program_words": random.choice([2048, 4096]),
        }
        if fields["lanes_in"] == 2:
            fields["link_words"] = random.choice([1, 2])
        try:
            dataclasses.replace(LARGE, **fields)
        except ConfigError:
            continue
        return fields


@functools.lru_cache(maxsize=1)
def _model(config: TorusConfig) -> NativeModel:
    return NativeModel(emitted_torus(config), TOPS["torus"])


class RtlTarget(Target):
    """Nets of one to three layers, Clos and dense, on tori of up to 3x2 PEs."""

    name, job_inputs, goal = "rtl", NETS, CONFIGURATIONS * NETS
    limit_s, memory_bytes, weight = 900.0, 8 << 30, 5.0

    def draw(self, random: Random, number: int) -> Case:
        """Draw a net for the torus that has this number among its nets."""
        features = [random.choice([1, 2, random.randint(1, _FEATURES)])
                    for _ in range(random.randint(2, 4))]
        layers: list[list[Any]] = []
        for inputs, outputs in zip(features, features[1:], strict=False):
            if random.random() < 0.25:
                layers.append([inputs, outputs])
            else:
                layers.append([inputs, outputs, random.randint(1, min(inputs, 9)),
                               random.randint(1, 8), random.randint(1, min(outputs, 9))])
        return {
            "torus": configuration(number // NETS % CONFIGURATIONS), "layers": layers,
            "seed": random.randrange(1 << 30), "samples": random.randint(1, 6),
            "order": random.choice(["best", "program"]),
            "stalls": [random.choice([0, 0, 300]), random.choice([0, 0, 300])],
            "finishes": random.random() < 0.5,
        }

    def attempt(self, case: Case, folder: Path) -> None:
        """Run the net on both; a net that its torus cannot hold is refused."""
        config = dataclasses.replace(LARGE, **case["torus"])
        shapes: list[LayerShape] = [
            ClosShape(*layer) if len(layer) == 5 else DenseShape(*layer)
            for layer in case["layers"]]
        shapes = list(cut_dense(shapes, config.rows, config.cols))
        net = random_net(shapes, seed=case["seed"], act_bits=config.act_bits,
                         weight_bits=config.weight_bits)
        if case["finishes"] and (config.leaky or config.bounded):
            net = random_finishes(net, seed=case["seed"], leaky=bool(config.leaky),
                                  bounded=bool(config.bounded))
        executable = compile(net, config, order=case["order"]).executable
        x = random_words(net, case["samples"], seed=case["seed"])
        model = _model(config)
        model.reset()
        stalls = Stalls(in_per_mille=case["stalls"][0], out_per_mille=case["stalls"][1],
                        seed=case["seed"])
        _perform(model, executable.load(), stalls)
        found = executable.decode(_perform(model, executable.infer(x.numpy()), stalls))
        expected = net.forward_words(x).numpy()
        wrong = (found != expected).nonzero()
        if len(wrong[0]):
            sample, output = int(wrong[0][0]), int(wrong[1][0])
            raise Different(
                f"{len(wrong[0])} of {expected.size} words differ, the first of them output "
                f"{output} of sample {sample}: the RTL gives {found[sample, output]}, the golden "
                f"model {expected[sample, output]}")

    def smaller(self, case: Case) -> Iterator[Case]:
        """Fewer layers and samples, no stalls, smaller layers, and a plainer torus."""
        layers = case["layers"]
        if len(layers) > 1:
            yield {**case, "layers": layers[:-1]}
            yield {**case, "layers": layers[1:]}
        for change in ({"samples": 1}, {"stalls": [0, 0]}, {"finishes": False},
                       {"order": "program"}):
            if case != (changed := {**case, **change}):
                yield changed
        for number, layer in enumerate(layers):
            for place in range(2, len(layer)):
                if layer[place] > 1:
                    less = [*layer[:place], layer[place] // 2, *layer[place + 1 :]]
                    yield {**case, "layers": [*layers[:number], less, *layers[number + 1 :]]}
        for place in range(len(layers) + 1):
            if (less := _narrower(layers, place)) is not None:
                yield {**case, "layers": less}
        torus = case["torus"]
        for name in torus:
            if name in _PLAIN and torus[name] != 1:
                yield {**case, "torus": {**torus, name: 1}}
            elif name not in _PLAIN:
                yield {**case, "torus": {key: torus[key] for key in torus if key != name}}


def _narrower(layers: list[list[Any]], place: int) -> list[list[Any]] | None:
    """Halve the features between two layers; None if there is one already, or too few."""
    out = [list(layer) for layer in layers]
    width = out[place][0] if place < len(out) else out[-1][1]
    least = max([out[place][2]] if place < len(out) and len(out[place]) == 5 else [1],
                [out[place - 1][4]] if place and len(out[place - 1]) == 5 else [1])[0]
    if width // 2 < least or width < 2:
        return None
    if place < len(out):
        out[place][0] = width // 2
    if place:
        out[place - 1][1] = width // 2
    return out


def _perform(model: NativeModel, run: Run, stalls: Stalls) -> Any:
    most = 20_000 + 2_000 * (len(run.beats) + run.output_beats)
    return model.run(run.beats, run.output_beats, stalls=stalls, max_cycles=most).beats
