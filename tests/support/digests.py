"""What must stay the same while code is restructured: `python -m tests.support.digests`.

It prints a line for each case: random nets for inference, random nets to be trained, and the
Verilog of every preset, with a digest of all that follows from them: configuration, order, packed
programs of runs of several lengths, host words, memory images or maps, and the cycles that the
model predicts. Lines of two checkouts that are equal compile the same.
"""

import hashlib
import json
from random import Random

import numpy as np

from golden import ClosShape
from golden.vectors.nets import random_net
from hw.presets import PRESETS
from sim.model.emitted import emitted_torus
from sw_driver.compiler import compile
from tests.support.training_cases import random_case

NETS = 30
TRAININGS = 26
SAMPLES = (1, 2, 3, 5, 9, 40)


def digest(*parts):
    """One short digest of arrays, programs and what JSON can write."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            found.update(f"{part.shape}".encode() + part.astype("<i8").tobytes())
        else:
            found.update(json.dumps(part, sort_keys=True, default=str).encode())
    return found.hexdigest()[:16]


def of_run(run):
    return [run.program.pe_image, run.program.gateway_image, run.beats, run.output_beats]


def random_shapes(random):
    features = [random.randint(3, 24) for _ in range(random.choice([2, 2, 3, 3, 4]))]
    return [ClosShape(inputs, outputs, random.randint(1, min(4, inputs)), random.randint(1, 4),
                      random.randint(1, min(4, outputs)))
            for inputs, outputs in zip(features, features[1:], strict=False)]


def net(seed):
    """A net for inference: its torus, and the digest of what runs there."""
    random = Random(seed)
    shapes, torus = random_shapes(random), (random.randint(1, 4), random.randint(1, 4))
    widths = {"act_bits": random.choice([8, 12, 16]), "weight_bits": random.choice([8, 16])}
    compiled = compile(random_net(shapes, seed=seed, **widths), torus,
                       host_bits=random.choice([32, 64]), order=random.choice(["best", "program"]))
    executable = compiled.executable
    parts = [json.loads(compiled.config.canonical_json()), compiled.order,
             executable.images.weights, executable.images.biases, compiled.predict(1),
             compiled.prediction]
    for samples in SAMPLES:
        x = np.arange(samples * executable.in_features).reshape(samples, -1) % 100 - 50
        parts += of_run(executable.infer(x))
    return torus, digest(*parts, *of_run(executable.load()), *of_run(executable.identify()))


def training(seed):
    """A net to be trained: its torus, and the digest of what runs there."""
    case = random_case(seed)
    compiled = compile(case.form, case.torus, **case.options)
    executable, maps = compiled.executable, compiled.executable.training.maps
    parts = [json.loads(compiled.config.canonical_json()), compiled.order,
             maps.weights.index, maps.weights.constants, maps.biases.index,
             *of_run(executable.dump())]
    for samples in SAMPLES[:-1]:
        program = executable.train_program(samples)
        x = np.arange(samples * executable.in_features).reshape(samples, -1) % 100 - 50
        parts += [program.pe_image, program.gateway_image, *of_run(executable.infer(x))]
    for layer in compiled.placement.layers:
        parts += [table.numpy() for stage in layer for table in (stage.pe, stage.visit)]
    return case.torus, digest(*parts)


def main():
    for seed in range(NETS):
        print("net", seed, *net(seed), flush=True)
    for seed in range(TRAININGS):
        print("training", seed, *training(seed), flush=True)
    for name, config in PRESETS.items():
        print("verilog", name, digest(emitted_torus(config)), flush=True)


if __name__ == "__main__":
    main()
