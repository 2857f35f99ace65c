"""The torus on its host stream in cocotb, against the golden model."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from golden import ClosShape, QuantisedNet
from golden.vectors.nets import paper_example, random_net, random_words
from hw.config import TorusConfig
from sw_driver.arrays import Beats
from sw_driver.compiler import compile
from sw_driver.program.executable import Executable
from sw_driver.program.host_stream import words_to_beats
from tests.support.torus_bench import run_on_bench

pytestmark = pytest.mark.cocotb

CONFIG = TorusConfig(rows=2, cols=2, buffer_words=64, max_fan_in=64, weight_words=256,
                     bias_words=16, program_words=512)


@dataclasses.dataclass(frozen=True, eq=False)
class Bench:
    """Programs of a host, and the beats that must come back, in a folder."""

    config: TorusConfig
    folder: Path
    beats: Beats
    expected: Beats

    def check(self, *, stall_per_mille: int, resets: int, seed: int, waves: bool = False) -> None:
        answer = run_on_bench(self.config, self.folder, self.beats, len(self.expected),
                              stall_per_mille=stall_per_mille, resets=resets, seed=seed,
                              waves=waves)
        wrong = np.nonzero((answer != self.expected).any(axis=1))[0]
        assert not len(wrong), f"{len(wrong)} of {len(answer)} beats differ, first {wrong[0]}"


def whole_job(folder: Path, executable: Executable, net: QuantisedNet, x: torch.Tensor) -> Bench:
    """Everything that a host sends, and what it must get back."""
    runs = [executable.identify(), executable.load(), executable.infer(x.numpy())]
    expected = [id_beats(executable.config), output_beats(executable, net, x)]
    return Bench(executable.config, folder, np.concatenate([run.beats for run in runs]),
                 np.concatenate(expected))


def id_beats(config: TorusConfig) -> Beats:
    parts = config.host_bits // 32
    raw = config.hardware_id.to_bytes(8, "little")
    raw = raw.ljust(-(-8 // (4 * parts)) * 4 * parts, b"\0")
    return np.frombuffer(raw, "<u4").reshape(-1, parts)


def output_beats(executable: Executable, net: QuantisedNet, x: torch.Tensor) -> Beats:
    """The golden model's outputs as the gateways send them; padding words are results of zeros."""
    y = net.forward_words(x).numpy()
    output_map = executable.images.output_map
    words = np.where(output_map >= 0, y[:, np.maximum(output_map, 0)], 0)
    return words_to_beats(executable.config, words)


@pytest.mark.parametrize("stall_per_mille, seed", [(0, 1), (300, 2)])
def test_papers_example(stall_per_mille, seed, tmp_path, waves):
    """(4, 4, 2, 2, 2) on 2x2: ClosNets, section III, figures 4 and 5, with values by hand."""
    example = paper_example()
    assert torch.equal(example.net.forward_words(example.x), example.y)
    bench = whole_job(tmp_path, compile(example.net, CONFIG).executable, example.net, example.x)
    bench.check(stall_per_mille=stall_per_mille, resets=3, seed=seed, waves=waves)


@pytest.mark.parametrize("host_bits, link_stages, stall_per_mille, seed", [
    (64, 1, 400, 2), pytest.param(32, 0, 0, 1, marks=pytest.mark.slow),
])
def test_random_net(host_bits, link_stages, stall_per_mille, seed, tmp_path, waves):
    config = dataclasses.replace(CONFIG, host_bits=host_bits, link_stages=link_stages)
    shapes = [ClosShape(9, 7, 3, 2, 2), ClosShape(7, 5, 2, 3, 2)]
    net = random_net(shapes, seed=seed)
    bench = whole_job(tmp_path, compile(net, config).executable, net,
                      random_words(net, 6, seed=seed))
    bench.check(stall_per_mille=stall_per_mille, resets=4, seed=seed, waves=waves)


def test_one_wrong_bit_of_a_weight_fails(tmp_path):
    example = paper_example()
    executable = compile(example.net, CONFIG).executable
    weights = executable.images.weights.copy()
    weights[1, 0, 0] ^= 4
    images = dataclasses.replace(executable.images, weights=weights)
    bench = whole_job(tmp_path, dataclasses.replace(executable, contents=images), example.net,
                      example.x)
    with pytest.raises(AssertionError, match="beats differ"):
        bench.check(stall_per_mille=0, resets=0, seed=1)
