"""A sparse body with a dense head trains on digits: every word of the RTL is the golden model's."""

import numpy as np
import pytest
import torch
from torch import nn

from golden import (
    ClosLinear,
    TrainingWidths,
    initial_state,
    propose_format,
    softmax_cross_entropy,
)
from golden.data import datasets
from golden.layers.dense import DenseShape
from golden.training.losses import loss_value
from sim.device.compare import ComparedTraining
from sw_driver.compiler import compile
from sw_driver.device.host_loss import HostLoss
from sw_driver.plan.placement import cut_dense
from sw_driver.plan.stage import StageKind
from tests.support.training_tori import WIDE

CONFIG = WIDE.config
RATE, SAMPLES, BATCH = 0.3, 160, 4


def body_and_head() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(ClosLinear(64, 24, (4, 4, 4)), nn.ReLU(), nn.Linear(24, 10))


def all_dense() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))


@pytest.mark.slow
@pytest.mark.parametrize("make, kinds", [
    pytest.param(body_and_head, "H1 V H2 dense sum out", marks=pytest.mark.slow),
    (all_dense, "dense dense sum out"),
])
def test_digits_with_a_dense_head(make, kinds):
    model = make()
    split = datasets.load("digits")
    x = torch.as_tensor(split.train_x[:SAMPLES])
    labels = torch.as_tensor(split.train_y[:SAMPLES])
    shapes = [layer.shape if isinstance(layer, ClosLinear)
              else DenseShape(layer.in_features, layer.out_features)
              for layer in model if not isinstance(layer, nn.ReLU)]
    cut = cut_dense(shapes, CONFIG.rows, CONFIG.cols, training=True)
    form = propose_format(
        model, x, labels, softmax_cross_entropy, RATE, batch_size=BATCH,
        widths=TrainingWidths(velocity_bits=32, bias_bits=CONFIG.bias_bits),
        dense_cuts=[shape.cuts for shape in cut if isinstance(shape, DenseShape)])
    assert form.shapes == cut
    compiled = compile(form, CONFIG, batches=True)
    assert " ".join(stage.kind.value for stage in compiled.stages) == kinds
    assert any(stage.kind is StageKind.SUM for stage in compiled.stages)
    state = initial_state(model, compiled.format, rows=CONFIG.rows, cols=CONFIG.cols)
    losses: list[float] = []
    with ComparedTraining(compiled, state) as compared:
        words = compared.golden.operands().quantise_input(x).numpy()
        before = loss_of(compared, x, labels)
        for start in range(0, SAMPLES, BATCH):
            host = HostLoss(compiled.format, softmax_cross_entropy)
            batch = labels[start : start + BATCH]

            def gradient_of(sample: int, outputs: np.ndarray, host=host, batch=batch):
                one = host.gradients(outputs[None], batch[sample : sample + 1], RATE / BATCH)
                return one[0]

            compared.train(words[start : start + BATCH], gradient_of)
            losses += host.losses
        assert not compared.read_state().differences(compared.golden.state)
        after = loss_of(compared, x, labels)
    print(f"{kinds}: loss {before:.3f} to {after:.3f} in {SAMPLES} samples")
    assert after < 0.8 * before


def loss_of(compared: ComparedTraining, x: torch.Tensor, labels: torch.Tensor) -> float:
    """Of all samples, by the weights that the golden model has."""
    return loss_value(softmax_cross_entropy, compared.golden.operands().infer(x), labels).loss
