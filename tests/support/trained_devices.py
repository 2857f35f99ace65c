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
from sw_driver.compiler import compile
from sw_driver.device.device import Device
from sw_driver.device.torus_device import TorusDevice
from sw_driver.device.transport import Transport
from tests.support.training_interpreter import TrainingInterpreter

SHAPES = [ClosShape(12, 8, 3, 2, 2), ClosShape(8, 4, 2, 2, 2)]
RATE = 0.05


class Interpreted(Transport):
    """The untimed interpreter behind a host stream."""

    def open(self, compiled):
        self.interpreter = TrainingInterpreter(compiled.config, seed=1)
        return False

    def exchange(self, events, moved=None):
        return self.interpreter.exchange(events), 1

    def close(self):
        pass


class InterpretedDevice(TorusDevice):
    """A device on the untimed interpreter."""

    def __init__(self):
        super().__init__(Interpreted())

    @property
    def interpreter(self):
        return self._transport.interpreter


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
    compiled = compile(form, torus, **options)
    config = compiled.config
    device: Device = kind()
    device.load(compiled, initial_state(model, compiled.format, seed=3, rows=config.rows,
                                        cols=config.cols))
    return device, x, targets
