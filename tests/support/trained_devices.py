"""Devices with a small net to train: the golden one, and the untimed interpreter."""

import torch

from golden import (
    ClosNet,
    ClosShape,
    TrainingWidths,
    initial_state,
    mean_squared_error,
    propose_format,
    softmax_cross_entropy,
)
from sw_driver.device.stream_device import StreamTrainingDevice
from sw_driver.device.training_device import TrainingDevice
from sw_driver.training_compiler import compile_training
from tests.support.training_interpreter import TrainingInterpreter

SHAPES = [ClosShape(12, 8, 3, 2, 2), ClosShape(8, 4, 2, 2, 2)]
RATE = 0.05


class InterpretedDevice(StreamTrainingDevice):
    """The untimed interpreter as a torus behind a host stream."""

    def _open(self, compiled):
        self.interpreter = TrainingInterpreter(compiled.config, seed=1)

    def _exchange(self, events, work):
        return self.interpreter.exchange(events), 1


def material(seed=0, loss=softmax_cross_entropy, **widths):
    torch.manual_seed(seed)
    model = ClosNet(SHAPES)
    x, labels = torch.rand(40, 12), torch.randint(0, 4, (40,))
    targets = labels
    if loss is mean_squared_error:
        targets = torch.nn.functional.one_hot(labels, 4).double()
    form = propose_format(model, x, targets, loss, 2 * RATE, widths=TrainingWidths(**widths))
    return model, x, targets, form


def loaded(kind, *, torus="2x2", loss=softmax_cross_entropy, velocity_bits=0, **options):
    model, x, targets, form = material(loss=loss, velocity_bits=velocity_bits)
    compiled = compile_training(form, torus, **options)
    config = compiled.config
    device: TrainingDevice = kind()
    device.load(compiled, initial_state(model, compiled.format, seed=3, rows=config.rows,
                                        cols=config.cols))
    return device, x, targets
